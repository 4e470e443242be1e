-- beside_validate --
-- Validations run side by side, but never beside a part of a replay: what it compares with must
-- not move. Released by the commit.
SELECT pg_advisory_xact_lock_shared(%(lock)s)

-- before_validate --
-- The replay's side of it: waits for the validations that run, holds up those that come.
SELECT pg_advisory_xact_lock(%(lock)s)

-- try_lock --
-- One replay at a time; released when the connection ends, however it ends.
SELECT pg_try_advisory_lock(%(lock)s)

-- unlock --
-- The next replay may begin.
SELECT pg_advisory_unlock(%(lock)s)

-- running --
-- Who replays now, for whoever has to wait.
SELECT who, started_at, done_to FROM replay
WHERE finished_at IS NULL ORDER BY started_at DESC LIMIT 1

-- unfinished --
-- A replay of the same messages, by the same decoder, registry and mappings, that was stopped.
UPDATE replay SET who = %(who)s, why = %(why)s, started_at = now()
WHERE id = (SELECT max(id) FROM replay
            WHERE finished_at IS NULL AND asked = %(asked)s AND known = %(known)s)
RETURNING id, done_to

-- begin --
-- Who asked for what, and why.
INSERT INTO replay (asked, known, who, why) VALUES (%(asked)s, %(known)s, %(who)s, %(why)s)
RETURNING id, done_to

-- advance --
-- How far it is, in the transaction that brought it there.
UPDATE replay SET done_to = %(done_to)s WHERE id = %(replay)s

-- finish --
-- Nothing is left of it.
UPDATE replay SET finished_at = now() WHERE id = %(replay)s

-- last_landed --
-- The newest message: a replay ends there, however fast more of them come.
SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('landing', 'id')::regclass), 0)

