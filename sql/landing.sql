-- open_batch --
-- One row a commit of the receiver, two where a backlog came along: the unit of the validate flow's
-- work list.
INSERT INTO landing_batch (received_at, messages, bytes, backlog)
VALUES (%(received_at)s, %(messages)s, %(bytes)s, %(backlog)s)
RETURNING id

-- copy --
-- Payloads as they came.
COPY landing (batch, received_at, gateway, topic, payload) FROM STDIN (FORMAT binary)

-- give_receipts --
-- The sets of spools' numbers that this transaction makes safe; in one order everywhere, so that
-- two receivers never wait for each other.
INSERT INTO receipt (gateway, epoch, stored)
SELECT * FROM unnest(%(gateways)s::text[], %(epochs)s::uuid[],
                     %(stored)s::text[]::int8multirange[])
ORDER BY 1, 2
ON CONFLICT (gateway, epoch) DO UPDATE SET stored = receipt.stored + excluded.stored

-- seen_gateways --
-- Silence is measured from here.
UPDATE gateway SET last_contact_at = %(received_at)s
WHERE name = ANY(%(gateways)s)

-- receipts --
-- What the server holds of gateways' spools.
SELECT gateway, epoch, stored FROM receipt WHERE gateway = ANY(%(gateways)s) ORDER BY gateway

-- gateways_with_receipts --
-- Whose retained receipts a starting receiver says again, computed from the tables.
SELECT DISTINCT gateway FROM receipt

-- notify --
-- Wake the flows; delivered with the commit.
SELECT pg_notify('landed', '')

-- take_batches --
-- As many of the batches nobody validates yet as are validated at once.
SELECT id, received_at FROM take_batches(%(messages)s, %(bytes)s)

-- of_batches --
-- The payloads of the batches taken; the times let the planner pass over the other chunks.
SELECT id, batch, received_at, gateway, topic, payload FROM landing
WHERE batch = ANY(%(batches)s)
  AND received_at BETWEEN %(received_from)s AND %(received_to)s
ORDER BY id

-- of_ids --
-- Payloads to read again, of validated batches only: the others are the validate flow's.
SELECT landing.id, batch, landing.received_at, gateway, topic, payload
FROM landing JOIN landing_batch ON landing_batch.id = landing.batch
WHERE landing.id = ANY(%(ids)s) AND validated_at IS NOT NULL
ORDER BY landing.id

-- copy_accounts --
-- The accounting; the table's checks refuse one that doesn't add up.
COPY account (batch, gateway, messages, landed, accepted, duplicate, refused, conflicting)
FROM STDIN (FORMAT binary)

-- close_batches --
-- Off the work list; what came again is in `duplicate`.
UPDATE landing_batch SET validated_at = now(), traced = true WHERE id = ANY(%(batches)s)

-- newest_batch --
-- Where the landing stands.
SELECT coalesce(max(id), 0) FROM landing_batch

-- waiting --
-- How much is not validated yet, and since when.
SELECT count(*) AS batches, coalesce(sum(messages), 0) AS messages, min(received_at) AS oldest
FROM landing_batch WHERE validated_at IS NULL
