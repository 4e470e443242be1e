-- What a gateway sends late, after a line that broke: validated after what is measured now.
ALTER TABLE landing_batch ADD COLUMN backlog boolean NOT NULL DEFAULT false;
DROP INDEX landing_batch_waiting;
CREATE INDEX landing_batch_waiting ON landing_batch (backlog, id) WHERE validated_at IS NULL;
