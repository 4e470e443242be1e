-- Payloads as they came. The work list is `landing_batch`: one row a commit of the receiver, so
-- that a row committed late can't hide below a high-water mark.
CREATE TABLE landing_batch (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at  timestamptz NOT NULL,
    messages     integer NOT NULL,
    validated_at timestamptz
);
CREATE INDEX landing_batch_waiting ON landing_batch (id) WHERE validated_at IS NULL;

-- What became of a batch, by gateway. A run that lost something can't commit.
CREATE TABLE account (
    batch     bigint NOT NULL REFERENCES landing_batch,
    gateway   text NOT NULL,
    messages  integer NOT NULL,
    landed    integer NOT NULL,
    accepted  integer NOT NULL,
    duplicate integer NOT NULL,
    refused   integer NOT NULL,
    PRIMARY KEY (batch, gateway),
    CHECK (landed = accepted + duplicate + refused),
    CHECK (landed >= messages)
);

CREATE TABLE landing (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    batch       bigint NOT NULL,
    received_at timestamptz NOT NULL,
    gateway     text NOT NULL,
    topic       text NOT NULL,
    payload     bytea NOT NULL
);
SELECT create_hypertable('landing', by_range('received_at', INTERVAL '1 day'),
                         create_default_indexes => false);
CREATE INDEX landing_by_batch ON landing (batch);
CREATE INDEX landing_by_id ON landing (id);

-- What the server holds of each gateway's spool: the set of committed numbers, as ranges.
CREATE TABLE receipt (
    gateway text NOT NULL,
    epoch   uuid NOT NULL,
    stored  int8multirange NOT NULL,
    PRIMARY KEY (gateway, epoch)
);
