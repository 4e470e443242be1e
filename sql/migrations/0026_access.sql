-- Who may see whom, kept by the database: the pages' process has a role of its own and sees, of every
-- table that says something of a patient, the rows of those whom the account that is signed in follows.

-- Roles are the cluster's, not the database's; without a password nobody signs in as one. Where a
-- superuser made them (ops/postgres/roles.sql) there is nothing to do. The owner takes a part's role
-- for a command that does its work. (Here the pages were let become the line too; 0038 ends that.)
DO $$
DECLARE
    role text;
    apart constant text := CASE WHEN current_setting('server_version_num')::integer >= 160000
                                THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
BEGIN
    FOREACH role IN ARRAY ARRAY['balise_receive', 'balise_flows', 'balise_web'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOINHERIT', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another database of this cluster made it
        WHEN insufficient_privilege THEN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                RAISE EXCEPTION 'the role % is missing', role
                    USING HINT = 'run ops/postgres/roles.sql as the superuser, then this again';
            END IF;
        END;
        BEGIN
            EXECUTE format('SET LOCAL ROLE %I', role);
            RESET ROLE;
        EXCEPTION WHEN insufficient_privilege THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I%s', role, current_user, apart);
            EXCEPTION WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'the owner of this database may not become %', role
                    USING HINT = 'run ops/postgres/roles.sql as the superuser, then this again';
            END;
        END;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
    END LOOP;
    -- Of the three only the line makes temporary tables.
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO balise_flows', current_database());
END
$$;

-- Whom a nurse or a ward follows. A panel of everyone needs no list: that is a site with one team.
CREATE TABLE panel (
    name     text PRIMARY KEY CHECK (name ~ '^[a-z0-9-]{1,64}$'),
    everyone boolean NOT NULL DEFAULT false
);
CREATE TABLE panel_account (
    panel    text NOT NULL REFERENCES panel,
    account  text NOT NULL REFERENCES login ON DELETE CASCADE,
    added_at timestamptz NOT NULL DEFAULT now(),
    left_at  timestamptz
);
CREATE UNIQUE INDEX panel_account_now ON panel_account (account, panel) WHERE left_at IS NULL;
CREATE TABLE panel_subject (
    panel    text NOT NULL REFERENCES panel,
    subject  integer NOT NULL REFERENCES subject,
    added_at timestamptz NOT NULL DEFAULT now(),
    left_at  timestamptz
);
CREATE UNIQUE INDEX panel_subject_now ON panel_subject (panel, subject) WHERE left_at IS NULL;

-- A patient of another panel, opened for a while with a reason: an emergency.
CREATE TABLE break_glass (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account text NOT NULL REFERENCES login ON DELETE CASCADE,
    subject integer NOT NULL REFERENCES subject,
    reason  text NOT NULL CHECK (reason <> ''),
    at      timestamptz NOT NULL DEFAULT now(),
    until   timestamptz NOT NULL
);
CREATE INDEX break_glass_of_account ON break_glass (account, until);

-- Who cares for patients and saw everybody so far goes on seeing everybody; ops and admins see none.
INSERT INTO panel (name, everyone) VALUES ('site', true);
INSERT INTO panel_account (panel, account)
SELECT 'site', name FROM login WHERE role IN ('clinician', 'coordinator');

DO $$
DECLARE
    strange text := (SELECT string_agg(name, ', ') FROM login
                     WHERE role NOT IN ('clinician', 'coordinator', 'ops', 'admin'));
BEGIN
    IF strange IS NOT NULL THEN
        RAISE EXCEPTION 'accounts with a role that is none: %', strange
            USING HINT = 'UPDATE login SET role = ''clinician'' (or coordinator, ops, admin), then again';
    END IF;
END
$$;
ALTER TABLE login
    ADD CONSTRAINT login_role CHECK (role IN ('clinician', 'coordinator', 'ops', 'admin'));

-- A session ends when nobody uses it.
ALTER TABLE web_session ADD COLUMN idle_until timestamptz NOT NULL DEFAULT now();

-- Who is signed in: whose session the connection said it works for. In PL/pgSQL, whose plans are kept.
CREATE FUNCTION acting(OUT name text, OUT role text)
    LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    SELECT login.name, login.role INTO acting.name, acting.role FROM web_session
    JOIN login ON login.name = web_session.login
    WHERE token_digest = decode(nullif(current_setting('balise.session', true), ''), 'hex')
      AND expires_at > now() AND idle_until > now();
END
$$;

-- Whether whoever is signed in follows all patients there are: asked for each table of each question,
-- and so in one look.
CREATE FUNCTION follows_everyone() RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM web_session
        JOIN login ON login.name = web_session.login
        JOIN panel_account ON panel_account.account = login.name AND left_at IS NULL
        JOIN panel ON panel.name = panel_account.panel
        WHERE token_digest = decode(nullif(current_setting('balise.session', true), ''), 'hex')
          AND expires_at > now() AND idle_until > now()
          AND role IN ('clinician', 'coordinator') AND everyone);
