-- patient --
-- Whom the helper who is signed in helps, whether their box is heard, and what the team said last.
SELECT id, family, given, time_zone, last_contact_at, word, said_at FROM helped_patient()

-- readings --
-- What was measured last of them, of each thing once.
SELECT metric, value, unit, taken_at FROM helped_readings(%(left_out)s)

-- of_patient --
-- Who helps a patient, and who did.
SELECT account, added_by, added_at, left_at FROM helper
WHERE subject = %(subject)s ORDER BY left_at NULLS FIRST, account

-- invite --
-- A helper's account and its link; false for a name that is taken.
SELECT invite_helper(%(name)s, %(subject)s, %(digest)s, %(lifetime)s)

-- end --
-- A helper who is none any more.
SELECT end_helper(%(name)s, %(subject)s)
