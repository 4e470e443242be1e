-- `balise watch` tells Prometheus of the line and signed in as the line to do so: as a role of its own it
-- reads what it counts, no patient's name, value or message, and writes nothing.
DO $$
DECLARE
    mend constant text := 'run ops/postgres/roles.sql as the superuser, then this again';
BEGIN
    BEGIN
        CREATE ROLE balise_watch NOINHERIT;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- another database of this cluster made it
    WHEN insufficient_privilege THEN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'balise_watch') THEN
            RAISE EXCEPTION 'the role balise_watch is missing' USING HINT = mend;
        END IF;
    END;
    BEGIN
        SET LOCAL ROLE balise_watch;
        RESET ROLE;
    EXCEPTION WHEN insufficient_privilege THEN
        BEGIN
            EXECUTE format('GRANT balise_watch TO %I', current_user)
                || CASE WHEN current_setting('server_version_num')::integer >= 160000
                        THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'the owner of this database may not become balise_watch' USING HINT = mend;
        END;
    END;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO balise_watch', current_database());
END
$$;

GRANT USAGE ON SCHEMA public TO balise_watch;
GRANT SELECT (batch, landed, accepted, duplicate, refused, conflicting) ON account TO balise_watch;
GRANT SELECT (made_at) ON backup TO balise_watch;
GRANT SELECT (number) ON schema_migration TO balise_watch;
GRANT SELECT (id, received_at, messages, validated_at, backlog) ON landing_batch TO balise_watch;
GRANT SELECT (day, touched_at, last_at, done, generation) ON dirty_window TO balise_watch;
GRANT SELECT (reason, state) ON refused TO balise_watch;
GRANT SELECT (raised_at, state) ON signal TO balise_watch;
GRANT SELECT (subject, state, queued_at) ON outbox TO balise_watch;
GRANT SELECT ON withheld TO balise_watch;
GRANT SELECT (name, last_contact_at) ON gateway TO balise_watch;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['dirty_window', 'signal', 'gateway'] LOOP
        EXECUTE format('CREATE POLICY watch ON %I FOR SELECT TO balise_watch USING (true)', name);
    END LOOP;
END
$$;