END
$$;

-- The patients whoever is signed in follows, those opened in an emergency with them.
CREATE FUNCTION followed() RETURNS SETOF integer LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
    SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    IF who.role IN ('clinician', 'coordinator') THEN
        RETURN QUERY
            SELECT subject FROM panel_account JOIN panel_subject USING (panel)
            WHERE account = who.name AND panel_account.left_at IS NULL
              AND panel_subject.left_at IS NULL
            UNION ALL
            SELECT subject FROM break_glass WHERE account = who.name AND until > now();
    END IF;
END
$$;

-- Row-level security: the pages' role sees whom its account follows, the line everybody.
DO $$
DECLARE
    name text;
    rule text;
    mine constant text := '(SELECT follows_everyone()) OR %s IN (SELECT followed())';
BEGIN
    FOR name, rule IN
        SELECT patients, format(mine, 'subject') FROM unnest(ARRAY[
            'identity', 'assignment', 'signal', 'summary', 'plan', 'pause', 'note', 'team_member',
            'message', 'looked', 'early_warning', 'dirty_window', 'dirty_subject',
            'source_preference', 'panel_subject', 'break_glass'
        ]) AS patients
        UNION ALL VALUES
            ('subject', format(mine, 'id')),
            -- What leads to a patient by something else is seen where that is.
            ('signal_event', 'EXISTS (SELECT FROM signal WHERE id = signal_event.signal)'),
            ('device', '(SELECT follows_everyone()) OR EXISTS (SELECT FROM assignment'
                       ' WHERE assignment.device = device.id)'),
            ('series', '(SELECT follows_everyone()) OR EXISTS (SELECT FROM assignment'
                       ' WHERE assignment.device = series.device)'),
            ('gateway', '(SELECT follows_everyone()) OR EXISTS (SELECT FROM device'
                        ' WHERE device.gateway = gateway.name)')
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY followed ON %I TO balise_web USING (%s)', name, rule);
        EXECUTE format('CREATE POLICY line ON %I TO balise_receive, balise_flows USING (true)', name);
    END LOOP;
END
$$;

-- A view asks with its owner's rights, unless it is told to ask with those of whoever asks it.
ALTER VIEW well SET (security_invoker = true);

-- Row-level security reaches no chunk of a hypertable, and no table with it is written by COPY. The
-- pages' role has no right to those: it asks these views of the same names, which come first on its path
-- and check for themselves. They are no security barriers: past one no index is found by a join, and a
-- page would read every reading there is. What a barrier keeps from a leaky function of the asker's own
-- is kept by the asker's having none.
CREATE SCHEMA followed;
CREATE VIEW followed.reading AS
SELECT * FROM public.reading
WHERE (SELECT follows_everyone()) OR subject IN (SELECT followed());

CREATE VIEW followed.rollup AS
SELECT * FROM public.rollup
WHERE (SELECT follows_everyone()) OR subject IN (SELECT followed());

CREATE VIEW followed.source AS
SELECT * FROM public.source
WHERE (SELECT follows_everyone()) OR subject IN (SELECT followed());

CREATE VIEW followed.finding AS
SELECT * FROM public.finding
WHERE (SELECT follows_everyone()) OR subject IN (SELECT followed());

CREATE VIEW followed.reading_revision AS
SELECT * FROM public.reading_revision
WHERE (SELECT follows_everyone())
   OR old_subject IN (SELECT followed()) OR new_subject IN (SELECT followed());

CREATE VIEW followed.duplicate AS
SELECT * FROM public.duplicate
WHERE EXISTS (SELECT FROM followed.reading
              WHERE reading.series = duplicate.series
                AND reading.stamped_at = duplicate.stamped_at
                AND reading.sequence = duplicate.sequence);

