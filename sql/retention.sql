-- edition --
-- apache or timescale: what this TimescaleDB can do.
SELECT current_setting('timescaledb.license')

-- lock --
-- One run at a time drops; until its transaction ends.
SELECT pg_advisory_xact_lock(%(lock)s)

-- wait_briefly --
-- A drop waits for readers, and whoever comes after waits for the drop.
SELECT set_config('lock_timeout', '2s', true)

-- old_days --
-- The days of landing that are older than it is kept.
SELECT range_start, range_end FROM timescaledb_information.chunks
WHERE hypertable_schema = current_schema() AND hypertable_name = 'landing'
  AND range_end <= %(now)s::timestamptz - make_interval(months => %(months)s)
ORDER BY range_start

-- day --
-- What a day of landing holds.
SELECT count(*), coalesce(min(id), 0), coalesce(max(id), 0) FROM landing
WHERE received_at >= %(received_from)s AND received_at < %(received_to)s

-- size_of_day --
-- What a day takes on the disk, with its indexes.
SELECT coalesce(sum(total_bytes), 0)::bigint FROM chunks_detailed_size('landing') AS size
JOIN timescaledb_information.chunks AS chunk
  ON (chunk.chunk_schema, chunk.chunk_name) = (size.chunk_schema, size.chunk_name)
WHERE chunk.range_start = %(received_from)s AND chunk.range_end = %(received_to)s

-- find_needed --
-- What of a day somebody still needs: not validated yet, refused and not looked at, or what an
-- open signal rests on.
CREATE TEMPORARY TABLE needed ON COMMIT DROP AS
SELECT landing.id, 'unvalidated' AS why
FROM landing JOIN landing_batch ON landing_batch.id = landing.batch
WHERE landing.received_at >= %(received_from)s AND landing.received_at < %(received_to)s
  AND landing_batch.validated_at IS NULL
UNION
SELECT landing.id, 'refused'
FROM landing JOIN refused ON refused.landing = landing.id
WHERE landing.received_at >= %(received_from)s AND landing.received_at < %(received_to)s
  AND refused.state = 'new'
UNION
SELECT landing.id, 'evidence'
FROM signal
CROSS JOIN LATERAL jsonb_array_elements_text(signal.evidence) AS key
JOIN reading ON reading.series = split_part(key, '/', 1)::integer
            AND reading.stamped_at = timestamptz 'epoch'
                                     + split_part(key, '/', 2)::bigint * interval '1 microsecond'
            AND reading.sequence = split_part(key, '/', 3)::integer
JOIN landing ON landing.id = reading.landing
WHERE signal.state <> 'closed'
  AND landing.received_at >= %(received_from)s AND landing.received_at < %(received_to)s

-- count_needed --
-- How many messages are needed in all, and for which reason; one may have several.
SELECT count(DISTINCT id), count(*) FILTER (WHERE why = 'unvalidated'),
       count(*) FILTER (WHERE why = 'refused'), count(*) FILTER (WHERE why = 'evidence')
FROM needed

-- set_aside --
-- The needed messages, while their day is dropped.
CREATE TEMPORARY TABLE aside ON COMMIT DROP AS
SELECT id, batch, received_at, gateway, topic, payload FROM landing
WHERE received_at >= %(received_from)s AND received_at < %(received_to)s
  AND id IN (SELECT id FROM needed)

-- drop_day --
-- A chunk goes at once, where deleting its rows would leave the space behind.
SELECT drop_landing_day(%(received_from)s, %(received_to)s)

-- put_back --
-- Under their own ids, by which everything refers to them.
INSERT INTO landing (id, batch, received_at, gateway, topic, payload) OVERRIDING SYSTEM VALUE
SELECT id, batch, received_at, gateway, topic, payload FROM aside ORDER BY id

-- remember --
-- In the same transaction: what is gone is known to be gone.
INSERT INTO landing_dropped (dropped_at, received_from, received_to, id_from, id_to, messages, kept)
SELECT %(now)s, %(received_from)s, %(received_to)s, %(id_from)s, %(id_to)s, %(messages)s,
       coalesce(array_agg(id ORDER BY id), '{}') FROM aside

-- pack --
-- Community edition: the server packs by column, by itself, what is older and never written again.
SELECT pack_landing(%(days)s)

-- columnstore_days --
-- After how many days the policy packs; nothing where there is none.
SELECT extract(epoch FROM (config ->> 'compress_after')::interval)::bigint / 86400
FROM timescaledb_information.jobs
WHERE hypertable_name = 'landing' AND proc_name = 'policy_compression'

-- sizes --
-- What each large table takes on the disk, with its indexes.
SELECT name, hypertable_size(name::regclass) AS bytes FROM unnest(ARRAY['landing', 'rollup']) AS name
UNION ALL
SELECT 'reading', hypertable_size('packed_reading') + pg_total_relation_size('packed_beside')
UNION ALL
SELECT name, pg_total_relation_size(name::regclass)
FROM unnest(ARRAY['account', 'dirty_window', 'landing_batch', 'reading_revision', 'receipt',
                  'refused', 'series', 'signal', 'summary']) AS name
ORDER BY bytes DESC

-- counts --
-- How many readings there are, exactly, and how many messages of theirs are still kept.
SELECT (SELECT count(*) FROM reading), (SELECT count(*) FROM landing)
