-- Who is measured, by what, through which gateway. Names live in `identity` and nowhere else.
CREATE EXTENSION IF NOT EXISTS timescaledb;
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE subject (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code      text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9-]{1,64}$'),
    time_zone text NOT NULL DEFAULT 'Europe/Paris',
    pathway   text NOT NULL DEFAULT 'observation'
);

CREATE TABLE identity (
    subject    integer PRIMARY KEY REFERENCES subject,
    family     text NOT NULL,
    given      text NOT NULL,
    birth_date date,
    sex        text NOT NULL DEFAULT 'unknown' CHECK (sex IN ('female', 'male', 'other', 'unknown'))
);

CREATE TABLE gateway (
    name            text PRIMARY KEY CHECK (name ~ '^[a-z0-9-]{2,64}$'),
    enrolled_at     timestamptz NOT NULL DEFAULT now(),
    last_contact_at timestamptz
);

CREATE TABLE device (
    id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address text NOT NULL UNIQUE,
    name    text NOT NULL DEFAULT '',
    gateway text REFERENCES gateway
);

-- A reading is the person's to whom the device was given when it was taken. `slot` is the user
-- number of a shared device; NULL where the device serves one person.
CREATE TABLE assignment (
    device  integer NOT NULL REFERENCES device,
    subject integer NOT NULL REFERENCES subject,
    slot    smallint,
    during  tstzrange NOT NULL,
    EXCLUDE USING gist (device WITH =, (coalesce(slot, -1)) WITH =, during WITH &&)
);
