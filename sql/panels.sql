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
-- Patients whom nobody follows: no carer who can sign in has them in a panel.
SELECT code FROM subject
WHERE pathway <> 'observation'
  AND NOT EXISTS (
      SELECT FROM panel_account JOIN panel ON panel.name = panel_account.panel
      JOIN login ON login.name = panel_account.account
      LEFT JOIN panel_subject ON panel_subject.panel = panel.name
                             AND panel_subject.subject = subject.id
                             AND panel_subject.left_at IS NULL
      WHERE panel_account.left_at IS NULL AND (everyone OR panel_subject.subject IS NOT NULL)
        AND role IN ('clinician', 'coordinator') AND enters(login))
ORDER BY code

-- open --
-- A patient whom nobody of the visitor's panel is, for a while and for a reason; none where the code
-- is nobody's, or the visitor no clinician.
SELECT open_in_emergency(%(code)s, %(reason)s, %(lifetime)s)
