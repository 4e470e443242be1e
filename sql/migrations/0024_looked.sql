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

-- Who measured since somebody looked, and needs nobody: judged by a signed plan with all that is
-- here of them, and nothing open.
CREATE VIEW well AS
SELECT seen.subject, seen.last_reading_at AS up_to
FROM dirty_subject AS seen
JOIN subject ON subject.id = seen.subject AND subject.pathway <> 'observation'
WHERE seen.assessed = seen.generation
  AND EXISTS (SELECT FROM plan WHERE plan.subject = seen.subject)
  AND NOT EXISTS (SELECT FROM signal
                  WHERE signal.subject = seen.subject AND signal.state <> 'closed')
  AND seen.last_reading_at > coalesce(
      (SELECT max(up_to) FROM looked WHERE looked.subject = seen.subject), '-infinity');
