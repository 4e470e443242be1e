-- Replay: landing read again with today's decoder, registry and mappings; what that changes is
-- kept as revisions.

-- One row a replay: who asked for what and why, and how far it is, so that one that was killed goes
-- on. `known` is a digest of what it reads by: only an equal one goes on where another stopped.
CREATE TABLE replay (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked       jsonb NOT NULL,
    known       text NOT NULL,
    who         text NOT NULL,
    why         text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    done_to     bigint NOT NULL DEFAULT 0,
    finished_at timestamptz
);

-- The whole row before and after. `new`: was refused; `withdrawn`: no reading any more, and what it
-- is read as instead where there is something.
ALTER TABLE reading_revision
    ALTER COLUMN old_value DROP NOT NULL,
    ALTER COLUMN new_value DROP NOT NULL,
    ALTER COLUMN old_decoder DROP NOT NULL,
    ALTER COLUMN new_decoder DROP NOT NULL,
    ADD COLUMN kind text NOT NULL DEFAULT 'changed'
        CHECK (kind IN ('new', 'changed', 'withdrawn')),
    ADD COLUMN who text NOT NULL DEFAULT '',
    ADD COLUMN replay bigint REFERENCES replay,
    ADD COLUMN old_sent numeric,
    ADD COLUMN new_sent numeric,
    ADD COLUMN old_quality bigint,
    ADD COLUMN new_quality bigint,
    ADD COLUMN old_taken_at timestamptz,
    ADD COLUMN new_taken_at timestamptz,
    ADD COLUMN old_subject integer,
    ADD COLUMN new_subject integer,
    ADD COLUMN old_landing bigint,
    ADD COLUMN new_landing bigint,
    ADD COLUMN old_item smallint,
    ADD COLUMN new_item smallint,
    ADD COLUMN became_series integer,
    ADD COLUMN became_stamped_at timestamptz,
    ADD COLUMN became_sequence integer,
    ADD CHECK ((kind = 'new') = (old_value IS NULL)),
    ADD CHECK ((kind = 'withdrawn') = (new_value IS NULL));

-- What a reading was read as before.
CREATE INDEX reading_revision_became
    ON reading_revision (became_series, became_stamped_at, became_sequence)
    WHERE became_series IS NOT NULL;

-- What came again. Where the reading it doubles is withdrawn, it may stand in its place.
CREATE TABLE duplicate (
    stamped_at timestamptz NOT NULL,
    landing    bigint NOT NULL,
    series     integer NOT NULL,
    sequence   integer NOT NULL,
    item       smallint NOT NULL
);
CREATE INDEX duplicate_key ON duplicate (series, stamped_at, sequence);

-- Both tables grow in the order of landing: block ranges find a message's rows at no cost.
CREATE INDEX duplicate_by_landing ON duplicate USING brin (landing)
    WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX reading_by_landing ON reading USING brin (landing)
    WITH (pages_per_range = 16, autosummarize = on);

-- Whether a batch's duplicates are in `duplicate`. Those of older batches were only counted: such a
-- batch is replayed whole.
ALTER TABLE landing_batch ADD COLUMN traced boolean NOT NULL DEFAULT false;
UPDATE landing_batch SET traced = true
WHERE validated_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM account WHERE batch = landing_batch.id AND duplicate > 0);

-- The workbench: whose message it was, read by which decoder (0: before this was kept), and the
-- last hand on it.
ALTER TABLE refused
    ADD COLUMN gateway text NOT NULL DEFAULT '',
    ADD COLUMN received_at timestamptz,
    ADD COLUMN device text NOT NULL DEFAULT '',
    ADD COLUMN decoder smallint NOT NULL DEFAULT 0,
    ADD COLUMN who text NOT NULL DEFAULT '',
    ADD COLUMN changed_at timestamptz;
UPDATE refused SET gateway = landing.gateway, received_at = landing.received_at
FROM landing WHERE landing.id = refused.landing;

CREATE TABLE refused_event (
    landing bigint NOT NULL,
    item    smallint NOT NULL,
    part    smallint NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    who     text NOT NULL,
    state   text NOT NULL,
    note    text NOT NULL DEFAULT ''
);
CREATE INDEX refused_event_by_refusal ON refused_event (landing, item, part, at);

-- A window whose readings were all withdrawn has no last one, and is no day with a measurement.
ALTER TABLE dirty_window ALTER COLUMN last_at DROP NOT NULL;
