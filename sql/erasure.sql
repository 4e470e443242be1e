-- own_devices --
-- The devices that nobody but this patient ever had: what they sent is the patient's, whatever it was.
CREATE TEMPORARY TABLE own_device ON COMMIT DROP AS
SELECT device.id, device.address FROM device
WHERE device.id IN (SELECT device FROM assignment WHERE subject = %(subject)s)
  AND NOT EXISTS (SELECT FROM assignment
                  WHERE assignment.device = device.id AND assignment.subject <> %(subject)s)

-- refusals --
-- What was refused of this patient's devices, while they were.
CREATE TEMPORARY TABLE own_refusal ON COMMIT DROP AS
SELECT refused.landing, refused.item, refused.part FROM refused
WHERE refused.device IN (SELECT address FROM own_device)
   OR EXISTS (SELECT FROM assignment JOIN device ON device.id = assignment.device
              WHERE assignment.subject = %(subject)s AND device.address = refused.device
                AND had(assignment) @> refused.received_at)

-- duplicates --
-- What came again of the patient's readings, and of devices that were only the patient's.
CREATE TEMPORARY TABLE own_duplicate ON COMMIT DROP AS
SELECT duplicate.ctid AS place, duplicate.landing FROM duplicate
WHERE duplicate.series IN (SELECT series.id FROM series JOIN own_device ON own_device.id = device)
UNION
SELECT duplicate.ctid, duplicate.landing FROM duplicate
JOIN reading ON reading.series = duplicate.series AND reading.stamped_at = duplicate.stamped_at
            AND reading.sequence = duplicate.sequence
WHERE reading.subject = %(subject)s

-- messages --
-- The messages that any of it was in.
CREATE TEMPORARY TABLE own_message ON COMMIT DROP AS
SELECT landing AS id FROM reading
WHERE subject = %(subject)s
  AND series IN (SELECT series.id FROM series JOIN assignment USING (device)
                 WHERE assignment.subject = %(subject)s)
UNION SELECT landing FROM own_duplicate
UNION SELECT landing FROM own_refusal
UNION SELECT old_landing FROM reading_revision
      WHERE old_subject = %(subject)s AND old_landing IS NOT NULL
UNION SELECT new_landing FROM reading_revision
      WHERE new_subject = %(subject)s AND new_landing IS NOT NULL

-- identity --
-- Who it is, first: whatever comes after can be named no more.
DELETE FROM identity WHERE subject = %(subject)s

-- identity_revision --
-- Who it was said to be before.
DELETE FROM identity_revision WHERE subject = %(subject)s

-- dirty_window --
-- Before what is computed of it: a run that computes holds these, and has written when they go.
DELETE FROM dirty_window WHERE subject = %(subject)s

-- dirty_subject --
-- So does a run that judges hold this one.
DELETE FROM dirty_subject WHERE subject = %(subject)s

-- window_recheck --
-- Days that would be computed again.
DELETE FROM window_recheck WHERE subject = %(subject)s

-- window_last --
-- What the next day was to be compared with.
DELETE FROM window_last WHERE subject = %(subject)s

-- source --
-- Which device counted.
DELETE FROM source WHERE subject = %(subject)s

-- finding --
-- What was compared.
DELETE FROM finding WHERE subject = %(subject)s

-- rollup --
-- Hours and days.
DELETE FROM rollup WHERE subject = %(subject)s

-- summary --
-- Figures of periods.
DELETE FROM summary WHERE subject = %(subject)s

-- signal_event --
-- Who saw what, when.
DELETE FROM signal_event WHERE signal IN (SELECT id FROM signal WHERE subject = %(subject)s)

-- signal --
-- What somebody was to look at.
DELETE FROM signal WHERE subject = %(subject)s

-- source_preference --
-- Which device was to count.
DELETE FROM source_preference WHERE subject = %(subject)s

-- plan --
-- What was set for the patient.
DELETE FROM plan WHERE subject = %(subject)s

-- pause --
-- When the patient was away.
DELETE FROM pause WHERE subject = %(subject)s

-- note --
-- What was written of the patient.
DELETE FROM note WHERE subject = %(subject)s

-- team_member --
-- Who cared.
DELETE FROM team_member WHERE subject = %(subject)s

-- outbox --
-- What was sent of the patient, or waits to be.
DELETE FROM outbox WHERE subject = %(subject)s

-- message --
-- What the patient was told.
DELETE FROM message WHERE subject = %(subject)s

