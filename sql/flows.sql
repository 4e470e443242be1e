-- listen --
-- The receiver notifies with each commit.
LISTEN landed

-- behind --
-- Whether any step of the line has work.
SELECT EXISTS (SELECT FROM landing_batch WHERE validated_at IS NULL)
    OR EXISTS (SELECT FROM dirty_window WHERE done < generation)
    OR EXISTS (SELECT FROM dirty_subject WHERE assessed < generation OR summarised < generation)
