-- devices --
-- Which device an address is.
SELECT address, id FROM device

-- assignments --
-- Whose a device is, and when; the newest first.
SELECT assignment.device, assignment.subject, subject.time_zone, assignment.slot,
       coalesce(lower(during), '0001-01-01Z'::timestamptz) AS since, upper(during) AS until
FROM assignment JOIN subject ON subject.id = assignment.subject
ORDER BY since DESC

-- series --
-- Numbers of the series there are.
SELECT id, device, metric, position, unit FROM series WHERE device = ANY(%(devices)s)

-- add_series --
-- A new series; two runs that meet here get one number.
INSERT INTO series (device, metric, position, unit)
VALUES (%(device)s, %(metric)s, %(position)s, %(unit)s)
ON CONFLICT (device, metric, position, unit) DO UPDATE SET unit = excluded.unit
RETURNING id

-- copy --
-- Straight into the table: fails where one of them is known, and then is merged instead.
COPY packed_reading (stamped_at, source, series, sequence, subject, value, flags, mended)
FROM STDIN (FORMAT binary)

-- standing --
-- Of which series the moment is held; the times let the planner pass over the other chunks. Moment by
-- moment: the planner would read whole chunks.
SELECT moment.series
FROM unnest(%(series)s::integer[], %(stamped_at)s::timestamptz[]) AS moment (series, stamped_at)
CROSS JOIN LATERAL (
    SELECT FROM packed_reading AS held
    WHERE held.series = moment.series AND held.stamped_at = moment.stamped_at
      AND held.stamped_at BETWEEN %(stamped_from)s AND %(stamped_to)s
    OFFSET 0
) AS held

-- stage --
-- A private place to COPY to, a column a fact; gone at the commit.
CREATE TEMPORARY TABLE staged (LIKE reading) ON COMMIT DROP

-- stage_accepted --
-- Which of them were new.
CREATE TEMPORARY TABLE accepted (
    stamped_at timestamptz, source bigint, series integer, sequence integer, subject integer,
    value numeric, taken_at timestamptz) ON COMMIT DROP

-- copy_staged --
-- Binary COPY of the batch's readings.
COPY staged (stamped_at, taken_at, landing, series, sequence, subject, quality, item, decoder,
             value, sent) FROM STDIN (FORMAT binary)

-- place --
-- New readings in, the first of each moment. Of two that claim one key, the earlier landed wins.
WITH placed AS (
    INSERT INTO packed_reading (stamped_at, source, series, sequence, subject, value, flags, mended)
    SELECT stamped_at, source_of(landing, item, decoder), series, sequence, subject, value,
           flags_of(quality), mended_of(stamped_at, taken_at, value, sent)
    FROM staged
    ORDER BY series, stamped_at, landing, item, sequence, staged.ctid
    ON CONFLICT (series, stamped_at) DO NOTHING
    RETURNING stamped_at, source, series, sequence, subject, value,
              taken_at_of(stamped_at, mended)
)
INSERT INTO accepted SELECT * FROM placed

-- span_of_staged --
-- Between which times to look for what is known: the planner passes over the other chunks.
SELECT min(stamped_at) AS stamped_from, max(stamped_at) AS stamped_to FROM staged

-- place_beside --
-- Where the moment is held by a reading of another sequence. In a statement of its own, that sees
-- what another run has just placed.
WITH placed AS (
    INSERT INTO packed_beside (stamped_at, source, series, sequence, subject, value, flags, mended)
    SELECT staged.stamped_at, source_of(landing, item, decoder), staged.series, staged.sequence,
           staged.subject, staged.value, flags_of(quality),
           mended_of(staged.stamped_at, taken_at, staged.value, sent)
    FROM staged
    JOIN packed_reading AS held
      ON held.series = staged.series AND held.stamped_at = staged.stamped_at
    WHERE held.sequence <> staged.sequence
      AND held.stamped_at BETWEEN %(stamped_from)s AND %(stamped_to)s
    ORDER BY staged.series, staged.stamped_at, landing, item, staged.sequence, staged.ctid
    ON CONFLICT (series, stamped_at, sequence) DO NOTHING
    RETURNING stamped_at, source, series, sequence, subject, value,
              taken_at_of(stamped_at, mended)
)
INSERT INTO accepted SELECT * FROM placed

