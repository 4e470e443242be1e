-- What the worklist says of a patient's readings, kept a row a patient: it is read at every look of
-- every clinician, and changes where windows are computed.

-- The moment of the last reading, and the days with readings of the two weeks up to it, in the
-- patient's time zone.
ALTER TABLE dirty_subject
    ADD COLUMN last_reading_at timestamptz,
    ADD COLUMN days_seen date[] NOT NULL DEFAULT '{}';

-- Without a condition on `last_at`: an update of it stays in its page.
CREATE INDEX dirty_window_by_subject ON dirty_window (subject, day);

CREATE FUNCTION seen_of(one integer, OUT last_reading_at timestamptz, OUT days_seen date[])
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT max(seen.last_at), coalesce(array_agg(DISTINCT seen.day ORDER BY seen.day), '{}')
    FROM dirty_window AS seen
    WHERE seen.subject = one AND seen.last_at IS NOT NULL AND seen.day > (
        SELECT newest.day - 14 FROM dirty_window AS newest
        WHERE newest.subject = one AND newest.last_at IS NOT NULL
        ORDER BY newest.day DESC LIMIT 1
    );
END;

UPDATE dirty_subject SET (last_reading_at, days_seen)
    = (SELECT seen.last_reading_at, seen.days_seen FROM seen_of(subject) AS seen);
