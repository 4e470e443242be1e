-- ask --
-- A keeper wants something read again; the flows are told at the commit.
WITH told AS (SELECT pg_notify('asked', ''))
INSERT INTO asked_replay (who, landing, reason)
SELECT %(who)s, %(landing)s::bigint, %(reason)s::text FROM told
RETURNING id

-- answered --
-- What became of it; nothing while it waits.
SELECT found, changed, still, more, failed FROM asked_replay WHERE id = %(id)s AND done_at IS NOT NULL

-- listen --
-- Each wish notifies with its commit.
LISTEN asked

-- lock --
-- Whether no other process does what is asked for.
SELECT pg_try_advisory_lock(%(lock)s)

-- unlock --
-- Another may now.
SELECT pg_advisory_unlock(%(lock)s)

-- give_up --
-- What was begun three times and never ended has failed, and holds up no other; what was answered a
-- month ago is nobody's concern any more.
WITH old AS (DELETE FROM asked_replay WHERE done_at < now() - INTERVAL '30 days')
UPDATE asked_replay SET done_at = now(), failed = true WHERE done_at IS NULL AND attempts >= 3

-- take --
-- What is asked for longest, or was tried less often.
UPDATE asked_replay SET attempts = attempts + 1
WHERE id = (SELECT id FROM asked_replay WHERE done_at IS NULL ORDER BY attempts, id LIMIT 1)
RETURNING id, who, landing, reason

-- wait --
-- Another replay runs: it was no attempt.
UPDATE asked_replay SET attempts = attempts - 1 WHERE id = %(id)s

-- done --
-- What became of it, for the page that asked.
UPDATE asked_replay
SET done_at = now(), found = %(found)s, changed = %(changed)s, still = %(still)s, more = %(more)s
WHERE id = %(id)s
