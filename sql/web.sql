-- ready --
-- Ready is when the schema is there.
SELECT count(*) FROM schema_migration