-- note_duplicates --
-- What came again; of those that say another value than the reading does, that value. Their number,
-- by landing row.
WITH again AS (
    SELECT stamped_at, landing, series, sequence, item, value FROM staged
    EXCEPT ALL
    SELECT stamped_at, landing_of(source), series, sequence, item_of(source), value FROM accepted
), noted AS (
    INSERT INTO duplicate (stamped_at, landing, series, sequence, item, value)
    SELECT again.stamped_at, again.landing, again.series, again.sequence, again.item,
           CASE WHEN held.value <> again.value THEN again.value END
    FROM again
    LEFT JOIN reading AS held
      ON held.series = again.series AND held.stamped_at = again.stamped_at
     AND held.sequence = again.sequence
     AND held.stamped_at BETWEEN %(stamped_from)s AND %(stamped_to)s
    RETURNING landing, value
)
SELECT landing, count(*) FROM noted WHERE value IS NOT NULL GROUP BY landing

-- windows_of_accepted --
-- The windows of what is new.
SELECT accepted.subject, series.metric,
       (accepted.taken_at AT TIME ZONE subject.time_zone)::date AS day,
       min(accepted.stamped_at), max(accepted.stamped_at), max(accepted.taken_at)
FROM accepted
JOIN series ON series.id = accepted.series
JOIN subject ON subject.id = accepted.subject
GROUP BY 1, 2, 3

-- mark_windows --
-- Windows that will be recomputed: where in `reading` what touched them is, and the last of it. In
-- one order everywhere, so that no two wait for each other.
INSERT INTO dirty_window (subject, metric, day, stamped_from, stamped_to, last_at)
SELECT subject, metric, day, min(stamped_from), max(stamped_to), max(last_at)
FROM unnest(%(subjects)s::integer[], %(metrics)s::text[], %(days)s::date[],
            %(stamped_from)s::timestamptz[], %(stamped_to)s::timestamptz[],
            %(last_at)s::timestamptz[])
    AS touched (subject, metric, day, stamped_from, stamped_to, last_at)
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
ON CONFLICT (subject, metric, day) DO UPDATE
SET generation = dirty_window.generation + 1,
    stamped_from = least(dirty_window.stamped_from, excluded.stamped_from),
    stamped_to = greatest(dirty_window.stamped_to, excluded.stamped_to),
    last_at = greatest(dirty_window.last_at, excluded.last_at),
    touched_at = now()

-- count_accepted --
-- How many were new, by landing row.
SELECT landing_of(source), count(*) FROM accepted GROUP BY 1

-- unstage --
-- Another part of the messages may follow in the same transaction.
DROP TABLE staged, accepted

-- copy_refused --
-- What was refused, with its reason.
COPY refused (landing, item, part, reason, detail, gateway, received_at, device, decoder)
FROM STDIN (FORMAT binary)

-- accounting --
-- Everything that landed and what became of it.
SELECT coalesce(sum(messages), 0)::bigint, coalesce(sum(landed), 0)::bigint,
       coalesce(sum(accepted), 0)::bigint, coalesce(sum(duplicate), 0)::bigint,
       coalesce(sum(refused), 0)::bigint, coalesce(sum(conflicting), 0)::bigint
FROM account
WHERE batch > %(after)s AND (%(gateway)s::text IS NULL OR gateway = %(gateway)s)

