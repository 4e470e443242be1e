-- settings --
-- What the servers of a measurement are set to.
SELECT name::text, setting || coalesce(unit, '') FROM pg_settings
WHERE name IN ('server_version', 'fsync', 'full_page_writes', 'synchronous_commit',
               'shared_buffers', 'max_wal_size', 'wal_compression', 'timescaledb.license')
UNION ALL
SELECT extname::text, extversion FROM pg_extension WHERE extname = 'timescaledb'

-- columns_of --
-- The table that an index is of, and the columns that are stored in it.
SELECT pg_class.relname::text, attname::text, atttypid::int8
FROM pg_index
JOIN pg_class ON pg_class.oid = pg_index.indrelid
JOIN pg_attribute ON attrelid = pg_class.oid
WHERE indexrelid = to_regclass(%(index)s) AND attnum > 0 AND NOT attisdropped
  AND attgenerated = '' AND attidentity = ''
ORDER BY attnum

-- dump --
-- A table's rows as they lie.
COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT binary)

-- dump_batch --
-- The messages of one commit of the receiver.
COPY (SELECT {columns} FROM {table} WHERE batch = {batch}) TO STDOUT (FORMAT binary)

-- load --
-- Back into the same table.
COPY {table} ({columns}) FROM STDIN (FORMAT binary)

-- values --
-- The same rows as values.
SELECT {columns} FROM {table}

-- batches --
-- The commits of the receiver in their order.
SELECT id FROM landing_batch ORDER BY id

-- open_batch --
-- What the receiver does for each commit.
INSERT INTO landing_batch (received_at, messages) VALUES (now(), %(messages)s)

-- empty --
-- Everything but who is enrolled, and the numbers of their series.
DO $$
BEGIN
    EXECUTE (
        SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ')
        FROM pg_tables
        WHERE schemaname = 'public'
          AND tablename NOT IN ('subject', 'identity', 'gateway', 'device', 'assignment', 'series',
                                'schema_migration', 'audit')
    );
END $$

-- validate_anew --
-- The same, but what landed is still there and waits.
DO $$
BEGIN
    CREATE TEMPORARY TABLE landed ON COMMIT DROP AS SELECT * FROM landing_batch;
    EXECUTE (
        SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ')
        FROM pg_tables
        WHERE schemaname = 'public'
          AND tablename NOT IN ('subject', 'identity', 'gateway', 'device', 'assignment', 'series',
                                'schema_migration', 'audit', 'landing', 'receipt')
    );
    INSERT INTO landing_batch (id, received_at, messages) OVERRIDING SYSTEM VALUE
    SELECT id, received_at, messages FROM landed;
END $$

-- checkpoint --
-- No round pays for what the one before left to write.
CHECKPOINT

-- landed --
-- How many messages are in committed batches.
SELECT coalesce(sum(messages), 0)::bigint FROM landing_batch

-- stored --
-- How many readings there are.
SELECT count(*) FROM reading

-- size --
-- What a hypertable takes on the disk, by part.
SELECT table_bytes, index_bytes, toast_bytes, total_bytes
FROM hypertable_detailed_size(%(table)s::regclass)

-- create_peer_table --
-- The shape that peers are usually given: a hypertable of a day's chunks, whose key leaves out
-- duplicates.
CREATE TABLE IF NOT EXISTS peer_reading (
    ts      timestamptz NOT NULL,
    value   float8 NOT NULL,
    subject integer NOT NULL,
    device  integer NOT NULL,
    metric  smallint NOT NULL
);
SELECT create_hypertable('peer_reading', by_range('ts', INTERVAL '1 day'), if_not_exists => true,
                         create_default_indexes => false);
CREATE UNIQUE INDEX IF NOT EXISTS peer_reading_key ON peer_reading (subject, metric, device, ts)

-- insert_peer_reading --
-- One reading, as a tutorial inserts it; what is there already is left out.
INSERT INTO peer_reading (ts, subject, device, metric, value)
VALUES (to_timestamp(%(at)s::float8 / 1000), %(subject)s, %(device)s, %(metric)s, %(value)s)
ON CONFLICT DO NOTHING

-- peer_has --
-- Whether a reading has come.
SELECT EXISTS (SELECT FROM peer_reading
               WHERE subject = %(subject)s AND device = %(device)s AND metric = %(metric)s
                 AND ts = to_timestamp(%(at)s::float8 / 1000))

-- peer_stored --
-- How many readings a peer has stored.
SELECT count(*) FROM peer_reading

-- newest --
-- The newest reading of each device: one look into the key a series.
SELECT device.address, newest.stamped_at
FROM device JOIN series ON series.device = device.id
CROSS JOIN LATERAL (
    SELECT stamped_at FROM reading WHERE reading.series = series.id
    ORDER BY stamped_at DESC LIMIT 1
) AS newest
WHERE device.address = ANY(%(addresses)s)

-- remember --
-- The rows that there are, to be put in again with earlier stamps.
CREATE TEMPORARY TABLE remembered AS SELECT {columns} FROM {table}

-- put_in_again --
-- The same rows some time earlier.
INSERT INTO {table} ({columns}) SELECT {earlier} FROM remembered

-- analyse --
-- As autovacuum leaves it.
VACUUM ANALYZE

-- trend_from_raw --
-- A patient's daily figures from the readings themselves.
SELECT series.metric, (reading.taken_at AT TIME ZONE subject.time_zone)::date AS day,
       count(*) AS n, min(reading.value), max(reading.value), avg(reading.value),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY reading.value::float8) AS median
FROM subject
JOIN series ON series.device IN (SELECT device FROM assignment WHERE subject = %(subject)s)
JOIN reading ON reading.series = series.id AND reading.subject = subject.id
WHERE subject.id = %(subject)s AND reading.stamped_at >= %(since)s::date
GROUP BY 1, 2
ORDER BY 1, 2

-- worklist_from_raw --
-- What the worklist says of readings, from the readings themselves.
SELECT subject.id, max(reading.taken_at) AS last_reading_at,
       count(DISTINCT (reading.taken_at AT TIME ZONE subject.time_zone)::date)
           FILTER (WHERE reading.taken_at > %(now)s::timestamptz - interval '7 days') AS days_of_7
FROM subject LEFT JOIN reading ON reading.subject = subject.id
WHERE subject.pathway <> 'observation'
GROUP BY subject.id

-- landed_since --
-- What a notification of the receiver's tells of.
SELECT id, payload FROM landing WHERE id > %(newest)s ORDER BY id

-- activity --
-- What the sessions of a profiled line do now.
SELECT query, coalesce(wait_event_type || ' ' || wait_event, 'at work') FROM pg_stat_activity
WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND query <> ''
