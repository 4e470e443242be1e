-- lock --
-- One migrator at a time; released when the connection closes.
SELECT pg_advisory_lock(%(lock)s)

-- create_table --
-- What was applied, and when.
CREATE TABLE IF NOT EXISTS schema_migration (
    number     smallint PRIMARY KEY,
    name       text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- applied --
-- What need not be applied again.
SELECT number FROM schema_migration ORDER BY number

-- patience --
-- Whoever comes to a table after us waits behind us for it: better to give up and come again.
SELECT set_config('lock_timeout', '500ms', true)

-- record --
-- In the migration's own transaction.
INSERT INTO schema_migration (number, name) VALUES (%(number)s, %(name)s)