-- enough --
-- The latest day from which on there are so many readings of a metric, by the days' figures; nothing
-- where the whole time has fewer.
SELECT max(day)
FROM (SELECT rollup.day, sum(n) OVER (ORDER BY rollup.day DESC) AS readings
      FROM rollup JOIN dirty_window USING (subject, metric, day)
      WHERE subject = %(subject)s AND metric = %(metric)s AND rollup.size = 'day'
        AND rollup.day >= %(since)s::date AND done = generation) AS counted
WHERE readings >= %(limit)s

-- of_subject --
-- A patient's newest readings of a metric, with what leads back to the bytes. The windows say
-- where in `reading` the days asked for are.
WITH span AS MATERIALIZED (
    SELECT min(stamped_from) AS stamped_from, max(stamped_to) AS stamped_to
    FROM dirty_window
    WHERE subject = %(subject)s AND metric = %(metric)s
      AND day >= coalesce(%(first)s::date, %(since)s::date) - 1
)
SELECT reading.taken_at, reading.stamped_at, reading.value, series.unit,
       reading.quality, reading.series, reading.sequence, device.address, device.name,
       EXISTS (SELECT FROM duplicate
               WHERE duplicate.series = reading.series
                 AND duplicate.stamped_at = reading.stamped_at
                 AND duplicate.sequence = reading.sequence
                 AND duplicate.value <> reading.value) AS conflicting
FROM series
JOIN device ON device.id = series.device
JOIN reading ON reading.series = series.id
WHERE series.metric = %(metric)s
  AND series.device IN (SELECT device FROM assignment WHERE subject = %(subject)s)
  AND reading.subject = %(subject)s
  AND reading.stamped_at BETWEEN (SELECT stamped_from FROM span) AND (SELECT stamped_to FROM span)
  AND reading.taken_at >= %(since)s
ORDER BY reading.taken_at DESC
LIMIT %(limit)s

-- of_day --
-- A patient's readings of a metric on a local day, the newest first, and whether its figures count
-- each: not where another source does, or says the same.
WITH span AS MATERIALIZED (
    SELECT min(stamped_from) AS stamped_from, max(stamped_to) AS stamped_to
    FROM dirty_window
    WHERE subject = %(subject)s AND metric = %(metric)s
      AND day BETWEEN %(day)s::date - 1 AND %(day)s::date + 1
)
SELECT reading.series, reading.stamped_at, reading.sequence, reading.taken_at, reading.value,
       reading.quality, series.metric, device.name, device.address,
       NOT EXISTS (SELECT FROM source
                   WHERE source.subject = %(subject)s AND source.metric = series.metric
                     AND source.day = %(day)s AND source.device = series.device
                     AND NOT source.counts)
   AND NOT EXISTS (SELECT FROM finding
                   WHERE finding.subject = %(subject)s AND finding.metric = series.metric
                     AND finding.day = %(day)s AND finding.series = reading.series
                     AND finding.stamped_at = reading.stamped_at
                     AND finding.sequence = reading.sequence
                     AND finding.kind = 'cross_source') AS counts
FROM series
JOIN device ON device.id = series.device
JOIN reading ON reading.series = series.id
WHERE series.metric = %(metric)s
  AND series.device IN (SELECT device FROM assignment WHERE subject = %(subject)s)
  AND reading.subject = %(subject)s
  AND reading.stamped_at BETWEEN (SELECT stamped_from FROM span) AND (SELECT stamped_to FROM span)
  AND reading.taken_at >= %(since)s AND reading.taken_at < %(until)s
ORDER BY reading.taken_at DESC
LIMIT %(limit)s

-- of_keys --
-- A patient's readings by their keys, the newest first.
SELECT reading.series, reading.stamped_at, reading.sequence, reading.taken_at, reading.value,
       reading.quality, series.metric, device.name, device.address, true AS counts
FROM unnest(%(series)s::integer[], %(stamped_at)s::timestamptz[], %(sequence)s::integer[])
     AS key(series, stamped_at, sequence)
