-- add --
-- One more row, by whoever runs a command.
SELECT audit_add(%(who)s, %(role)s, %(action)s, %(what)s, %(patients)s, %(reason)s)

-- acting --
-- One more row, of whoever is signed in.
SELECT audit_acting(%(action)s, %(what)s, %(patients)s, %(reason)s)

-- line --
-- One more row, of what the line does by itself.
SELECT audit_line(%(action)s, %(what)s, %(patients)s)

-- astray --
-- Rows that a patient's own list has and the chain has not, or the other way round.
WITH told AS (SELECT DISTINCT number, patient FROM audit, unnest(patients) AS patient)
SELECT number FROM told FULL JOIN audit_patient USING (number, patient)
WHERE told.number IS NULL OR audit_patient.number IS NULL
GROUP BY number ORDER BY number

-- rows --
-- The chain, from its first row on.
SELECT number, at, who, role, action, what, patients, reason, digest FROM audit ORDER BY number

-- head --
-- Where it stands.
SELECT number, digest FROM audit_head

-- of_patient --
-- Who saw, changed or took away what is a patient's, the newest first, from a number down.
SELECT number AS id, audit.at, who, role, action, what, coalesce(break_glass.reason, '') AS reason
FROM audit_patient JOIN audit USING (number)
LEFT JOIN break_glass ON audit.reason = concat('break_glass/', break_glass.id)
WHERE patient = %(subject)s AND number < %(before)s
ORDER BY number DESC LIMIT %(limit)s