-- looked --
-- Who looked at the patient's measurements, and when.
DELETE FROM looked WHERE subject = %(subject)s

-- early_warning --
-- What somebody observed of the patient at a visit.
DELETE FROM early_warning WHERE subject = %(subject)s

-- consent --
-- What the patient agreed to.
DELETE FROM consent WHERE subject = %(subject)s

-- helper --
-- Who of their own saw the patient's measurements, and their accounts.
DELETE FROM login
WHERE role = 'helper' AND name IN (SELECT account FROM helper WHERE subject = %(subject)s)

-- refused_event --
-- What became of refusals.
DELETE FROM refused_event USING own_refusal
WHERE (refused_event.landing, refused_event.item, refused_event.part)
    = (own_refusal.landing, own_refusal.item, own_refusal.part)

-- refused --
-- Refusals, whose detail may say what was sent.
DELETE FROM refused USING own_refusal
WHERE (refused.landing, refused.item, refused.part)
    = (own_refusal.landing, own_refusal.item, own_refusal.part)

-- duplicate --
-- What came again.
DELETE FROM duplicate WHERE ctid IN (SELECT place FROM own_duplicate)

-- reading_revision --
-- Of a reading that was this patient's alone. One that is another's now keeps what became of it.
DELETE FROM reading_revision
WHERE coalesce(old_subject, new_subject) = %(subject)s
  AND coalesce(new_subject, old_subject) = %(subject)s

-- forgotten_revision --
-- One that is another's now says no more whose it was.
UPDATE reading_revision
SET old_subject = nullif(old_subject, %(subject)s), new_subject = nullif(new_subject, %(subject)s)
WHERE %(subject)s IN (old_subject, new_subject)

-- packed_beside --
-- Readings.
DELETE FROM packed_beside WHERE subject = %(subject)s

-- packed_reading --
-- Readings.
DELETE FROM packed_reading WHERE subject = %(subject)s

-- moved_up --
-- Where the patient's was the first of a moment, the next takes its place, as `packed_reading` has it.
WITH next AS (
    DELETE FROM packed_beside WHERE ctid IN (
        SELECT DISTINCT ON (beside.series, beside.stamped_at) beside.ctid
        FROM packed_beside AS beside
        JOIN series ON series.id = beside.series
        JOIN assignment ON assignment.device = series.device
        WHERE assignment.subject = %(subject)s
          AND NOT EXISTS (SELECT FROM packed_reading AS held
                          WHERE held.series = beside.series AND held.stamped_at = beside.stamped_at)
        ORDER BY beside.series, beside.stamped_at, beside.source)
    RETURNING *
)
INSERT INTO packed_reading SELECT * FROM next

-- landing_dropped --
-- Others' readings that came in the same message say when its bytes went.
INSERT INTO landing_dropped (dropped_at, received_from, received_to, id_from, id_to, messages, kept)
SELECT now(), received_at, received_at, id, id, 1, '{}' FROM landing
WHERE id IN (SELECT id FROM own_message)
  AND EXISTS (SELECT FROM reading WHERE reading.landing = landing.id)

-- asked_replay --
-- Who had them read again.
DELETE FROM asked_replay WHERE landing IN (SELECT id FROM own_message)

-- landing --
-- The bytes.
DELETE FROM landing WHERE id IN (SELECT id FROM own_message)

-- panel_subject --
-- Who followed the patient.
DELETE FROM panel_subject WHERE subject = %(subject)s

-- break_glass --
-- Who opened the page in an emergency, and why; that it was opened stays in the audit, of a number.
DELETE FROM break_glass WHERE subject = %(subject)s

-- assignment --
-- Which devices were the patient's.
DELETE FROM assignment WHERE subject = %(subject)s

-- series --
-- Of devices that were nobody else's.
DELETE FROM series WHERE device IN (SELECT id FROM own_device)

-- device --
-- Their addresses say whose they were to whoever has them at home.
DELETE FROM device WHERE id IN (SELECT id FROM own_device)

-- subject --
-- The code.
DELETE FROM subject WHERE id = %(subject)s

-- go_on --
-- A number of somebody who was erased is given to nobody: a restored backup counts on from before.
SELECT setval(pg_get_serial_sequence('subject', 'id'), %(highest)s)
FROM (SELECT last_value FROM pg_sequences
      WHERE schemaname = 'public' AND sequencename = 'subject_id_seq') AS numbers
WHERE coalesce(last_value, 0) < %(highest)s
