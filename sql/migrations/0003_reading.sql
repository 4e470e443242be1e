-- One row a figure. The key is small and made of what never changes: `stamped_at` follows from
-- the device's own bytes, the corrected `taken_at` is another column.
CREATE TABLE series (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device   integer NOT NULL REFERENCES device,
    metric   text NOT NULL,
    position smallint NOT NULL,
    unit     text NOT NULL,
    UNIQUE (device, metric, position, unit)
);

CREATE TABLE reading (
    stamped_at timestamptz NOT NULL,
    taken_at   timestamptz NOT NULL,
    landing    bigint NOT NULL,
    series     integer NOT NULL,
    sequence   integer NOT NULL,
    subject    integer NOT NULL,
    quality    integer NOT NULL,
    item       smallint NOT NULL,
    decoder    smallint NOT NULL,
    -- Canonical unit; `sent` is kept only where the device sent another unit.
    value      numeric NOT NULL,
    sent       numeric
);
SELECT create_hypertable('reading', by_range('stamped_at', INTERVAL '7 days'),
                         create_default_indexes => false);
CREATE UNIQUE INDEX reading_key ON reading (series, stamped_at, sequence);

CREATE TABLE reading_revision (
    series      integer NOT NULL,
    stamped_at  timestamptz NOT NULL,
    sequence    integer NOT NULL,
    old_value   numeric NOT NULL,
    new_value   numeric NOT NULL,
    old_decoder smallint NOT NULL,
    new_decoder smallint NOT NULL,
    revised_at  timestamptz NOT NULL DEFAULT now(),
    why         text NOT NULL,
    PRIMARY KEY (series, stamped_at, sequence, revised_at)
);

CREATE TABLE refused (
    landing    bigint NOT NULL,
    item       smallint NOT NULL,
    part       smallint NOT NULL,
    reason     text NOT NULL,
    detail     text NOT NULL,
    state      text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'replayed', 'discarded')),
    note       text NOT NULL DEFAULT '',
    refused_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (landing, item, part)
);
CREATE INDEX refused_by_reason ON refused (reason) WHERE state = 'new';
