-- counts --
-- The workbench at a glance: how much waits, by reason, and since when.
SELECT reason, state, count(*) AS count, min(refused_at) AS oldest, max(refused_at) AS newest
FROM refused
WHERE %(gateway)s::text IS NULL OR gateway = %(gateway)s
GROUP BY reason, state
ORDER BY state = 'new' DESC, count(*) DESC, reason

-- listed --
-- What was refused, the newest first.
SELECT landing, item, part, reason, detail, state, gateway, device, refused_at, note, who,
       changed_at
FROM refused
WHERE state = %(state)s
  AND (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
ORDER BY refused_at DESC, landing DESC, item, part
LIMIT %(limit)s

-- of_place --
-- What was refused of a message, of an item of it, or of one part; with its bytes while they are
-- kept.
SELECT refused.landing, refused.item, refused.part, refused.reason, refused.detail, refused.state,
       refused.gateway, refused.device, refused.decoder, refused.refused_at, refused.note,
       refused.who, refused.changed_at, message.batch, message.received_at, message.topic,
       message.payload
FROM refused LEFT JOIN LATERAL refused_message(refused.landing) AS message ON true
WHERE refused.landing = %(landing)s
  AND (%(item)s::smallint IS NULL OR refused.item = %(item)s)
  AND (%(part)s::smallint IS NULL OR refused.part = %(part)s)
ORDER BY refused.item, refused.part

-- events --
-- Whose hands something went through.
SELECT item, part, at, who, state, note FROM refused_event
WHERE landing = %(landing)s ORDER BY at

-- move --
-- Discarded with a note, or reopened: who, when and why stay.
WITH moved AS (
    UPDATE refused SET state = %(state)s, note = %(note)s, who = %(who)s, changed_at = now()
    WHERE state = %(was)s
      AND (%(landing)s::bigint IS NULL OR landing = %(landing)s)
      AND (%(item)s::smallint IS NULL OR item = %(item)s)
      AND (%(part)s::smallint IS NULL OR part = %(part)s)
      AND (%(reason)s::text IS NULL OR reason = %(reason)s)
      AND (%(gateway)s::text IS NULL OR gateway = %(gateway)s)
    RETURNING landing, item, part
)
INSERT INTO refused_event (landing, item, part, who, state, note)
SELECT landing, item, part, %(who)s, %(state)s, %(note)s FROM moved
