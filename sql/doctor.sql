-- extensions --
-- Which of the extensions that Balise needs are missing.
SELECT name FROM unnest(ARRAY['timescaledb', 'btree_gist']) AS name
WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = name)

-- clock --
-- What time it is there.
SELECT clock_timestamp()

-- unguarded --
-- Tables with policies whose row-level security somebody turned off.
SELECT DISTINCT relname FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid
WHERE NOT relrowsecurity ORDER BY relname

-- too_much --
-- Tables that say something of patients by themselves and that the pages may read past the views.
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace
  AND relname IN ('landing', 'packed_reading', 'packed_beside', 'reading', 'rollup', 'duplicate',
                  'reading_revision', 'refused', 'source', 'finding', 'outbox', 'web_session')
  AND has_table_privilege('balise_web', oid, 'SELECT')
ORDER BY relname

-- inherits --
-- Whether the pages have more rights than a visitor's without asking, or may take on the line's.
SELECT pg_has_role('balise_web', 'balise_keep', 'USAGE')
    OR pg_has_role('balise_web', 'balise_flows', 'MEMBER')

-- late_windows --
-- Figures behind their readings: how many, and since when.
SELECT count(*), min(touched_at) FROM dirty_window WHERE done < generation

-- late_patients --
-- Patients who are not judged or summed up by what is known of them, and since when.
SELECT count(*), least(min(assess_since) FILTER (WHERE assessed < generation),
                       min(summarise_since) FILTER (WHERE summarised < generation))
FROM dirty_subject WHERE assessed < generation OR summarised < generation

-- failed --
-- Patients for whom that failed.
SELECT code FROM subject JOIN dirty_subject ON subject = id
WHERE assess_failed_at IS NOT NULL OR summarise_failed_at IS NOT NULL ORDER BY code

-- undone --
-- What runs by the clock and was not done for long.
SELECT flow FROM flow_done
WHERE at < now() - CASE flow WHEN 'retention' THEN interval '3 days' ELSE interval '90 minutes' END
ORDER BY flow

-- ours --
-- Refusals that are a fault of ours.
SELECT count(*) FROM refused WHERE state = 'new' AND reason = 'decoder_error'

-- silent --
-- Gateways that sent nothing for two days.
SELECT name FROM contact WHERE since < now() - interval '2 days' ORDER BY name

-- outbox --
-- What another system refused.
SELECT count(*) FROM outbox WHERE state = 'refused'

-- backup --
-- When the newest backup was made.
SELECT max(made_at) FROM backup

-- admins --
-- Whether anybody can give accounts.
SELECT EXISTS (SELECT FROM login WHERE role = 'admin' AND enters(login))
    OR EXISTS (SELECT FROM login_link JOIN login ON login.name = login
               WHERE role = 'admin' AND expires_at > now())

-- copies --
-- What the server keeps of its log for copies: whether it still does, how many bytes wait, and whether
-- nobody has come for an hour, which PostgreSQL tells from 17 on.
SELECT slot_name::text AS name, coalesce(wal_status = 'lost', false) AS lost,
       coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint, 0) AS waiting,
       coalesce((to_jsonb(slot)->>'inactive_since')::timestamptz < now() - interval '1 hour',
                to_jsonb(slot)->'inactive_since' IS NULL) AS stands
FROM pg_replication_slots AS slot
WHERE slot_type = 'physical' AND slot_name ~ '^balise_[0-9]{8}_[0-9]{6}_[0-9]{6}$' ORDER BY slot_name
