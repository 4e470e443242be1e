-- beside_preferences --
-- A window is computed by preferences that do not change meanwhile. Released by the commit.
SELECT pg_advisory_xact_lock_shared(%(lock)s)

-- before_recomputing --
-- The other side of it: waits for the runs that recompute, holds up those that come.
SELECT pg_advisory_xact_lock(%(lock)s)

-- several --
-- For which metrics patients have several devices.
SELECT assignment.subject, series.metric
FROM assignment JOIN series ON series.device = assignment.device
WHERE (assignment.subject, series.metric) IN (
    SELECT * FROM unnest(%(subjects)s::integer[], %(metrics)s::text[])
)
GROUP BY assignment.subject, series.metric
HAVING count(DISTINCT assignment.device) > 1

-- pathways --
-- Which pathway these patients follow.
SELECT id, pathway FROM subject WHERE id = ANY(%(subjects)s)

-- chosen --
-- Which device is preferred for these patients now, by metric.
SELECT subject, metric, device
FROM (SELECT DISTINCT ON (subject, metric) subject, metric, device
      FROM source_preference WHERE subject = ANY(%(subjects)s)
      ORDER BY subject, metric, id DESC) AS newest
WHERE device IS NOT NULL

-- devices --
-- Every device that was ever one of these patients', and what was said of it.
SELECT DISTINCT assignment.subject, device.id, device.address, device.model
FROM assignment JOIN device ON device.id = assignment.device
WHERE assignment.subject = ANY(%(subjects)s)

-- readings_of_windows --
-- The readings of windows with their keys, whole: a row a window and series, packed end to end.
-- `first` and `last` tell the planner which chunks there are to look at.
SELECT w.number, series.device, series.id, packed.*
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
    SELECT count(*) AS n,
           string_agg(timestamptz_send(reading.stamped_at), '') AS stamps,
           string_agg(int4send(reading.sequence), '') AS sequences,
           string_agg(timestamptz_send(reading.taken_at), '') AS times,
           string_agg(float8send(reading.value::float8), '') AS values,
           string_agg(int8send(reading.quality), '') AS qualities
    FROM reading
    WHERE reading.series = series.id AND reading.subject = w.subject
      AND reading.stamped_at BETWEEN w.stamped_from AND w.stamped_to
      AND reading.stamped_at BETWEEN %(first)s AND %(last)s
      AND reading.taken_at >= w.day_start AND reading.taken_at < w.day_end
      AND reading.quality & %(left_out)s = 0
) AS packed
WHERE packed.n > 0

-- lasts --
-- The last readings of these windows as they are stored, and of those a few days before them.
SELECT DISTINCT held.subject, held.metric, held.day, held.device, held.series, held.stamped_at,
       held.sequence, held.taken_at, held.value, 0::bigint AS quality
FROM unnest(%(subjects)s::integer[], %(metrics)s::text[], %(days)s::date[], %(around)s::integer[])
     AS w (subject, metric, day, around)
JOIN window_last AS held ON held.subject = w.subject AND held.metric = w.metric
                        AND held.day BETWEEN w.day - w.around AND w.day

-- clear_sources --
-- A window's sources are written anew.
DELETE FROM source USING unnest(%(subjects)s::integer[], %(metrics)s::text[], %(days)s::date[])
    AS w (subject, metric, day)
WHERE source.subject = w.subject AND source.metric = w.metric AND source.day = w.day

-- clear_findings --
-- So are its findings.
DELETE FROM finding USING unnest(%(subjects)s::integer[], %(metrics)s::text[], %(days)s::date[])
    AS w (subject, metric, day)
WHERE finding.subject = w.subject AND finding.metric = w.metric AND finding.day = w.day

-- clear_lasts --
-- And its last readings.
DELETE FROM window_last USING unnest(%(subjects)s::integer[], %(metrics)s::text[], %(days)s::date[])
    AS w (subject, metric, day)
WHERE window_last.subject = w.subject AND window_last.metric = w.metric AND window_last.day = w.day

-- copy_sources --
-- The devices of windows that have several.
COPY source (subject, metric, day, device, place, n, hours, counts, reason)
FROM STDIN (FORMAT binary)

-- copy_findings --
-- What was found.
COPY finding (subject, metric, day, series, stamped_at, sequence, kind, other_series,
              other_stamped_at, other_sequence) FROM STDIN (FORMAT binary)

-- copy_lasts --
-- What the next windows are compared with.
COPY window_last (subject, metric, day, device, series, stamped_at, sequence, taken_at, value)
FROM STDIN (FORMAT binary)

-- copy_recheck --
-- The windows that are compared with another reading now.
COPY window_recheck (subject, metric, day) FROM STDIN (FORMAT binary)

