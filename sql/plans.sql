-- holds --
-- The newest plan, and whether it was signed for the pathway of now; no row where nobody signed one.
SELECT plan.pathway = subject.pathway AS holds, version, content FROM plan JOIN subject ON subject.id = plan.subject
WHERE plan.subject = %(subject)s ORDER BY version DESC LIMIT 1

-- history --
-- Every plan there was, the newest first.
SELECT version, pathway, content, signed_by, signed_at FROM plan
WHERE subject = %(subject)s ORDER BY version DESC

-- sign --
-- A plan after the one it was written over, for the pathway it was written for, the patient's own where
-- none is named; none where somebody signed another meanwhile, or put the patient on another.
INSERT INTO plan (subject, version, content, signed_by, pathway)
SELECT id, %(over)s + 1, %(content)s, %(who)s, pathway FROM subject
WHERE id = %(subject)s AND pathway = coalesce(%(pathway)s, pathway)
  AND %(over)s = (SELECT coalesce(max(version), 0) FROM plan WHERE subject = %(subject)s)
ON CONFLICT DO NOTHING
RETURNING version

-- pauses --
-- A patient's pauses that nobody took back, the newest first.
SELECT id, first_day, last_day, reason, who, at FROM pause
WHERE subject = %(subject)s AND withdrawn_at IS NULL
ORDER BY first_day DESC, id DESC

-- pause --
-- Days in which nothing is expected.
INSERT INTO pause (subject, first_day, last_day, reason, who)
VALUES (%(subject)s, %(first_day)s, %(last_day)s, %(reason)s, %(who)s)

-- resume --
-- The patient is back: a pause under way ends with the day before, one to come is taken back.
UPDATE pause
SET last_day = CASE WHEN first_day < %(today)s THEN %(today)s::date - 1 ELSE last_day END,
    withdrawn_by = CASE WHEN first_day < %(today)s THEN withdrawn_by ELSE %(who)s END,
    withdrawn_at = CASE WHEN first_day < %(today)s THEN withdrawn_at ELSE now() END
WHERE id = %(pause)s AND subject = %(subject)s AND last_day >= %(today)s AND withdrawn_at IS NULL

-- notes --
-- What the team wrote, the newest first.
SELECT who, at, text FROM note WHERE subject = %(subject)s ORDER BY at DESC, id DESC
LIMIT %(limit)s

-- write_note --
-- A note to the others.
INSERT INTO note (subject, who, text) VALUES (%(subject)s, %(who)s, %(text)s)

-- team --
-- Who is in a patient's team.
SELECT id, name, role, contact, added_by, added_at FROM team_member
WHERE subject = %(subject)s AND left_at IS NULL
ORDER BY role, name

-- join_team --
-- One more who cares.
INSERT INTO team_member (subject, name, role, contact, added_by)
VALUES (%(subject)s, %(name)s, %(role)s, %(contact)s, %(who)s)

-- leave_team --
-- One who cares no more.
UPDATE team_member SET left_at = now()
WHERE id = %(member)s AND subject = %(subject)s AND left_at IS NULL

-- boxes --
-- The boxes that hear the devices a patient has now.
SELECT DISTINCT device.gateway AS name
FROM assignment JOIN device ON device.id = assignment.device
WHERE assignment.subject = %(subject)s AND assignment.during @> now()
  AND device.gateway IS NOT NULL
ORDER BY device.gateway

-- messages --
-- What the patient was told, the newest first.
SELECT who, at, text, boxes FROM message
WHERE subject = %(subject)s ORDER BY at DESC, id DESC LIMIT 5

-- tell --
-- What the patient was told.
INSERT INTO message (subject, who, text, boxes) VALUES (%(subject)s, %(who)s, %(text)s, %(boxes)s)
