-- When a backup was made last: how old it is, is watched.
CREATE TABLE backup (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_at  timestamptz NOT NULL,
    bytes    bigint NOT NULL,
    readings bigint NOT NULL
);
GRANT SELECT ON backup TO balise_flows;

-- What came within an hour is found by when it came, not by reading all there ever was.
CREATE INDEX landing_batch_received ON landing_batch USING brin (received_at)
    WITH (pages_per_range = 16, autosummarize = on);
