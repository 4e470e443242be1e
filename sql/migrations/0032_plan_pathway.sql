-- A plan is signed for a pathway: on another one it holds no more, until one is signed for that.
ALTER TABLE plan ADD COLUMN pathway text;
UPDATE plan SET pathway = subject.pathway FROM subject WHERE subject.id = plan.subject;
ALTER TABLE plan ALTER COLUMN pathway SET NOT NULL;

-- As in 0024_looked, but for the plan: one that was signed for the pathway of now.
CREATE OR REPLACE VIEW well WITH (security_invoker = true) AS
SELECT seen.subject, seen.last_reading_at AS up_to,
       greatest(seen.assessed_at, plan.signed_at) AS settled_at
FROM dirty_subject AS seen
JOIN subject ON subject.id = seen.subject AND subject.pathway <> 'observation'
JOIN plan ON plan.subject = seen.subject AND plan.pathway = subject.pathway
WHERE NOT EXISTS (SELECT FROM plan AS newer
                  WHERE newer.subject = plan.subject AND newer.version > plan.version)
  AND seen.assessed = seen.generation
  AND seen.last_reading_at <= seen.assessed_at
  AND seen.assessed_at > coalesce(seen.looked_at, '-infinity')
  AND NOT EXISTS (SELECT FROM dirty_window
                  WHERE dirty_window.subject = seen.subject
                    AND dirty_window.done < dirty_window.generation)
  AND NOT EXISTS (SELECT FROM signal
                  WHERE signal.subject = seen.subject
                    AND (signal.state <> 'closed'
                         OR signal.changed_at > coalesce(seen.looked_at, '-infinity')));
