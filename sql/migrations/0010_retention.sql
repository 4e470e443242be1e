-- Which days of landing were dropped, and when, but for the messages kept of them: a reading whose
-- bytes are gone says so. Ids interleave at midnight, where two receivers commit at once.
CREATE TABLE landing_dropped (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dropped_at    timestamptz NOT NULL DEFAULT now(),
    received_from timestamptz NOT NULL,
    received_to   timestamptz NOT NULL,
    id_from       bigint NOT NULL,
    id_to         bigint NOT NULL,
    messages      bigint NOT NULL,
    kept          bigint[] NOT NULL,
    CHECK (cardinality(kept) < messages)
);

-- How far a backfill is: the last window it has marked. One that was killed goes on from there.
CREATE TABLE backfill (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    since       date NOT NULL,
    until       date NOT NULL,
    windows     bigint NOT NULL,
    marked      bigint NOT NULL DEFAULT 0,
    day         date NOT NULL,
    subject     integer NOT NULL DEFAULT 0,
    metric      text NOT NULL DEFAULT '',
    begun_at    timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CHECK (since <= until)
);
CREATE UNIQUE INDEX backfill_open ON backfill (since, until) WHERE finished_at IS NULL;
CREATE INDEX dirty_window_by_day ON dirty_window (day, subject, metric);
