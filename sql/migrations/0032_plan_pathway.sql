-- A plan is signed for a pathway: on another one it holds no more, until one is signed for that.
ALTER TABLE plan ADD COLUMN pathway text;
UPDATE plan SET pathway = subject.pathway FROM subject WHERE subject.id = plan.subject;
ALTER TABLE plan ALTER COLUMN pathway SET NOT NULL;