-- take_recheck --
-- Work off the list, beside others who do.
DELETE FROM window_recheck
WHERE ctid = ANY(ARRAY(SELECT ctid FROM window_recheck LIMIT 10000 FOR UPDATE SKIP LOCKED))
RETURNING subject, metric, day

-- recheck --
-- Mark those that there are, in the order in which everybody marks: whoever has one of them in hand
-- is waited for. One that is behind all the same will see what is new.
WITH touched AS MATERIALIZED (
    SELECT dirty_window.subject, dirty_window.metric, dirty_window.day, generation, done
    FROM dirty_window
    JOIN unnest(%(subjects)s::integer[], %(metrics)s::text[], %(days)s::date[])
         AS w (subject, metric, day) USING (subject, metric, day)
    ORDER BY 1, 2, 3
    FOR UPDATE OF dirty_window
)
UPDATE dirty_window SET generation = dirty_window.generation + 1, touched_at = now()
FROM touched
WHERE touched.done = touched.generation AND dirty_window.subject = touched.subject
  AND dirty_window.metric = touched.metric AND dirty_window.day = touched.day

-- prefer --
-- Who preferred what, unless that is so already; returns what was preferred before.
WITH before AS (
    SELECT (SELECT device FROM source_preference
            WHERE subject = %(subject)s AND metric = %(metric)s
            ORDER BY id DESC LIMIT 1) AS device
)
INSERT INTO source_preference (subject, metric, device, who, why)
SELECT %(subject)s, %(metric)s, %(device)s, %(who)s, %(why)s FROM before
WHERE before.device IS DISTINCT FROM %(device)s
RETURNING (SELECT device FROM before)

-- describe --
-- What a device is.
UPDATE device SET model = %(model)s WHERE id = %(device)s AND model <> %(model)s RETURNING id

-- mark --
-- The windows in which these devices are some of several, and no other. No patient is every one, no
-- metric likewise.
WITH touched AS MATERIALIZED (
    SELECT dirty_window.subject, dirty_window.metric, dirty_window.day FROM dirty_window
    WHERE (subject, metric, day) IN (
        SELECT source.subject, source.metric, source.day FROM source
        WHERE source.device = ANY(%(devices)s)
          AND (%(subject)s::integer IS NULL OR source.subject = %(subject)s)
          AND (%(metric)s = '' OR source.metric = %(metric)s)
    )
    ORDER BY subject, metric, day
    FOR UPDATE
)
UPDATE dirty_window SET generation = generation + 1, touched_at = now()
FROM touched
WHERE dirty_window.subject = touched.subject AND dirty_window.metric = touched.metric
  AND dirty_window.day = touched.day

-- of_patient --
-- The devices of one metric where a patient has several: on how many days each counted, and on how
-- many it was kept, and why when it last was.
SELECT source.metric, source.device, device.address, device.name,
       count(*) FILTER (WHERE counts) AS counted, count(*) FILTER (WHERE NOT counts) AS kept,
       coalesce((array_agg(reason ORDER BY day DESC) FILTER (WHERE NOT counts))[1], '') AS reason
FROM source JOIN device ON device.id = source.device
WHERE source.subject = %(subject)s AND source.day >= %(since)s
GROUP BY source.metric, source.device, device.id
ORDER BY source.metric, source.device

-- preferences --
-- What was preferred for a patient, by whom and when; the newest first.
SELECT metric, source_preference.device, address, name, who, why, at,
       id = max(id) OVER (PARTITION BY metric) AS holds
FROM (SELECT * FROM source_preference WHERE subject = %(subject)s) AS source_preference
LEFT JOIN (SELECT id AS device, address, name FROM device) AS device USING (device)
ORDER BY id DESC

-- kept --
-- Which devices of a patient do not count in which windows, why not, and which comes first there.
SELECT source.metric, source.day, device.address, source.reason,
       coalesce(nullif(preferred.name, ''), preferred.address) AS preferred
FROM source
JOIN device ON device.id = source.device
JOIN source AS first ON first.subject = source.subject AND first.metric = source.metric
                    AND first.day = source.day AND first.place = 0
JOIN device AS preferred ON preferred.id = first.device
WHERE source.subject = %(subject)s AND source.day >= %(since)s AND NOT source.counts

-- findings_of --
-- What was found of a patient's readings.
SELECT finding.series, finding.stamped_at, finding.sequence, finding.kind, finding.other_series,
       finding.other_stamped_at, finding.other_sequence,
       coalesce(nullif(device.name, ''), device.address) AS other
FROM finding
JOIN series ON series.id = finding.other_series
JOIN device ON device.id = series.device
WHERE finding.subject = %(subject)s AND finding.day >= %(since)s
ORDER BY finding.kind