-- next_refused --
-- The next messages of which something is refused.
SELECT DISTINCT landing FROM refused
WHERE state = 'new' AND landing > %(after)s AND landing <= %(to)s
  AND (%(messages)s::bigint[] IS NULL OR landing = ANY(%(messages)s))
  AND (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
  AND (%(decoder)s::smallint IS NULL OR decoder = %(decoder)s)
  AND (%(received_from)s::timestamptz IS NULL OR received_at >= %(received_from)s)
  AND (%(received_to)s::timestamptz IS NULL OR received_at < %(received_to)s)
ORDER BY landing LIMIT %(limit)s

-- next_landed --
-- The next messages of a period, in the order they landed.
SELECT landing.id FROM landing JOIN landing_batch ON landing_batch.id = landing.batch
WHERE landing.id > %(after)s AND landing.id <= %(to)s AND validated_at IS NOT NULL
  AND (%(messages)s::bigint[] IS NULL OR landing.id = ANY(%(messages)s))
  AND (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
  AND (%(received_from)s::timestamptz IS NULL OR landing.received_at >= %(received_from)s)
  AND (%(received_to)s::timestamptz IS NULL OR landing.received_at < %(received_to)s)
ORDER BY landing.id LIMIT %(limit)s

-- of_interest --
-- Which of these messages bear on a device, a patient or a decoder version. A refusal of before
-- its device was kept may be anyone's; a duplicate knows no version.
SELECT landing FROM reading JOIN series ON series.id = reading.series
WHERE landing BETWEEN %(first)s AND %(last)s AND landing = ANY(%(ids)s)
  AND (%(devices)s::integer[] IS NULL OR device = ANY(%(devices)s) OR subject = %(subject)s)
  AND (%(decoder)s::smallint IS NULL OR decoder = %(decoder)s)
UNION
SELECT landing FROM duplicate JOIN series ON series.id = duplicate.series
WHERE landing BETWEEN %(first)s AND %(last)s AND landing = ANY(%(ids)s)
  AND (%(devices)s::integer[] IS NULL OR device = ANY(%(devices)s))
UNION
SELECT landing FROM refused LEFT JOIN device ON device.address = refused.device
WHERE landing = ANY(%(ids)s)
  AND (%(devices)s::integer[] IS NULL OR device.id = ANY(%(devices)s) OR refused.device = '')
  AND (%(decoder)s::smallint IS NULL OR decoder = %(decoder)s)

-- devices_of --
-- Every device that was ever a patient's.
SELECT DISTINCT device FROM assignment WHERE subject = %(subject)s ORDER BY device

-- held --
-- The readings that came of these messages.
SELECT device, metric, position, unit, stamped_at, sequence, landing, item, subject, taken_at,
       value, coalesce(sent, value) AS sent, quality, decoder
FROM reading JOIN series ON series.id = reading.series
WHERE landing BETWEEN %(first)s AND %(last)s AND landing = ANY(%(ids)s)

-- holders --
-- The readings that hold these keys now, whatever message they came of. Key by key: the planner
-- would read whole series.
SELECT reading.* FROM unnest(%(series)s::integer[], %(stamps)s::timestamptz[],
                             %(sequences)s::integer[]) AS k (series, stamped_at, sequence)
CROSS JOIN LATERAL (
    SELECT series, stamped_at, sequence, landing, item, subject, taken_at, value,
           coalesce(sent, value) AS sent, quality, decoder
    FROM reading
    WHERE reading.series = k.series AND reading.stamped_at = k.stamped_at
      AND reading.sequence = k.sequence
    OFFSET 0
) AS reading

-- claimants --
-- The messages that claim these keys and came again.
SELECT k.series, k.stamped_at, k.sequence, again.landing
FROM unnest(%(series)s::integer[], %(stamps)s::timestamptz[], %(sequences)s::integer[])
     AS k (series, stamped_at, sequence)
CROSS JOIN LATERAL (
    SELECT landing FROM duplicate
    WHERE duplicate.series = k.series AND duplicate.stamped_at = k.stamped_at
      AND duplicate.sequence = k.sequence
    OFFSET 0
) AS again

-- duplicates --
-- What these messages said again, with the value where it was another.
SELECT landing, item, device, metric, position, unit, stamped_at, sequence, value
FROM duplicate JOIN series ON series.id = duplicate.series
WHERE landing BETWEEN %(first)s AND %(last)s AND landing = ANY(%(ids)s)

-- refusals --
-- What was refused of these messages.
SELECT landing, item, part, reason, detail, state FROM refused WHERE landing = ANY(%(ids)s)

-- untraced --
-- The messages of these batches whose duplicates were only counted: they are read whole.
SELECT landing.id FROM landing JOIN landing_batch ON landing_batch.id = landing.batch
WHERE landing.batch = ANY(%(batches)s) AND NOT landing_batch.traced

-- trace --
-- From here on they are known one by one.
UPDATE landing_batch SET traced = true WHERE id = ANY(%(batches)s) AND NOT traced
RETURNING id

-- accounts --
-- What became of these batches so far.
SELECT batch, gateway, messages, landed, accepted, duplicate, refused, conflicting FROM account
WHERE batch = ANY(%(batches)s) ORDER BY batch, gateway FOR UPDATE

-- set_account --
-- The account after a replay; the table's checks refuse one that doesn't add up.
UPDATE account SET landed = %(landed)s, accepted = %(accepted)s, duplicate = %(duplicate)s,
                   refused = %(refused)s, conflicting = %(conflicting)s
WHERE batch = %(batch)s AND gateway = %(gateway)s

-- stage --
-- A private place to COPY to; gone at the commit.
CREATE TEMPORARY TABLE revised (LIKE reading_revision INCLUDING DEFAULTS) ON COMMIT DROP

-- copy_revised --
-- Binary COPY of what a part of a replay changes.
COPY revised (series, stamped_at, sequence, kind, why, who, replay,
              old_landing, old_item, old_subject, old_taken_at, old_value, old_sent, old_quality,
              old_decoder,
              new_landing, new_item, new_subject, new_taken_at, new_value, new_sent, new_quality,
              new_decoder,
              became_series, became_stamped_at, became_sequence) FROM STDIN (FORMAT binary)

-- weigh --
-- The planner knows nothing of a table just made, and would join it row by row with all there is.
ANALYZE revised

-- withdraw --
-- Pages show a reading no more; its revision keeps all of it.
DELETE FROM packed_reading USING revised
WHERE revised.kind = 'withdrawn' AND packed_reading.series = revised.series
  AND packed_reading.stamped_at = revised.stamped_at
  AND packed_reading.sequence = revised.sequence
  AND packed_reading.stamped_at BETWEEN %(stamped_from)s AND %(stamped_to)s

-- withdraw_beside --
-- The same where it stood beside another of its moment.
DELETE FROM packed_beside USING revised
WHERE revised.kind = 'withdrawn' AND packed_beside.series = revised.series
  AND packed_beside.stamped_at = revised.stamped_at AND packed_beside.sequence = revised.sequence

-- move_up --
-- A moment that has readings has one in `packed_reading`.
WITH moved AS (
    DELETE FROM packed_beside USING (
        SELECT DISTINCT ON (other.series, other.stamped_at)
               other.series, other.stamped_at, other.sequence
        FROM revised JOIN packed_beside AS other
          ON other.series = revised.series AND other.stamped_at = revised.stamped_at
        WHERE revised.kind = 'withdrawn'
          AND NOT EXISTS (SELECT FROM packed_reading AS held
                          WHERE held.series = revised.series
                            AND held.stamped_at = revised.stamped_at)
        ORDER BY other.series, other.stamped_at, other.source
    ) AS first
    WHERE packed_beside.series = first.series AND packed_beside.stamped_at = first.stamped_at
      AND packed_beside.sequence = first.sequence
    RETURNING packed_beside.*
)
INSERT INTO packed_reading SELECT * FROM moved ORDER BY series, stamped_at

-- change --
-- What never changes is the key.
UPDATE packed_reading
SET source = source_of(new_landing, new_item, new_decoder), subject = new_subject,
    value = new_value, flags = flags_of(new_quality),
    mended = mended_of(revised.stamped_at, new_taken_at, new_value, new_sent)
FROM revised
WHERE revised.kind = 'changed' AND packed_reading.series = revised.series
  AND packed_reading.stamped_at = revised.stamped_at
  AND packed_reading.sequence = revised.sequence
  AND packed_reading.stamped_at BETWEEN %(stamped_from)s AND %(stamped_to)s

-- change_beside --
-- The same of what stands beside another of its moment.
UPDATE packed_beside
SET source = source_of(new_landing, new_item, new_decoder), subject = new_subject,
    value = new_value, flags = flags_of(new_quality),
    mended = mended_of(revised.stamped_at, new_taken_at, new_value, new_sent)
FROM revised
WHERE revised.kind = 'changed' AND packed_beside.series = revised.series
  AND packed_beside.stamped_at = revised.stamped_at AND packed_beside.sequence = revised.sequence

-- stage_new --
-- What was refused and is a reading now is placed like any other.
INSERT INTO staged (stamped_at, taken_at, landing, series, sequence, subject, quality, item,
                    decoder, value, sent)
SELECT stamped_at, new_taken_at, new_landing, series, sequence, new_subject, new_quality, new_item,
       new_decoder, new_value, new_sent
FROM revised WHERE kind = 'new'

-- keep --
-- Who, what, when and why.
INSERT INTO reading_revision
       (series, stamped_at, sequence, kind, why, who, replay,
        old_landing, old_item, old_subject, old_taken_at, old_value, old_sent, old_quality,
        old_decoder,
        new_landing, new_item, new_subject, new_taken_at, new_value, new_sent, new_quality,
        new_decoder,
        became_series, became_stamped_at, became_sequence)
SELECT series, stamped_at, sequence, kind, why, who, replay,
       old_landing, old_item, old_subject, old_taken_at, old_value, old_sent, old_quality,
       old_decoder,
       new_landing, new_item, new_subject, new_taken_at, new_value, new_sent, new_quality,
       new_decoder,
       became_series, became_stamped_at, became_sequence
FROM revised

-- windows_of_revised --
-- The windows that a reading left and those it came to, and no other.
WITH moved AS (
    SELECT * FROM revised
    WHERE (old_subject, old_taken_at, old_value, old_quality)
          IS DISTINCT FROM (new_subject, new_taken_at, new_value, new_quality)
), touched AS (
    SELECT old_subject AS subject, series, stamped_at, old_taken_at AS at,
           NULL::timestamptz AS taken_at
    FROM moved WHERE old_subject IS NOT NULL
    UNION ALL
    SELECT new_subject, series, stamped_at, new_taken_at, new_taken_at
    FROM moved WHERE new_subject IS NOT NULL
)
SELECT touched.subject, series.metric, (at AT TIME ZONE subject.time_zone)::date AS day,
       min(stamped_at), max(stamped_at), max(taken_at)
FROM touched
JOIN series ON series.id = touched.series
JOIN subject ON subject.id = touched.subject
GROUP BY 1, 2, 3

-- settle --
-- The last reading of a window that one has left.
UPDATE dirty_window
SET last_at = (
    SELECT max(reading.taken_at)
    FROM series JOIN reading ON reading.series = series.id
    WHERE series.metric = dirty_window.metric AND reading.subject = dirty_window.subject
      AND series.device IN (SELECT device FROM assignment
                            WHERE assignment.subject = dirty_window.subject
                            UNION
                            SELECT left_by.device FROM revised
                            JOIN series AS left_by ON left_by.id = revised.series)
      AND reading.stamped_at BETWEEN dirty_window.stamped_from AND dirty_window.stamped_to
      AND (reading.taken_at AT TIME ZONE left_window.time_zone)::date = dirty_window.day
)
FROM (
    SELECT DISTINCT old_subject AS subject, series.metric, subject.time_zone,
           (old_taken_at AT TIME ZONE subject.time_zone)::date AS day
    FROM revised
    JOIN series ON series.id = revised.series
    JOIN subject ON subject.id = revised.old_subject
    WHERE (old_subject, old_taken_at) IS DISTINCT FROM (new_subject, new_taken_at)
) AS left_window
WHERE dirty_window.subject = left_window.subject AND dirty_window.metric = left_window.metric
  AND dirty_window.day = left_window.day

-- compare_duplicates --
-- What other messages say of a reading of another value now: NULL was the value it had. The
-- messages judged in this part are noted anew anyway.
WITH again AS (
    SELECT duplicate.ctid AS place, duplicate.landing, duplicate.value AS was,
           nullif(coalesce(duplicate.value, old_value), new_value) AS becomes
    FROM revised
    JOIN duplicate ON duplicate.series = revised.series
                  AND duplicate.stamped_at = revised.stamped_at
                  AND duplicate.sequence = revised.sequence
    WHERE revised.kind = 'changed' AND old_value <> new_value
      AND duplicate.landing <> ALL(%(judged)s)
), noted AS (
    UPDATE duplicate SET value = becomes FROM again WHERE duplicate.ctid = place
), shifted AS (
    SELECT batch, gateway, count(becomes) - count(was) AS shift
    FROM again JOIN landing ON landing.id = again.landing
    GROUP BY batch, gateway
)
UPDATE account SET conflicting = conflicting + shift FROM shifted
WHERE account.batch = shifted.batch AND account.gateway = shifted.gateway AND shift <> 0

-- unstage --
-- Another part may follow in the same transaction.
DROP TABLE revised

-- forget_duplicates --
-- What these messages say again is noted anew.
DELETE FROM duplicate
WHERE landing BETWEEN %(first)s AND %(last)s AND landing = ANY(%(ids)s)

-- copy_duplicates --
-- What these messages say again.
COPY duplicate (stamped_at, landing, series, sequence, item, value) FROM STDIN (FORMAT binary)

-- refuse --
-- Refused by now: as something new, or again, or for another reason.
INSERT INTO refused (landing, item, part, reason, detail, gateway, received_at, device, decoder)
VALUES (%(landing)s, %(item)s, %(part)s, %(reason)s, %(detail)s, %(gateway)s, %(received_at)s,
        %(device)s, %(decoder)s)
ON CONFLICT (landing, item, part) DO UPDATE
SET reason = excluded.reason, detail = excluded.detail, device = excluded.device,
    decoder = excluded.decoder, state = 'new'

-- became_readings --
-- Refused no more.
UPDATE refused SET state = 'replayed', who = %(who)s, changed_at = now()
WHERE landing = %(landing)s AND item = %(item)s AND part = %(part)s
