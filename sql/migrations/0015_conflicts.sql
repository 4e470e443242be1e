-- What came again with another value than the reading whose key it claims: kept, counted, shown.

-- The value where it differs from the reading's; NULL where it is the same, and where it was noted
-- before this was kept.
ALTER TABLE duplicate ADD COLUMN value numeric;
CREATE INDEX duplicate_conflicting ON duplicate (series, stamped_at, sequence)
    WHERE value IS NOT NULL;

-- How many of the duplicates they are.
ALTER TABLE account
    ADD COLUMN conflicting integer NOT NULL DEFAULT 0,
    ADD CHECK (conflicting BETWEEN 0 AND duplicate);
