-- That somebody looked at what a patient measured, and on how many boxes at home it is said; NULL
-- while it waits to be put there.
CREATE TABLE looked (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject,
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    up_to timestamptz NOT NULL,
    boxes integer CHECK (boxes > 0)
);
CREATE INDEX looked_of_subject ON looked (subject, id);
CREATE INDEX looked_waiting ON looked (subject) WHERE boxes IS NULL;

-- As of when the rules judged a patient with all that was here, and as of when somebody looked last.
ALTER TABLE dirty_subject ADD COLUMN assessed_at timestamptz, ADD COLUMN looked_at timestamptz;

-- Who has something new since somebody looked, and no alert: judged by a signed plan, with all that is
-- here of them, since `settled_at`. Whose alert closed since the last look is looked at by themselves:
-- what a person closed is not raised again while it goes on.
CREATE VIEW well AS
SELECT seen.subject, seen.last_reading_at AS up_to,
       greatest(seen.assessed_at, plan.signed_at) AS settled_at
FROM dirty_subject AS seen
JOIN subject ON subject.id = seen.subject AND subject.pathway <> 'observation'
JOIN (SELECT subject, max(signed_at) AS signed_at FROM plan GROUP BY subject) AS plan
  ON plan.subject = seen.subject
WHERE seen.assessed = seen.generation
  AND seen.last_reading_at <= seen.assessed_at
  AND seen.assessed_at > coalesce(seen.looked_at, '-infinity')
  AND NOT EXISTS (SELECT FROM dirty_window
                  WHERE dirty_window.subject = seen.subject
                    AND dirty_window.done < dirty_window.generation)
  AND NOT EXISTS (SELECT FROM signal
                  WHERE signal.subject = seen.subject
                    AND (signal.state <> 'closed'
                         OR signal.changed_at > coalesce(seen.looked_at, '-infinity')));
