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

-- The one way in which a window becomes dirty. In the order of the key, so that two runs which mark
-- the same windows wait for each other and never both.
CREATE FUNCTION mark_windows(
    subjects integer[], metrics text[], days date[],
    stamped_from timestamptz[], stamped_to timestamptz[], last_at timestamptz[]) RETURNS void
    LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO dirty_window (subject, metric, day, stamped_from, stamped_to, last_at)
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6) AS w ORDER BY 1, 2, 3
    ON CONFLICT (subject, metric, day) DO UPDATE
    SET generation = dirty_window.generation + 1,
        stamped_from = least(dirty_window.stamped_from, excluded.stamped_from),
        stamped_to = greatest(dirty_window.stamped_to, excluded.stamped_to),
        last_at = greatest(dirty_window.last_at, excluded.last_at),
        touched_at = now();
END;