-- A message of which a reading is, or was, one of theirs; asked last, of the few that are left.
CREATE FUNCTION follows_message(message bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER COST 1000000 SET search_path = public, pg_temp
AS $$
DECLARE
    mine constant integer[] := ARRAY(SELECT followed());
BEGIN
    RETURN follows_everyone()
        OR EXISTS (SELECT FROM packed_reading
                   WHERE landing_of(source) = message AND subject = ANY (mine))
        OR EXISTS (SELECT FROM packed_beside
                   WHERE landing_of(source) = message AND subject = ANY (mine))
        OR EXISTS (SELECT FROM reading_revision
                   WHERE old_landing = message AND old_subject = ANY (mine))
        OR EXISTS (SELECT FROM duplicate
                   JOIN reading ON reading.series = duplicate.series
                               AND reading.stamped_at = duplicate.stamped_at
                               AND reading.sequence = duplicate.sequence
                   WHERE duplicate.landing = message AND reading.subject = ANY (mine));
END
$$;
CREATE VIEW followed.landing AS
SELECT * FROM public.landing WHERE follows_message(id);

-- What the owner alone may do is done for the line: a day of payloads dropped, the rest packed.
CREATE FUNCTION drop_landing_day(received_from timestamptz, received_to timestamptz)
    RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT drop_chunks('landing', older_than => received_to,
                                    newer_than => received_from);
END
$$;
CREATE FUNCTION pack_landing(days integer)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM timescaledb_information.hypertables
                   WHERE hypertable_name = 'landing' AND compression_enabled) THEN
        ALTER TABLE landing SET (timescaledb.enable_columnstore, timescaledb.orderby = 'id',
                                 timescaledb.segmentby = 'gateway');
    END IF;
    CALL remove_columnstore_policy('landing', if_exists => true);
    CALL add_columnstore_policy('landing', after => make_interval(days => days),
                                if_not_exists => true);
END
$$;
REVOKE EXECUTE ON FUNCTION drop_landing_day, pack_landing FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_landing_day, pack_landing TO balise_flows;

-- Each process may do what it does. The receiver lands and tells what has landed.
GRANT USAGE ON SCHEMA public, followed TO balise_receive, balise_flows, balise_web;
GRANT SELECT ON schema_migration TO balise_receive, balise_flows, balise_web;
GRANT SELECT, INSERT ON landing_batch TO balise_receive;
GRANT INSERT ON landing TO balise_receive;
GRANT SELECT, INSERT, UPDATE ON receipt TO balise_receive;
GRANT SELECT, UPDATE (last_contact_at) ON gateway TO balise_receive;

-- The flows read and write what was measured; who signs in and who was let in is not theirs.
GRANT SELECT, INSERT, UPDATE, DELETE ON
    account, backfill, dirty_subject, dirty_window, duplicate, finding, landing, landing_batch,
    landing_dropped, outbox, packed_beside, packed_reading, reading_revision, receipt,
    refused, refused_event, replay, rollup, series, signal, signal_event, source, summary,
    window_last, window_recheck, looked
    TO balise_flows;
GRANT SELECT ON SEQUENCE landing_id_seq TO balise_flows;
GRANT SELECT ON
    assignment, device, gateway, identity, mapping, message, pause, plan, reading, receipt,
    source_preference, subject, team_member, well
    TO balise_flows;

-- The pages read what they show, and write what a person decides.
GRANT SELECT ON
    assignment, device, dirty_subject, dirty_window, early_warning, gateway, identity,
    landing_batch, landing_dropped, looked, message, note, pause, plan, series, signal, signal_event,
    source_preference, subject, summary, team_member, well
    TO balise_web;
GRANT SELECT ON ALL TABLES IN SCHEMA followed TO balise_web;
GRANT INSERT ON
    early_warning, looked, message, note, pause, plan, signal_event, source_preference, team_member
    TO balise_web;
GRANT UPDATE (state, changed_at) ON signal TO balise_web;
GRANT UPDATE (last_day, withdrawn_by, withdrawn_at) ON pause TO balise_web;
GRANT UPDATE (left_at) ON team_member TO balise_web;
GRANT INSERT, UPDATE ON dirty_subject TO balise_web;
GRANT UPDATE (generation, touched_at) ON dirty_window TO balise_web;
GRANT SELECT, UPDATE (used_at, used_key) ON invite TO balise_web;
GRANT SELECT, INSERT, DELETE ON invite_refusal TO balise_web;
GRANT SELECT (name, language, role), UPDATE (language) ON login TO balise_web;
