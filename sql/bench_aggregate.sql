-- fill --
-- Readings of every series in the order in which they arrive: each home's messages in turn.
INSERT INTO packed_reading (stamped_at, source, series, sequence, subject, value)
SELECT at, source_of(turn * 1000 + series.id, one::smallint, 1::smallint), series.id, 0,
       assignment.subject, 60 + ((turn * %(per_message)s + one) * 7919 + series.id * 31) %% 41
                           + (turn + one) %% 10 / 10.0
FROM generate_series(0, %(each)s::integer / %(per_message)s::integer - 1) AS turn
CROSS JOIN (SELECT id, device FROM series ORDER BY id OFFSET 0) AS series
JOIN assignment ON assignment.device = series.device
CROSS JOIN generate_series(0, %(per_message)s - 1) AS one
CROSS JOIN LATERAL (
    SELECT %(start)s::timestamptz + (turn * %(per_message)s + one) * interval '5 seconds' AS at
) AS stamped
ORDER BY turn, series.id, one

-- windows --
-- The work list as validate leaves it.
INSERT INTO dirty_window (subject, metric, day, stamped_from, stamped_to, last_at)
SELECT reading.subject, series.metric, (reading.taken_at AT TIME ZONE subject.time_zone)::date,
       min(reading.stamped_at), max(reading.stamped_at), max(reading.taken_at)
FROM reading
JOIN series ON series.id = reading.series
JOIN subject ON subject.id = reading.subject
GROUP BY 1, 2, 3

-- extent --
-- The days that there are, and how many windows.
SELECT min(day), max(day), count(*) FROM dirty_window

-- touch --
-- A share of the windows, taken at random, has a late reading.
UPDATE dirty_window SET generation = generation + 1, touched_at = now()
FROM (
    SELECT subject, metric, day FROM dirty_window ORDER BY random()
    LIMIT (SELECT greatest(1, round(count(*) * %(share)s)) FROM dirty_window)
) AS touched
WHERE dirty_window.subject = touched.subject AND dirty_window.metric = touched.metric
  AND dirty_window.day = touched.day

-- in_sql --
-- Rollups of one size as SQL alone makes them.
SELECT reading.subject, series.metric,
       time_bucket(%(size)s::interval, reading.taken_at, 'Europe/Paris') AS bucket_start,
       count(*) AS n, min(reading.value::float8), max(reading.value::float8),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY reading.value::float8) AS median,
       avg(reading.value::float8), sum(reading.value::float8)
FROM reading JOIN series ON series.id = reading.series
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

-- kept --
-- The same of what is kept.
SELECT subject, metric, bucket_start, n, min, max, median, mean, sum FROM rollup
WHERE size = %(size)s ORDER BY 1, 2, 3

-- checksum --
-- Every digit of every rollup.
SELECT md5(string_agg(rollup::text, ' ' ORDER BY subject, metric, size, bucket_start)) FROM rollup

-- spoil --
-- What is not recomputed after this shows in the checksum.
UPDATE rollup SET n = 0, mean = -1
