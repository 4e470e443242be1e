-- Quality flags have outgrown 31 bits.
ALTER TABLE reading ALTER COLUMN quality TYPE bigint;
