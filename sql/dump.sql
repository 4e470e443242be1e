-- snapshot --
-- All tables are read as they were at one moment, and nothing is written.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY

-- tables --
-- What is kept of the database, with the columns that somebody wrote. Who is signed in is nobody's to
-- bring back, and the schema is made anew.
SELECT relname AS name, array_agg(attname ORDER BY attnum) AS columns
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  AND relname NOT IN ('schema_migration', 'web_session', 'login_link', 'sign_in_refused',
                      'passkey_asked')
GROUP BY relname ORDER BY relname

-- references --
-- Which table must be there before which.
SELECT conrelid::regclass::text AS name, confrelid::regclass::text AS needs FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conrelid <> confrelid

-- sequences --
-- Where the numbers stand.
SELECT sequencename AS name, last_value AS value FROM pg_sequences
WHERE schemaname = 'public' AND last_value IS NOT NULL ORDER BY sequencename

-- set_sequence --
-- So that no number is given twice.
SELECT setval(%(name)s::text::regclass, %(value)s)

-- is_new --
-- Whether nobody was enrolled here, nothing landed, and nothing was done.
SELECT NOT EXISTS (SELECT FROM subject) AND NOT EXISTS (SELECT FROM landing_batch)
   AND NOT EXISTS (SELECT FROM login) AND NOT EXISTS (SELECT FROM audit)

-- accounting --
-- What must be the same before and after: readings, payloads, what landed and what became of it.
SELECT (SELECT count(*) FROM reading) AS readings, (SELECT count(*) FROM landing) AS kept,
       coalesce(sum(messages), 0)::bigint AS messages, coalesce(sum(landed), 0)::bigint AS landed,
       coalesce(sum(accepted), 0)::bigint AS accepted,
       coalesce(sum(duplicate), 0)::bigint AS duplicate, coalesce(sum(refused), 0)::bigint AS refused
FROM account

-- schema --
-- The number of the schema.
SELECT coalesce(max(number), 0) FROM schema_migration

-- note --
-- A backup was made.
INSERT INTO backup (made_at, bytes, readings) VALUES (%(made_at)s, %(bytes)s, %(readings)s)

-- triggers --
-- What a new row of ours brings about; TimescaleDB's own triggers have their functions elsewhere.
SELECT pg_class.relname AS "table", tgname AS name FROM pg_trigger
JOIN pg_class ON pg_class.oid = tgrelid
JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE NOT tgisinternal AND pronamespace = 'public'::regnamespace
  AND tgtype & 4 <> 0 -- on INSERT
