-- Since when a patient is behind, and when judging them or summing them up failed last: what fails for one
-- is tried again after a while, is told, and holds up nobody else.
ALTER TABLE dirty_subject
    ADD COLUMN assess_since timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN summarise_since timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN assess_failed_at timestamptz,
    ADD COLUMN summarise_failed_at timestamptz;

CREATE FUNCTION may_be_tried(failed_at timestamptz) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN failed_at IS NULL OR failed_at < now() - interval '15 minutes';

-- When what runs by the clock was done last, whoever ran it.
CREATE TABLE flow_done (
    flow text PRIMARY KEY,
    at   timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON flow_done TO balise_flows;

-- One that was shut out is missed by nobody.
ALTER TABLE gateway
    ADD COLUMN known_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN shut_out boolean NOT NULL DEFAULT false;

-- Since when each gateway is silent; where it never sent anything, since it was let in. One that is only
-- invited is not there yet, and files that were imported come from none.
CREATE VIEW contact WITH (security_invoker = true) AS
SELECT name, since
FROM gateway
CROSS JOIN LATERAL (
    SELECT coalesce(greatest(last_contact_at, max(used_at)),
                    CASE WHEN count(*) = 0 THEN known_at END) AS since
    FROM invite WHERE gateway = name
) AS heard
WHERE name <> 'import' AND NOT shut_out AND since IS NOT NULL;

CREATE FUNCTION let_in() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE gateway SET shut_out = false WHERE name = NEW.gateway;
    RETURN NULL;
END
$$;
CREATE TRIGGER let_in AFTER UPDATE OF used_at ON invite
    FOR EACH ROW WHEN (NEW.used_at IS NOT NULL) EXECUTE FUNCTION let_in();

GRANT SELECT ON flow_done TO balise_watch;
GRANT SELECT (generation, assessed, assess_since, assess_failed_at, summarised, summarise_since,
              summarise_failed_at) ON dirty_subject TO balise_watch;
GRANT SELECT (known_at, shut_out) ON gateway TO balise_watch;
GRANT SELECT (gateway, used_at) ON invite TO balise_watch;
GRANT SELECT ON contact TO balise_watch;
CREATE POLICY watch ON dirty_subject FOR SELECT TO balise_watch USING (true);

-- A session that a password opens is of that password: one that was changed meanwhile opens none.
DROP FUNCTION open_session(bytea, text, interval, interval);
CREATE FUNCTION open_session(digest bytea, account text, lifetime interval, idle interval, hash text)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM web_session WHERE expires_at <= now() OR idle_until <= now();
    INSERT INTO web_session (token_digest, login, expires_at, idle_until)
    SELECT digest, name, now() + lifetime, now() + least(idle, lifetime)
    FROM login WHERE name = account AND enters(login) AND (hash IS NULL OR password_hash = hash)
    FOR SHARE;
    RETURN FOUND;
END
$$;
REVOKE EXECUTE ON FUNCTION open_session FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_session TO balise_web;

-- A new link is the one way in from then on: password, provider, passkeys and sessions end.
CREATE OR REPLACE FUNCTION invite_account(account text, new_role text, new_panel text, digest bytea,
                                          lifetime interval)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    IF who.role IS DISTINCT FROM 'admin' OR who.name = account
       OR new_panel <> '' AND NOT EXISTS (SELECT FROM panel WHERE name = new_panel) THEN
        RETURN false;
    END IF;
    INSERT INTO login (name, password_hash, role) VALUES (account, '', new_role)
    ON CONFLICT (name) DO UPDATE SET role = excluded.role;
    PERFORM close_account(account);
    IF new_panel <> '' THEN
        INSERT INTO panel_account (panel, account) VALUES (new_panel, invite_account.account)
        ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO login_link (token_digest, login, expires_at)
    VALUES (digest, account, now() + lifetime);
    PERFORM audit_add(who.name, who.role, 'access',
                      concat('account ', account, ': ', new_role, ' ', new_panel), '{}', '');
    RETURN true;
END
$$;

-- Whoever is closed follows nobody any more: invited anew, they follow whom they are given anew.
CREATE OR REPLACE FUNCTION shut_account(account text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    IF who.role IS DISTINCT FROM 'admin' OR who.name = account
       OR NOT EXISTS (SELECT FROM login WHERE name = account) THEN
        RETURN false;
    END IF;
    PERFORM close_account(account);
    UPDATE panel_account SET left_at = now()
    WHERE panel_account.account = shut_account.account AND left_at IS NULL;
    PERFORM audit_add(who.name, who.role, 'access', concat('account ', account, ': shut'), '{}', '');
    RETURN true;
END
$$;

-- Who takes a passkey away, stolen with its device, ends every other session: any may be of it.
CREATE OR REPLACE FUNCTION passkey_remove(id bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    DELETE FROM passkey WHERE credential = id AND login = who.name;
    IF found THEN
        DELETE FROM web_session
        WHERE login = who.name
          AND token_digest <> decode(current_setting('balise.session', true), 'hex');
        PERFORM audit_add(who.name, who.role, 'access', 'removed a passkey', '{}', '');
    END IF;
END
$$;

-- The same of a helper's link; who has one helps on.
CREATE OR REPLACE FUNCTION invite_helper(helper_name text, patient integer, who_it_is text, digest bytea,
                              lifetime interval)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    -- Whoever withdraws meanwhile waits, or is waited for: helpers_end.
    PERFORM FROM subject WHERE id = patient FOR SHARE;
    IF NOT of_own_panels(patient) OR withdrawn(patient) @> now() THEN
        RETURN false;
    END IF;
    IF who_it_is <> '' THEN
        INSERT INTO login (name, password_hash, role) VALUES (helper_name, '', 'helper');
        INSERT INTO helper (account, subject, called, added_by)
        VALUES (helper_name, patient, who_it_is, who.name);
    ELSIF NOT EXISTS (SELECT FROM helper
                      WHERE account = helper_name AND subject = patient AND left_at IS NULL) THEN
        RETURN false;
    END IF;
    DELETE FROM login_link WHERE login = helper_name;
    INSERT INTO login_link (token_digest, login, expires_at)
    VALUES (digest, helper_name, now() + lifetime);
    -- Before the sessions: whoever opens one meanwhile is waited for, and ended too.
    UPDATE login SET password_hash = '', outside = NULL WHERE name = helper_name AND enters(login);
    DELETE FROM web_session WHERE login = helper_name;
    PERFORM audit_add(who.name, who.role, 'access', concat('helper ', helper_name),
                      ARRAY[patient], '');
    RETURN true;
END
$$;

CREATE OR REPLACE FUNCTION shut_helper() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE helper SET left_at = now()
    WHERE account = NEW.name AND left_at IS NULL
      AND NOT EXISTS (SELECT FROM login_link WHERE login = NEW.name AND expires_at > now());
    RETURN NULL;
END
$$;

-- The link first: whoever is closed with one open is closed all the same.
CREATE OR REPLACE FUNCTION close_account(account text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    DELETE FROM login_link WHERE login = account;
    UPDATE login SET password_hash = '', outside = NULL WHERE name = account;
    DELETE FROM web_session WHERE login = account;
END;
