-- What a clinician set and signed for a patient. A new version is a new row, and the newest holds:
-- the rows are the history.
CREATE TABLE plan (
    subject integer NOT NULL REFERENCES subject,
    version integer NOT NULL CHECK (version > 0),
    content jsonb NOT NULL,
    signed_by text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, version)
);

-- Before plans were signed every rule of the pathway judged: who is followed stays so.
INSERT INTO plan (subject, version, content, signed_by)
SELECT id, 1, '{"limits": {}, "delays": {}, "protocol": ""}', 'balise' FROM subject
WHERE pathway <> 'observation';

-- Days in which nothing is expected of a patient, the last one included: a stay in hospital.
CREATE TABLE pause (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject,
    first_day date NOT NULL,
    last_day date NOT NULL CHECK (last_day >= first_day),
    reason text NOT NULL CHECK (reason IN ('hospital', 'holiday', 'other')),
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    withdrawn_by text,
    withdrawn_at timestamptz
);
CREATE INDEX pause_of_subject ON pause (subject);

-- What one of the team tells the others about a patient.
CREATE TABLE note (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject,
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    text text NOT NULL CHECK (text <> '')
);
CREATE INDEX note_of_subject ON note (subject);

-- Who cares for a patient, and as what; who left the team stays in its history.
CREATE TABLE team_member (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject,
    name text NOT NULL CHECK (name <> ''),
    role text NOT NULL
        CHECK (role IN ('hospital', 'general_practitioner', 'nurse', 'social_worker', 'relative')),
    contact text NOT NULL DEFAULT '',
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    left_at timestamptz
);
CREATE INDEX team_member_of_subject ON team_member (subject);
