-- patients --
-- Patients whose name or code has these letters, by code; a page from a code on.
SELECT subject.id, subject.code, subject.time_zone, subject.pathway, identity.family,
       identity.given, identity.birth_date, identity.sex, identity.ins, identity.ins_kind,
       identity.status
FROM subject LEFT JOIN identity ON identity.subject = subject.id
WHERE subject.code > %(after)s
  AND (%(code)s = '' OR subject.code = %(code)s)
  AND position(plain(%(name)s) IN plain(concat(identity.family, ' ', identity.given))) > 0
ORDER BY subject.code
LIMIT %(limit)s

-- devices --
-- The devices that are or were a patient's.
SELECT DISTINCT device.id, device.address, device.name
FROM assignment JOIN device ON device.id = assignment.device
WHERE assignment.subject = %(subject)s
ORDER BY device.id

-- device --
-- A device by its number.
SELECT id, address, name FROM device WHERE id = %(device)s

-- holders --
-- Whose a device is or was.
SELECT DISTINCT subject FROM assignment WHERE device = %(device)s

-- of_key --
-- What a device measured at one moment, with whose it is.
SELECT subject.code, subject.time_zone, series.device, reading.stamped_at, reading.sequence,
       reading.taken_at, reading.quality, series.metric, series.position, reading.value
FROM series
JOIN reading ON reading.series = series.id
JOIN subject ON subject.id = reading.subject
WHERE series.device = %(device)s AND reading.stamped_at = %(stamped)s
  AND reading.sequence = %(sequence)s
ORDER BY subject.code, series.position, series.metric

-- measured --
-- A patient's readings of some metrics in a period, the newest first, from a place on. The windows
-- say where in `reading` they are.
WITH span AS MATERIALIZED (
    SELECT metric, min(stamped_from) AS stamped_from, max(stamped_to) AS stamped_to
    FROM dirty_window
    WHERE subject = %(subject)s AND metric = ANY(%(metrics)s)
      AND day BETWEEN (%(since)s::timestamptz AT TIME ZONE 'UTC')::date - 1
                  AND (%(until)s::timestamptz AT TIME ZONE 'UTC')::date + 1
    GROUP BY metric
)
SELECT series.device, reading.stamped_at, reading.sequence, reading.taken_at, reading.quality,
       series.metric, series.position, reading.value
FROM span
JOIN series ON series.metric = span.metric
           AND series.device IN (SELECT device FROM assignment WHERE subject = %(subject)s)
JOIN reading ON reading.series = series.id AND reading.subject = %(subject)s
            AND reading.stamped_at BETWEEN span.stamped_from AND span.stamped_to
WHERE reading.taken_at >= %(since)s AND reading.taken_at < %(until)s
  AND (reading.taken_at, series.device, reading.stamped_at, reading.sequence)
    < (%(before)s, %(device)s, %(stamped)s, %(sequence)s)
ORDER BY reading.taken_at DESC, series.device DESC, reading.stamped_at DESC, reading.sequence DESC,
         series.position, series.metric
LIMIT %(limit)s

-- withdrawn --
-- Readings of some metrics in a period that were a patient's and are nobody's now, as they last were;
-- what is another's now is put in its place with whose it is.
SELECT DISTINCT ON (series.device, revision.stamped_at, revision.sequence, series.id)
       series.device, revision.stamped_at, revision.sequence, old_taken_at AS taken_at,
       coalesce(old_quality, 0) AS quality, series.metric, series.position, old_value AS value
FROM reading_revision AS revision JOIN series ON series.id = revision.series
WHERE old_subject = %(subject)s AND series.metric = ANY(%(metrics)s)
  AND old_taken_at >= %(since)s AND old_taken_at < %(until)s
  AND NOT EXISTS (SELECT FROM reading
                  WHERE reading.series = revision.series
                    AND reading.stamped_at = revision.stamped_at
                    AND reading.sequence = revision.sequence)
ORDER BY series.device, revision.stamped_at, revision.sequence, series.id, revised_at DESC

-- unsent_days --
-- Local days of patients whose figures are up to date and were not sent as they are.
SELECT subject, day FROM dirty_window
WHERE sent < generation AND done >= generation AND subject NOT IN (SELECT subject FROM withheld)
GROUP BY subject, day
ORDER BY subject, day
LIMIT %(limit)s

-- take_day --
-- The windows of a patient's day, until the commit; nothing where another run has any of them.
SELECT metric, generation, sent < generation AS unsent FROM dirty_window
WHERE subject = %(subject)s AND day = %(day)s AND done >= generation
ORDER BY metric
FOR UPDATE NOWAIT

