-- What is to be sent to another system, and its receipt. A bundle is made once, in the transaction
-- that says it is due: what was sent is what stands here.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject,
    -- What it tells of, and as of which state: the same is queued once, and a newer state of a thing
    -- takes the place of one that nobody took yet.
    thing text NOT NULL,
    key text NOT NULL UNIQUE,
    body bytea NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'refused')),
    ended_at timestamptz,
    -- The answer: its status, and what it said, never longer than a line.
    status integer,
    answer text NOT NULL DEFAULT ''
);
CREATE INDEX outbox_waiting ON outbox (due_at) WHERE state = 'waiting';
CREATE INDEX outbox_of_thing ON outbox (thing) WHERE state <> 'delivered';
CREATE INDEX outbox_of_subject ON outbox (subject);

-- Up to which change a patient's windows were queued.
ALTER TABLE dirty_window ADD COLUMN sent bigint NOT NULL DEFAULT 0;

-- What waits for who delivers: windows whose figures are up to date and were not sent as they are.
CREATE INDEX dirty_window_unsent ON dirty_window (subject, day) WHERE sent < generation;
