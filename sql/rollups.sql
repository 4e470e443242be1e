-- take_windows --
-- Windows behind their readings that nobody recomputes now; the longest waiting first.
SELECT dirty_window.subject, metric, day, generation, stamped_from, stamped_to, subject.time_zone
FROM dirty_window JOIN subject ON subject.id = dirty_window.subject
WHERE done < generation
ORDER BY touched_at
LIMIT %(limit)s
FOR UPDATE OF dirty_window SKIP LOCKED

-- readings_of_windows --
-- Every reading of the windows taken, whole: statistics and invalid figures stay out.
SELECT reading.subject, series.metric, w.day, reading.taken_at, reading.value::float8 AS value
FROM unnest(%(subjects)s::integer[], %(metrics)s::text[], %(days)s::date[],
            %(stamped_from)s::timestamptz[], %(stamped_to)s::timestamptz[],
            %(day_start)s::timestamptz[], %(day_end)s::timestamptz[])
     AS w (subject, metric, day, stamped_from, stamped_to, day_start, day_end)
JOIN series ON series.metric = w.metric
           AND series.device IN (SELECT device FROM assignment WHERE subject = w.subject)
JOIN reading ON reading.series = series.id AND reading.subject = w.subject
            AND reading.stamped_at BETWEEN w.stamped_from AND w.stamped_to
            AND reading.taken_at >= w.day_start AND reading.taken_at < w.day_end
WHERE reading.quality & %(left_out)s = 0
ORDER BY reading.taken_at, reading.value

-- clear_windows --
-- A window's rollups are written anew, so that a bucket without readings is gone.
DELETE FROM rollup USING unnest(%(subjects)s::integer[], %(metrics)s::text[], %(days)s::date[])
    AS w (subject, metric, day)
WHERE rollup.subject = w.subject AND rollup.metric = w.metric AND rollup.day = w.day

-- copy_rollups --
-- The recomputed buckets.
COPY rollup (subject, metric, size, bucket_start, day, n, min, max, mean, median, sum, first, last,
             coverage) FROM STDIN (FORMAT binary)

-- done --
-- Cleared only where no reading came meanwhile: the generation is still the one read.
UPDATE dirty_window SET done = w.generation
FROM unnest(%(subjects)s::integer[], %(metrics)s::text[], %(days)s::date[],
            %(generations)s::bigint[]) AS w (subject, metric, day, generation)
WHERE dirty_window.subject = w.subject AND dirty_window.metric = w.metric
  AND dirty_window.day = w.day

-- mark_subjects --
-- Rules and summaries of these subjects are behind now.
INSERT INTO dirty_subject (subject)
SELECT * FROM unnest(%(subjects)s::integer[]) ORDER BY 1
ON CONFLICT (subject) DO UPDATE SET generation = dirty_subject.generation + 1

-- daily --
-- Daily figures of one patient.
SELECT metric, day, n, min, max, mean, median, sum, first, last, coverage FROM rollup
WHERE subject = %(subject)s AND size = 'day' AND day >= %(since)s
ORDER BY metric, day
