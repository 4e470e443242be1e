-- Sessions end when nobody uses them; an account begins with a link that works once; who guesses waits.
ALTER TABLE web_session ADD COLUMN idle_until timestamptz NOT NULL DEFAULT now();

-- A link by which somebody chooses their own password, once. Only its digest is kept.
CREATE TABLE login_link (
    token_digest bytea PRIMARY KEY,
    login        text NOT NULL REFERENCES login ON DELETE CASCADE,
    expires_at   timestamptz NOT NULL
);

-- Of wrong passwords the digests of name and address: what was typed as a name may be a password.
CREATE TABLE sign_in_refused (
    name    bytea NOT NULL,
    address bytea NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_refused_at ON sign_in_refused (at);

CREATE OR REPLACE FUNCTION acting(OUT name text, OUT role text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    SELECT login.name, login.role INTO acting.name, acting.role FROM web_session
    JOIN login ON login.name = web_session.login
    WHERE token_digest = decode(nullif(current_setting('balise.session', true), ''), 'hex')
      AND expires_at > now() AND idle_until > now();
END
$$;

-- What the pages may do with accounts: nothing but these. No list of hashes or of sessions is theirs.
CREATE FUNCTION password_of(account text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN (SELECT password_hash FROM login WHERE name = account);

CREATE FUNCTION open_session(digest bytea, account text, lifetime interval, idle interval)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    DELETE FROM web_session WHERE expires_at <= now() OR idle_until <= now();
    INSERT INTO web_session (token_digest, login, expires_at, idle_until)
    VALUES (digest, account, now() + lifetime, now() + least(idle, lifetime));
END;

CREATE FUNCTION close_session(digest bytea)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    DELETE FROM web_session WHERE token_digest = digest;
END;

-- Whose the session is that the connection works for, which goes on; written once a minute at most.
CREATE FUNCTION visitor(idle interval, OUT name text, OUT language text, OUT role text)
    RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE web_session SET idle_until = now() + idle
    WHERE token_digest = decode(nullif(current_setting('balise.session', true), ''), 'hex')
      AND expires_at > now() AND idle_until > now()
      AND idle_until < now() + idle - interval '1 minute';
    RETURN QUERY SELECT login.name, login.language, login.role FROM login
    WHERE login.name = (SELECT who.name FROM acting() AS who);
END
$$;

-- Whose password a link lets choose; NULL where it is used, or too old.
CREATE FUNCTION account_of_link(digest bytea) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN (SELECT login FROM login_link WHERE token_digest = digest AND expires_at > now());

-- Use a link up: its account has this password, and every session of it ends.
CREATE FUNCTION use_link(digest bytea, hash text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    account text;
BEGIN
    DELETE FROM login_link WHERE token_digest = digest AND expires_at > now()
    RETURNING login INTO account;
    UPDATE login SET password_hash = hash WHERE name = account;
    DELETE FROM web_session WHERE login = account;
    DELETE FROM login_link WHERE login = account;
    RETURN account;
END
$$;

-- The first account of a site, an admin's, and its link; false where there is an account with a
-- password already.
CREATE FUNCTION invite_first(account text, digest bytea, lifetime interval) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    LOCK TABLE login_link IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM login WHERE password_hash <> '') THEN
        RETURN false;
    END IF;
    INSERT INTO login (name, password_hash, role) VALUES (account, '', 'admin')
    ON CONFLICT (name) DO NOTHING;
    DELETE FROM login_link WHERE login = account;
    INSERT INTO login_link (token_digest, login, expires_at)
    VALUES (digest, account, now() + lifetime);
    RETURN true;
END
$$;

-- What an admin does with accounts; nobody else's session may.
CREATE FUNCTION invite_account(account text, new_role text, new_panel text, digest bytea,
                               lifetime interval)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    IF (SELECT who.role FROM acting() AS who) IS DISTINCT FROM 'admin' THEN
        RETURN false;
    END IF;
    INSERT INTO login (name, password_hash, role) VALUES (account, '', new_role)
    ON CONFLICT (name) DO UPDATE SET role = excluded.role;
    IF new_panel <> '' THEN
        INSERT INTO panel_account (panel, account) VALUES (new_panel, invite_account.account)
        ON CONFLICT DO NOTHING;
    END IF;
    DELETE FROM login_link WHERE login = account;
    INSERT INTO login_link (token_digest, login, expires_at)
    VALUES (digest, account, now() + lifetime);
    RETURN true;
END
$$;

CREATE FUNCTION shut_account(account text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    IF who.role IS DISTINCT FROM 'admin' OR who.name = account THEN
        RETURN false;
    END IF;
    UPDATE login SET password_hash = '' WHERE name = account;
    DELETE FROM web_session WHERE login = account;
    DELETE FROM login_link WHERE login = account;
    RETURN true;
END
$$;

CREATE FUNCTION accounts_for_admin(
    OUT name text, OUT role text, OUT open boolean, OUT invited boolean, OUT sessions bigint,
    OUT panels text[])
    RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    IF (SELECT who.role FROM acting() AS who) IS DISTINCT FROM 'admin' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT login.name, login.role, login.password_hash <> '',
           EXISTS (SELECT FROM login_link
                   WHERE login_link.login = login.name AND login_link.expires_at > now()),
           (SELECT count(*) FROM web_session
            WHERE web_session.login = login.name AND expires_at > now() AND idle_until > now()),
           ARRAY(SELECT panel FROM panel_account
                 WHERE account = login.name AND left_at IS NULL ORDER BY panel)
    FROM login ORDER BY login.name;
END
$$;

DO $$
DECLARE
    made regprocedure;
BEGIN
    FOR made IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND proname IN ('password_of', 'open_session', 'close_session', 'visitor',
                          'account_of_link', 'use_link', 'invite_first', 'invite_account',
                          'shut_account', 'accounts_for_admin', 'acting', 'follows_everyone',
                          'followed')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', made);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO balise_web', made);
    END LOOP;
END
$$;
GRANT SELECT, INSERT, DELETE ON sign_in_refused TO balise_web;
GRANT SELECT ON panel TO balise_web;

-- Open a patient of another panel for a while; the number, NULL for a code that is nobody's and for
-- whoever is no clinician.
CREATE FUNCTION open_in_emergency(patient text, why text, lifetime interval) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
    found integer;
BEGIN
    IF who.role IS DISTINCT FROM 'clinician' THEN
        RETURN NULL;
    END IF;
    SELECT id INTO found FROM subject WHERE code = patient;
    IF found IS NOT NULL THEN
        INSERT INTO break_glass (account, subject, reason, until)
        VALUES (who.name, found, why, now() + lifetime);
    END IF;
    RETURN found;
END
$$;
REVOKE EXECUTE ON FUNCTION open_in_emergency FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_in_emergency TO balise_web;