-- sent --
-- These windows are queued as they are.
UPDATE dirty_window SET sent = generation
WHERE subject = %(subject)s AND day = %(day)s AND metric = ANY(%(metrics)s)

-- changed_signals --
-- Signals whose state was not queued yet.
SELECT signal.id, signal.subject, signal.rule, signal.rule_version, signal.severity, signal.state,
       signal.figures, signal.raised_at, signal.changed_at, subject.code,
       concat('signal/', signal.id) AS thing, change.key
FROM signal JOIN subject ON subject.id = signal.subject
CROSS JOIN LATERAL (
    SELECT concat('signal/', signal.id, '/', signal.state, '/',
                  extract(epoch FROM signal.changed_at)) AS key
) AS change
WHERE NOT EXISTS (SELECT FROM outbox WHERE outbox.key = change.key)
  AND signal.subject NOT IN (SELECT subject FROM withheld)
ORDER BY signal.id
LIMIT %(limit)s

-- flags --
-- A patient's signals, the newest first, from a number down.
SELECT id, rule, rule_version, severity, state, figures, raised_at, changed_at FROM signal
WHERE subject = %(subject)s AND id < %(before)s
ORDER BY id DESC LIMIT %(limit)s

-- communications --
-- What a patient was told, the newest first, from a number down.
SELECT id, who, at, text FROM message
WHERE subject = %(subject)s AND id < %(before)s
ORDER BY id DESC LIMIT %(limit)s

-- unreported --
-- Followed patients with a summary and no report of the week queued.
SELECT subject.id, subject.code FROM subject
WHERE subject.pathway <> 'observation'
  AND subject.id NOT IN (SELECT subject FROM withheld)
  AND EXISTS (SELECT FROM summary WHERE summary.subject = subject.id)
  AND NOT EXISTS (SELECT FROM outbox
                  WHERE outbox.key = concat('report/', subject.id, '/', %(week)s::text))
ORDER BY subject.id
LIMIT %(limit)s

-- patient --
-- A patient by number.
SELECT subject.id, subject.code, subject.time_zone, subject.pathway, identity.family,
       identity.given, identity.birth_date, identity.sex, identity.ins, identity.ins_kind,
       identity.status
FROM subject LEFT JOIN identity ON identity.subject = subject.id
WHERE subject.id = %(subject)s

-- supersede --
-- What was to be told of a thing, and was not taken yet: something newer is told of it now.
DELETE FROM outbox WHERE thing = %(thing)s AND state <> 'delivered'

-- queue --
-- One more bundle to send; what is queued already stays as it is.
INSERT INTO outbox (subject, thing, key, body, queued_at, due_at)
VALUES (%(subject)s, %(thing)s, %(key)s, %(body)s, %(now)s, %(now)s)
ON CONFLICT (key) DO NOTHING

-- alone --
-- One run delivers at a time, or an older bundle could overtake a newer one; till the connection ends.
SELECT pg_try_advisory_lock(%(lock)s)

-- not_alone --
-- The next run may.
SELECT pg_advisory_unlock(%(lock)s)

-- claim --
-- The bundle that is due for longest, put off while it is on its way: if the run dies it is due again.
-- Those of who does not agree wait until they do.
UPDATE outbox SET due_at = %(lease)s, attempts = attempts + 1
WHERE id = (SELECT id FROM outbox WHERE state = 'waiting' AND due_at <= %(now)s
              AND subject NOT IN (SELECT subject FROM withheld)
            ORDER BY due_at, id LIMIT 1)
RETURNING id, subject, body, attempts

-- ended --
-- The receipt, or the refusal.
UPDATE outbox SET state = %(state)s, ended_at = now(), status = %(status)s, answer = %(answer)s
WHERE id = %(id)s

-- put_off --
-- Nobody took it: later again.
UPDATE outbox SET due_at = %(due)s, status = %(status)s, answer = %(answer)s
WHERE id = %(id)s AND state = 'waiting'

-- forget --
-- The bytes of what was delivered a month ago; that it was, and when, stays.
UPDATE outbox SET body = '' WHERE state = 'delivered' AND body <> ''
  AND ended_at < %(now)s::timestamptz - INTERVAL '30 days'

-- outbox --
-- How much waits, was delivered and was refused, and the last answer of each.
SELECT state, count(*) AS count, min(queued_at) AS since, max(attempts) AS attempts,
       (array_agg(answer ORDER BY coalesce(ended_at, due_at) DESC))[1] AS answer
FROM outbox GROUP BY state ORDER BY state

-- again --
-- What was refused is sent once more.
UPDATE outbox SET state = 'waiting', due_at = now(), attempts = 0 WHERE state = 'refused'
