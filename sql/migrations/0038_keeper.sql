-- What the pages do past whom a visitor follows, they do as a role of its own, and no longer as the line:
-- show a keeper what was refused, count what rules raised, see which boxes wait to be told. It reads no
-- name, of values those in what was refused and no other, and writes no reading. Reading a message again
-- is asked for, and done by the flows.
DO $$
DECLARE
    grantor name;
    apart constant text := CASE WHEN current_setting('server_version_num')::integer >= 160000
                                THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
    mend constant text := 'run ops/postgres/roles.sql as the superuser, then this again';
BEGIN
    BEGIN
        CREATE ROLE balise_keep NOINHERIT;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- another database of this cluster made it
    WHEN insufficient_privilege THEN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'balise_keep') THEN
            RAISE EXCEPTION 'the role balise_keep is missing' USING HINT = mend;
        END IF;
    END;
    BEGIN
        SET LOCAL ROLE balise_keep;
        RESET ROLE;
    EXCEPTION WHEN insufficient_privilege THEN
        BEGIN
            EXECUTE format('GRANT balise_keep TO %I%s', current_user, apart);
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'the owner of this database may not become balise_keep' USING HINT = mend;
        END;
    END;
    IF NOT pg_has_role('balise_web', 'balise_keep', 'MEMBER') THEN
        BEGIN
            EXECUTE 'GRANT balise_keep TO balise_web' || apart;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE EXCEPTION 'the pages may not become balise_keep' USING HINT = mend;
        END;
    END IF;
    BEGIN
        FOR grantor IN
            SELECT pg_get_userbyid(given.grantor) FROM pg_auth_members AS given
            WHERE roleid = 'balise_flows'::regrole AND member = 'balise_web'::regrole
        LOOP
            EXECUTE 'REVOKE balise_flows FROM balise_web'
                || CASE WHEN apart = '' THEN '' ELSE format(' GRANTED BY %I', grantor) END;
        END LOOP;
    EXCEPTION WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the pages may still become balise_flows' USING HINT = mend;
    END;
END
$$;

-- What a keeper asked for by a page, and what became of it: answered when `done_at` is.
CREATE TABLE asked_replay (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    who      text NOT NULL,
    landing  bigint,
    reason   text,
    attempts smallint NOT NULL DEFAULT 0,
    done_at  timestamptz,
    found    integer NOT NULL DEFAULT 0,
    changed  integer NOT NULL DEFAULT 0,
    still    integer NOT NULL DEFAULT 0,
    more     boolean NOT NULL DEFAULT false,
    failed   boolean NOT NULL DEFAULT false,
    CHECK ((landing IS NULL) <> (reason IS NULL))
);
CREATE INDEX asked_replay_waiting ON asked_replay (id) WHERE done_at IS NULL;
GRANT SELECT, UPDATE, DELETE ON asked_replay TO balise_flows;

-- The bytes of a message of which something was refused, and of no other.
CREATE FUNCTION refused_message(
        message bigint, OUT batch bigint, OUT received_at timestamptz, OUT topic text, OUT payload bytea)
    RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT landing.batch, landing.received_at, landing.topic, landing.payload FROM landing
    WHERE landing.id = message AND EXISTS (SELECT FROM refused WHERE refused.landing = message);
END;
REVOKE EXECUTE ON FUNCTION refused_message FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refused_message TO balise_keep, balise_flows;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'assignment', 'device', 'looked', 'signal', 'signal_event', 'subject'] LOOP
        EXECUTE format('CREATE POLICY keeper ON %I TO balise_keep USING (true)', name);
    END LOOP;
END
$$;
GRANT USAGE ON SCHEMA public TO balise_keep;
GRANT SELECT ON assignment, device, mapping, refused, refused_event TO balise_keep;
GRANT SELECT (id, time_zone) ON subject TO balise_keep;
GRANT SELECT (id, rule, state, raised_at) ON signal TO balise_keep;
GRANT SELECT (signal, at, who, state, reason) ON signal_event TO balise_keep;
GRANT SELECT (id, subject, at, boxes), UPDATE (boxes) ON looked TO balise_keep;
GRANT UPDATE (state, note, who, changed_at) ON refused TO balise_keep;
GRANT INSERT ON refused_event TO balise_keep;
GRANT SELECT, INSERT (who, landing, reason) ON asked_replay TO balise_keep;
-- Whether a message is of whom a visitor follows is the pages' question alone.
REVOKE EXECUTE ON FUNCTION follows_message FROM PUBLIC;
GRANT EXECUTE ON FUNCTION follows_message TO balise_web;
