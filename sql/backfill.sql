-- begin --
-- A backfill of a period, or the one of it that was cut short: the same row.
INSERT INTO backfill (since, until, day, windows)
SELECT %(since)s, %(until)s, %(since)s,
       count(*) FROM dirty_window WHERE day BETWEEN %(since)s AND %(until)s
ON CONFLICT (since, until) WHERE finished_at IS NULL DO UPDATE SET windows = backfill.windows
RETURNING id, windows, marked

-- take --
-- Where it stands; a run beside this one waits here and goes on after what this one marks.
SELECT until, day, subject, metric FROM backfill
WHERE id = %(backfill)s AND finished_at IS NULL FOR UPDATE

-- mark --
-- The next windows are behind now; few at a time, so that no new reading waits behind a year. They
-- are locked in the order of `readings.merge`: two that lock in different orders wait for ever.
WITH next AS MATERIALIZED (
    SELECT day, subject, metric FROM dirty_window
    WHERE (day, subject, metric) > (%(day)s, %(subject)s, %(metric)s) AND day <= %(until)s
    ORDER BY day, subject, metric LIMIT %(limit)s
), locked AS MATERIALIZED (
    SELECT dirty_window.subject, dirty_window.metric, dirty_window.day
    FROM dirty_window JOIN next USING (subject, metric, day)
    ORDER BY dirty_window.subject, dirty_window.metric, dirty_window.day FOR UPDATE OF dirty_window
), marked AS (
    UPDATE dirty_window SET generation = generation + 1, touched_at = now()
    FROM locked
    WHERE dirty_window.subject = locked.subject AND dirty_window.metric = locked.metric
      AND dirty_window.day = locked.day
)
SELECT day, subject, metric FROM next ORDER BY day, subject, metric

-- advance --
-- In the transaction that marks.
UPDATE backfill SET day = %(day)s, subject = %(subject)s, metric = %(metric)s,
                    marked = marked + %(marked)s
WHERE id = %(backfill)s
RETURNING marked

-- finish --
-- A backfill of the same period begins anew after this.
UPDATE backfill SET finished_at = now() WHERE id = %(backfill)s AND finished_at IS NULL
