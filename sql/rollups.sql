-- waiting --
-- Windows behind their readings that nobody recomputes now; the longest waiting first, and of those
-- marked at once each day before the one that is compared with it. Read through a cursor, which
-- locks a window when it hands it over.
SELECT dirty_window.subject, metric, day, generation, stamped_from, stamped_to, subject.time_zone
FROM dirty_window JOIN subject ON subject.id = dirty_window.subject
WHERE done < generation
ORDER BY touched_at, dirty_window.subject, metric, day
FOR UPDATE OF dirty_window SKIP LOCKED

-- readings_of_windows --
-- Every reading of the windows taken, whole: statistics and invalid figures stay out. A row a
-- window and series, its times and values packed end to end: a row a reading would cost the client
-- more than all else. `first` and `last` tell the planner which chunks there are to look at.
SELECT w.number, series.device, packed.times, packed.values
FROM unnest(%(numbers)s::integer[], %(subjects)s::integer[], %(metrics)s::text[],
            %(stamped_from)s::timestamptz[], %(stamped_to)s::timestamptz[],
            %(day_start)s::timestamptz[], %(day_end)s::timestamptz[])
     AS w (number, subject, metric, stamped_from, stamped_to, day_start, day_end)
CROSS JOIN LATERAL (
    SELECT id, device FROM series
    WHERE metric = w.metric
      AND device IN (SELECT device FROM assignment WHERE subject = w.subject)
) AS series
CROSS JOIN LATERAL (
    SELECT string_agg(timestamptz_send(reading.taken_at), '') AS times,
           string_agg(float8send(reading.value::float8), '') AS values
    FROM reading
    WHERE reading.series = series.id AND reading.subject = w.subject
      AND reading.stamped_at BETWEEN w.stamped_from AND w.stamped_to
      AND reading.stamped_at BETWEEN %(first)s AND %(last)s
      AND reading.taken_at >= w.day_start AND reading.taken_at < w.day_end
      AND reading.quality & %(left_out)s = 0
) AS packed
WHERE packed.times IS NOT NULL

-- clear_windows --
-- A window's rollups are written anew, so that a bucket without readings is gone. The two days
-- around find them by the key, also where the patient's time zone was another when they were made.
DELETE FROM rollup USING unnest(%(subjects)s::integer[], %(metrics)s::text[], %(days)s::date[])
    AS w (subject, metric, day)
WHERE rollup.subject = w.subject AND rollup.metric = w.metric AND rollup.day = w.day
  AND rollup.size IN ('hour', 'day')
  AND rollup.bucket_start BETWEEN w.day - interval '2 days' AND w.day + interval '3 days'

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
-- Rules and summaries of these subjects are behind now; what the worklist says of them is not.
INSERT INTO dirty_subject (subject, last_reading_at, days_seen)
SELECT one, seen.last_reading_at, seen.days_seen
FROM unnest(%(subjects)s::integer[]) AS one CROSS JOIN LATERAL seen_of(one) AS seen
ORDER BY one
ON CONFLICT (subject) DO UPDATE SET generation = dirty_subject.generation + 1,
    assess_since = CASE WHEN dirty_subject.assessed = dirty_subject.generation
                        THEN now() ELSE dirty_subject.assess_since END,
    summarise_since = CASE WHEN dirty_subject.summarised = dirty_subject.generation
                           THEN now() ELSE dirty_subject.summarise_since END,
    last_reading_at = excluded.last_reading_at, days_seen = excluded.days_seen

-- daily --
-- Daily figures of one patient.
SELECT metric, day, n, min, max, mean, median, sum, first, last, coverage FROM rollup
WHERE subject = %(subject)s AND size = 'day' AND day >= %(since)s
ORDER BY metric, day
