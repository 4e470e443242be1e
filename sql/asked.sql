-- ask --
-- A keeper wants something read again; the flows are told at the commit.
WITH told AS (SELECT pg_notify('asked', ''))
INSERT INTO asked_replay (who, landing, reason)
SELECT %(who)s, %(landing)s::bigint, %(reason)s::text FROM told
RETURNING id

-- answered --
-- What became of it; nothing while it waits.
SELECT found, changed, still, more FROM asked_replay WHERE id = %(id)s AND done_at IS NOT NULL

-- listen --
-- Each wish notifies with its commit.
LISTEN asked

-- take --
-- What is asked for longest. One that failed three times is left, so that it holds up no other.
UPDATE asked_replay SET attempts = attempts + 1
WHERE id = (SELECT id FROM asked_replay WHERE done_at IS NULL AND attempts < 3 ORDER BY id LIMIT 1)
RETURNING id, who, landing, reason

-- wait --
-- Another replay runs: it was no attempt.
UPDATE asked_replay SET attempts = attempts - 1 WHERE id = %(id)s

-- done --
-- What became of it, for the page that asked.
UPDATE asked_replay
SET done_at = now(), found = %(found)s, changed = %(changed)s, still = %(still)s, more = %(more)s
WHERE id = %(id)s
