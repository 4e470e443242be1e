-- hurry --
-- From here on nothing is waited for long.
SELECT set_config('statement_timeout', '300ms', false)

-- accounted --
-- What landed within an hour, by what became of it. The batches say which: accounts are kept for good.
SELECT outcome, coalesce(sum(count), 0)::float8 AS value
FROM landing_batch JOIN account ON account.batch = landing_batch.id
CROSS JOIN LATERAL (VALUES ('landed', landed), ('accepted', accepted), ('duplicate', duplicate),
                           ('refused', refused), ('conflicting', conflicting)) AS told (outcome, count)
WHERE received_at > now() - interval '1 hour'
GROUP BY outcome

-- unaccounted --
-- What landed within an hour and became nothing: the database refuses such a sum, and it is watched
-- nevertheless.
SELECT coalesce(sum(landed - accepted - duplicate - refused), 0)::float8 AS value
FROM landing_batch JOIN account ON account.batch = landing_batch.id
WHERE received_at > now() - interval '1 hour'

-- waiting --
-- What is not validated yet.
SELECT coalesce(sum(messages), 0)::float8 AS value FROM landing_batch WHERE validated_at IS NULL

-- waiting_age --
-- Since when.
SELECT coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS value
FROM landing_batch WHERE validated_at IS NULL

-- validated_after --
-- How long what came in the last quarter of an hour took from its receipt to readings; no backlog.
SELECT quantile::text AS quantile,
       percentile_cont(quantile) WITHIN GROUP
           (ORDER BY extract(epoch FROM validated_at - received_at))::float8 AS value
FROM landing_batch, unnest(ARRAY[0.5, 0.95]::float8[]) AS quantile
WHERE NOT backlog AND validated_at IS NOT NULL AND received_at > now() - interval '15 minutes'
GROUP BY quantile

-- measured_before --
-- How old the newest reading of those patients is whose windows changed in the last quarter of an hour.
SELECT quantile::text AS quantile,
       percentile_cont(quantile) WITHIN GROUP
           (ORDER BY extract(epoch FROM touched_at - last_at))::float8 AS value
FROM dirty_window, unnest(ARRAY[0.5, 0.95]::float8[]) AS quantile
WHERE touched_at > now() - interval '15 minutes' AND last_at IS NOT NULL
  AND day >= current_date - 1
GROUP BY quantile

-- received_age --
-- When something landed last.
SELECT extract(epoch FROM now() - received_at)::float8 AS value FROM landing_batch
ORDER BY id DESC LIMIT 1

-- windows --
-- Days of patients whose figures are behind their readings.
SELECT count(*)::float8 AS value FROM dirty_window WHERE done < generation

-- windows_age --
-- Since when.
SELECT coalesce(extract(epoch FROM now() - min(touched_at)), 0)::float8 AS value
FROM dirty_window WHERE done < generation

-- patients --
-- Patients who are not judged by what is known of them, and whose figures are not worked out.
SELECT step, count(*) FILTER (WHERE behind)::float8 AS value
FROM dirty_subject
CROSS JOIN LATERAL (VALUES ('assess', assessed < generation),
                           ('summarise', summarised < generation)) AS steps (step, behind)
GROUP BY step

-- patients_age --
-- Since when.
SELECT step,
       coalesce(extract(epoch FROM now() - min(since) FILTER (WHERE behind)), 0)::float8 AS value
FROM dirty_subject
CROSS JOIN LATERAL (VALUES ('assess', assessed < generation, assess_since),
                           ('summarise', summarised < generation, summarise_since))
    AS steps (step, behind, since)
GROUP BY step

-- patients_failed --
-- Patients for whom a step failed, to be tried again: a fault of ours.
SELECT step, count(failed_at)::float8 AS value
FROM dirty_subject
CROSS JOIN LATERAL (VALUES ('assess', assess_failed_at),
                           ('summarise', summarise_failed_at)) AS steps (step, failed_at)
GROUP BY step

-- refused --
-- What waits for a mend or a decision.
SELECT reason, count(*)::float8 AS value FROM refused WHERE state = 'new' GROUP BY reason

-- unseen --
-- Signals that nobody has looked at.
SELECT count(*)::float8 AS value FROM signal WHERE state = 'new'

-- unseen_age --
-- Since when the first of them stands.
SELECT coalesce(extract(epoch FROM now() - min(raised_at)), 0)::float8 AS value
FROM signal WHERE state = 'new'

-- outbox --
-- What another system did not take yet, or refused.
SELECT state, count(*)::float8 AS value FROM outbox WHERE state <> 'delivered' GROUP BY state

-- outbox_age --
-- Since when the first of what waits does; who does not agree is waited for by nobody.
SELECT coalesce(extract(epoch FROM now() - min(queued_at)), 0)::float8 AS value
FROM outbox WHERE state = 'waiting' AND subject NOT IN (SELECT subject FROM withheld)

-- backup_age --
-- How old the newest backup is; nothing where there was none.
SELECT extract(epoch FROM now() - max(made_at))::float8 AS value FROM backup HAVING count(*) > 0

-- copy_waiting --
-- Bytes of the log that a copy has not taken yet, a lost one counting as all there could be; nothing
-- where none is made.
SELECT max(CASE WHEN wal_status = 'lost' THEN 1e15
                ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END)::float8 AS value
FROM pg_replication_slots
WHERE slot_type = 'physical' AND slot_name ~ '^balise_[0-9]{8}_[0-9]{6}_[0-9]{6}$'

-- bytes --
-- What the database takes on its disk.
SELECT pg_database_size(current_database())::float8 AS value

-- contacts --
-- Since when each gateway is silent.
SELECT name AS gateway, extract(epoch FROM now() - since)::float8 AS value FROM contact

-- flows --
-- How long ago each flow that runs by the clock was done last.
SELECT flow, extract(epoch FROM now() - at)::float8 AS value FROM flow_done
