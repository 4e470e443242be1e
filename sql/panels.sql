-- put --
-- A panel; one of everyone needs no list.
INSERT INTO panel (name, everyone) VALUES (%(name)s, %(everyone)s)
ON CONFLICT (name) DO UPDATE SET everyone = excluded.everyone

-- every --
-- The panels, with who is in them and how many patients they are.
SELECT name, everyone,
       ARRAY(SELECT account FROM panel_account
             WHERE panel = panel.name AND left_at IS NULL ORDER BY account) AS accounts,
       (SELECT count(*) FROM panel_subject WHERE panel = panel.name AND left_at IS NULL) AS patients
FROM panel ORDER BY name

-- names --
-- What panels there are.
SELECT name, everyone FROM panel ORDER BY name

-- add_account --
-- An account follows a panel's patients from now on.
INSERT INTO panel_account (panel, account) VALUES (%(panel)s, %(account)s) ON CONFLICT DO NOTHING

-- remove_account --
-- And no more.
UPDATE panel_account SET left_at = now()
WHERE panel = %(panel)s AND account = %(account)s AND left_at IS NULL

-- add_patients --
-- These patients are in a panel from now on.
INSERT INTO panel_subject (panel, subject)
SELECT %(panel)s, id FROM subject WHERE code = ANY(%(codes)s)
ON CONFLICT DO NOTHING

-- remove_patients --
-- And no more.
UPDATE panel_subject SET left_at = now()
WHERE panel = %(panel)s AND left_at IS NULL
  AND subject IN (SELECT id FROM subject WHERE code = ANY(%(codes)s))

-- unknown --
-- Which of these codes are nobody's.
SELECT code FROM unnest(%(codes)s::text[]) AS code
WHERE NOT EXISTS (SELECT FROM subject WHERE subject.code = code.code)

-- unfollowed --
-- Patients whom nobody follows: in no panel that has an account, and no panel is of everyone.
SELECT code FROM subject
WHERE pathway <> 'observation'
  AND NOT EXISTS (SELECT FROM panel JOIN panel_account ON panel_account.panel = panel.name
                  WHERE everyone AND left_at IS NULL)
  AND NOT EXISTS (SELECT FROM panel_subject JOIN panel_account USING (panel)
                  WHERE panel_subject.subject = subject.id AND panel_subject.left_at IS NULL
                    AND panel_account.left_at IS NULL)
ORDER BY code

-- open --
-- A patient whom nobody of the visitor's panel is, for a while and for a reason; none where the code
-- is nobody's, or the visitor no clinician.
SELECT open_in_emergency(%(code)s, %(reason)s, %(lifetime)s)
