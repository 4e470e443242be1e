-- patient --
-- Whom the helper who is signed in helps, whether their box is heard, and what the team said last.
SELECT id, family, given, time_zone, boxes, last_contact_at, word, said_at FROM helped_patient()

-- figures --
-- What was measured last of them, of each thing once.
SELECT metric, hour, day, last, sum FROM helped_figures()

-- of_patient --
-- Who helps a patient, and who did.
SELECT account, called, added_by, added_at, left_at FROM helper
WHERE subject = %(subject)s ORDER BY left_at DESC NULLS FIRST, added_at DESC

-- invite --
-- A helper's account and its link, or another link where nothing is said of who it is.
SELECT invite_helper(%(name)s, %(subject)s, %(called)s, %(digest)s, %(lifetime)s)

-- end --
-- A helper who is none any more.
SELECT end_helper(%(name)s, %(subject)s)
