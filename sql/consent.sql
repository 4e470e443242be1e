-- history --
-- What a patient agreed to, what holds now first.
SELECT id, sheet, scope, way, who, at FROM consent WHERE subject = %(subject)s ORDER BY id DESC LIMIT 50

-- lock --
-- One at a time writes what a patient agrees to.
SELECT FROM subject WHERE id = %(subject)s FOR NO KEY UPDATE

-- write --
-- What a patient agrees to from now on; nothing where something else was written since it was shown, or
-- where what was shown is a withdrawal already.
INSERT INTO consent (subject, sheet, scope, way, who)
SELECT %(subject)s, %(sheet)s, %(scope)s::text[], %(way)s, %(who)s
FROM (SELECT max(id) AS id FROM consent WHERE subject = %(subject)s) AS newest
WHERE coalesce(newest.id, 0) = %(over)s
  AND NOT (%(scope)s::text[] = '{}'
           AND EXISTS (SELECT FROM consent WHERE consent.id = newest.id AND scope = '{}'))
