-- listen --
-- The receiver notifies with each commit.
LISTEN landed

-- behind --
-- Whether validate has work, and whether a step after it has.
SELECT EXISTS (SELECT FROM landing_batch WHERE validated_at IS NULL),
       EXISTS (SELECT FROM dirty_window WHERE done < generation)
    OR EXISTS (SELECT FROM window_recheck)
    OR EXISTS (SELECT FROM dirty_subject
               WHERE (assessed < generation AND may_be_tried(assess_failed_at))
                  OR (summarised < generation AND may_be_tried(summarise_failed_at)))

-- waiting_batches --
-- What validate has before it, when that was received, and whether any of it is free: what no run
-- has locked. The lock that looks for it lives for this statement.
WITH free AS MATERIALIZED (
    SELECT id FROM landing_batch WHERE validated_at IS NULL LIMIT 1 FOR KEY SHARE SKIP LOCKED
)
SELECT count(*), EXISTS (SELECT FROM free), min(received_at), max(received_at)
FROM landing_batch WHERE validated_at IS NULL

-- crowded --
-- Whether so many messages or bytes wait for validate. Only the first batches are looked at: a backlog
-- of days has many.
SELECT coalesce(sum(messages) >= %(messages)s OR sum(bytes) >= %(bytes)s, false)
FROM (SELECT messages, bytes FROM landing_batch WHERE validated_at IS NULL
      ORDER BY backlog, id LIMIT 100)

-- waiting_windows --
-- The same for aggregate, with its days.
WITH free AS MATERIALIZED (
    SELECT day FROM dirty_window WHERE done < generation LIMIT 1 FOR KEY SHARE SKIP LOCKED
)
SELECT count(*), EXISTS (SELECT FROM free), min(day), max(day)
FROM dirty_window WHERE done < generation

-- waiting_to_assess --
-- The same for assess; its window is the moment it judges.
WITH free AS MATERIALIZED (
    SELECT subject FROM dirty_subject WHERE assessed < generation AND may_be_tried(assess_failed_at)
    LIMIT 1 FOR KEY SHARE SKIP LOCKED
)
SELECT count(*), EXISTS (SELECT FROM free) FROM dirty_subject
WHERE assessed < generation AND may_be_tried(assess_failed_at)

-- waiting_to_summarise --
-- The same for summarise.
WITH free AS MATERIALIZED (
    SELECT subject FROM dirty_subject
    WHERE summarised < generation AND may_be_tried(summarise_failed_at)
    LIMIT 1 FOR KEY SHARE SKIP LOCKED
)
SELECT count(*), EXISTS (SELECT FROM free) FROM dirty_subject
WHERE summarised < generation AND may_be_tried(summarise_failed_at)

-- begin --
-- What runs by the clock counts as done when it is first asked for.
INSERT INTO flow_done (flow) VALUES (%(flow)s) ON CONFLICT DO NOTHING

-- overdue --
-- Whether a flow was not done for so long.
SELECT EXISTS (SELECT FROM flow_done WHERE flow = %(flow)s AND at < now() - %(after)s::interval)

-- done --
-- A flow was done now.
INSERT INTO flow_done (flow) VALUES (%(flow)s) ON CONFLICT (flow) DO UPDATE SET at = now()