JOIN reading ON reading.series = key.series AND reading.stamped_at = key.stamped_at
            AND reading.sequence = key.sequence
JOIN series ON series.id = reading.series
JOIN device ON device.id = series.device
WHERE reading.subject = %(subject)s
  AND reading.stamped_at BETWEEN (SELECT min(one) FROM unnest(%(stamped_at)s::timestamptz[]) AS one)
                             AND (SELECT max(one) FROM unnest(%(stamped_at)s::timestamptz[]) AS one)
ORDER BY reading.taken_at DESC

-- of_key --
-- One reading by its key: every step of its way. Where its bytes are kept no more, all the others,
-- and when they went.
SELECT series.metric, reading.value, series.unit, coalesce(reading.sent, reading.value) AS sent,
       reading.taken_at, reading.stamped_at, reading.quality, reading.decoder, reading.item,
       device.address, device.name, reading.landing AS id, landing.received_at, landing.gateway,
       landing.topic, landing.payload,
       dropped_of(reading.landing) AS dropped_at
FROM reading
JOIN series ON series.id = reading.series
JOIN device ON device.id = series.device
LEFT JOIN landing ON landing.id = reading.landing
WHERE reading.series = %(series)s AND reading.stamped_at = %(stamped_at)s
  AND reading.sequence = %(sequence)s AND reading.subject = %(subject)s

-- also_sent --
-- What the device said of the same key, too, and otherwise.
SELECT duplicate.value, min(landing.received_at) AS received_at, min(duplicate.landing) AS id
FROM duplicate LEFT JOIN landing ON landing.id = duplicate.landing
WHERE duplicate.series = %(series)s AND duplicate.stamped_at = %(stamped_at)s
  AND duplicate.sequence = %(sequence)s AND duplicate.value <> %(value)s
GROUP BY duplicate.value
ORDER BY min(duplicate.landing)

-- withdrawn_of_key --
-- A reading that is this patient's no more, as it was when it last was: every step of its way.
SELECT series.metric, old_value AS value, series.unit, coalesce(old_sent, old_value) AS sent,
       old_taken_at AS taken_at, revision.stamped_at, coalesce(old_quality, 0) AS quality,
       old_decoder AS decoder, coalesce(old_item, 0) AS item, device.address, device.name,
       old_landing AS id, landing.received_at, landing.gateway, landing.topic, landing.payload,
       dropped_of(old_landing) AS dropped_at
FROM reading_revision AS revision
JOIN series ON series.id = revision.series
JOIN device ON device.id = series.device
LEFT JOIN landing ON landing.id = revision.old_landing
WHERE revision.series = %(series)s AND revision.stamped_at = %(stamped_at)s
  AND revision.sequence = %(sequence)s AND old_subject = %(subject)s
ORDER BY revised_at DESC LIMIT 1

-- revisions --
-- What became of a reading while it was this patient's, and what it was read as before.
SELECT kind, who, why, revised_at, old_value, new_value, old_taken_at, new_taken_at, old_quality,
       new_quality, old_subject, new_subject, old_decoder, new_decoder,
       reading_revision.series, reading_revision.stamped_at, reading_revision.sequence,
       became_series, became_stamped_at, became_sequence, became.subject AS became_subject,
       (reading_revision.series, reading_revision.stamped_at, reading_revision.sequence)
           = (%(series)s, %(stamped_at)s, %(sequence)s) AS own
FROM reading_revision
LEFT JOIN reading AS became
       ON became.series = became_series AND became.stamped_at = became_stamped_at
      AND became.sequence = became_sequence
WHERE (old_subject = %(subject)s OR new_subject = %(subject)s)
  AND ((reading_revision.series = %(series)s AND reading_revision.stamped_at = %(stamped_at)s
        AND reading_revision.sequence = %(sequence)s)
       OR (became_series = %(series)s AND became_stamped_at = %(stamped_at)s
           AND became_sequence = %(sequence)s))
ORDER BY revised_at, kind
