-- history --
-- What a patient agreed to, what holds now first.
SELECT sheet, scope, way, who, at FROM consent WHERE subject = %(subject)s ORDER BY id DESC LIMIT 50

-- write --
-- What a patient agrees to from now on.
INSERT INTO consent (subject, sheet, scope, way, who)
VALUES (%(subject)s, %(sheet)s, %(scope)s, %(way)s, %(who)s)
