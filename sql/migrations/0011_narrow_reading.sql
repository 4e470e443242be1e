-- A reading in eight columns: with a ninth, each row's header is eight bytes longer. And in a key of
-- sixteen bytes: B-tree pages of longer ones stay half full where many series grow at once.
-- `reading` is a view now and shows every fact as a column of its own.
ALTER TABLE reading RENAME TO wide_reading;
ALTER INDEX reading_key RENAME TO wide_reading_key;
ALTER INDEX reading_by_landing RENAME TO wide_reading_by_landing;

-- What nearly every reading says the same of itself: NULL where taken when stamped, sent as stored.
CREATE TYPE mended AS (taken_at timestamptz, sent numeric);

CREATE TABLE packed_reading (
    stamped_at timestamptz NOT NULL,
    -- Message, item and decoder: `source_of`.
    source     bigint NOT NULL CHECK (source >= 0),
    series     integer NOT NULL,
    sequence   integer NOT NULL,
    subject    integer NOT NULL,
    value      numeric NOT NULL,
    -- The bits of the quality, NULL for none. Numeric, since that needs no alignment.
    flags      numeric,
    mended     mended
);
SELECT create_hypertable('packed_reading', by_range('stamped_at', INTERVAL '7 days'),
                         create_default_indexes => false);

-- A series' other readings of one moment, of other sequences than the one in `packed_reading`; there
-- is none of a moment that has none there.
CREATE TABLE packed_beside (LIKE packed_reading INCLUDING CONSTRAINTS);

-- How it is packed, and how it is read. In sql/packing.py once more, for binary COPY.
CREATE FUNCTION source_of(landing bigint, item smallint, decoder smallint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (landing << 23) | (item::bigint << 8) | decoder;

CREATE FUNCTION landing_of(source bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN source >> 23;

CREATE FUNCTION item_of(source bigint) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((source >> 8) & 32767)::smallint;

CREATE FUNCTION decoder_of(source bigint) RETURNS smallint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (source & 255)::smallint;

CREATE FUNCTION flags_of(quality bigint) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN nullif(quality, 0)::numeric;

CREATE FUNCTION quality_of(flags numeric) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce(flags, 0)::bigint;

CREATE FUNCTION mended_of(
    stamped_at timestamptz, taken_at timestamptz, value numeric, sent numeric) RETURNS mended
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN taken_at <> stamped_at OR sent <> value
                THEN ROW(nullif(taken_at, stamped_at), nullif(sent, value))::mended END;

CREATE FUNCTION taken_at_of(stamped_at timestamptz, mended mended) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce((mended).taken_at, stamped_at);

CREATE UNIQUE INDEX reading_key ON packed_reading (series, stamped_at);
CREATE UNIQUE INDEX beside_key ON packed_beside (series, stamped_at, sequence);

-- In the order of landing, in which block ranges find a message's rows.
INSERT INTO packed_reading (stamped_at, source, series, sequence, subject, value, flags, mended)
SELECT stamped_at, source_of(landing, item, decoder), series, sequence, subject, value,
       flags_of(quality), mended_of(stamped_at, taken_at, value, sent)
FROM wide_reading ORDER BY landing, series, stamped_at, sequence
ON CONFLICT (series, stamped_at) DO NOTHING;

INSERT INTO packed_beside (stamped_at, source, series, sequence, subject, value, flags, mended)
SELECT stamped_at, source_of(landing, item, decoder), series, sequence, subject, value,
       flags_of(quality), mended_of(stamped_at, taken_at, value, sent)
FROM wide_reading
WHERE NOT EXISTS (SELECT FROM packed_reading AS stored
                  WHERE stored.series = wide_reading.series
                    AND stored.stamped_at = wide_reading.stamped_at
                    AND stored.sequence = wide_reading.sequence)
ORDER BY landing, series, stamped_at, sequence;

CREATE INDEX reading_by_landing ON packed_reading USING brin (landing_of(source))
    WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX beside_by_landing ON packed_beside USING brin (landing_of(source))
    WITH (pages_per_range = 16, autosummarize = on);

DROP TABLE wide_reading;
CREATE VIEW reading AS
SELECT stamped_at, taken_at_of(stamped_at, mended) AS taken_at, landing_of(source) AS landing,
       series, sequence, subject, quality_of(flags) AS quality, item_of(source) AS item,
       decoder_of(source) AS decoder, value, (mended).sent AS sent
FROM packed_reading
UNION ALL
SELECT stamped_at, taken_at_of(stamped_at, mended), landing_of(source), series, sequence, subject,
       quality_of(flags), item_of(source), decoder_of(source), value, (mended).sent
FROM packed_beside;
