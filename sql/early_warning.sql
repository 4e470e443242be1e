-- newest --
-- What was observed of a patient, the newest first.
SELECT who, at, observed, parts, total, risk FROM early_warning
WHERE subject = %(subject)s ORDER BY id DESC LIMIT 10

-- keep --
-- What somebody observed, and its score.
INSERT INTO early_warning (subject, who, observed, parts, total, risk)
VALUES (%(subject)s, %(who)s, %(observed)s, %(parts)s, %(total)s, %(risk)s)
