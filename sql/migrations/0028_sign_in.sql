-- An account begins with a link that works once; who guesses waits.

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

-- Use a link up: its account has this password, and every session of it ends. Written down, as all
-- that is done to accounts.
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
    IF account IS NOT NULL THEN
        PERFORM audit_add(account, (SELECT role FROM login WHERE name = account), 'access',
                          'chose a password', '{}', '');
    END IF;
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

-- What an admin does with accounts; nobody else's session may, and not even theirs with their own. An
-- account that gets another role, or a new link, has no session any more.
CREATE FUNCTION invite_account(account text, new_role text, new_panel text, digest bytea,
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
    IF new_panel <> '' THEN
        INSERT INTO panel_account (panel, account) VALUES (new_panel, invite_account.account)
        ON CONFLICT DO NOTHING;
    END IF;
    DELETE FROM web_session WHERE login = account;
    DELETE FROM login_link WHERE login = account;
    INSERT INTO login_link (token_digest, login, expires_at)
    VALUES (digest, account, now() + lifetime);
    PERFORM audit_add(who.name, who.role, 'access',
                      concat('account ', account, ': ', new_role, ' ', new_panel), '{}', '');
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
    PERFORM audit_add(who.name, who.role, 'access', concat('account ', account, ': shut'), '{}', '');
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
-- whoever is no clinician. Of the reason the audit has the place: whoever is erased takes it along.
CREATE FUNCTION open_in_emergency(patient text, why text, lifetime interval) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
    found integer := (SELECT id FROM subject WHERE code = patient);
    opened bigint;
BEGIN
    IF who.role IS DISTINCT FROM 'clinician' THEN
        RETURN NULL;
    END IF;
    IF found IS NULL THEN
        PERFORM audit_add(who.name, who.role, 'emergency', 'asked for a code that is nobody''s',
                          '{}', '');
        RETURN NULL;
    END IF;
    INSERT INTO break_glass (account, subject, reason, until)
    VALUES (who.name, found, why, now() + lifetime) RETURNING id INTO opened;
    PERFORM audit_add(who.name, who.role, 'emergency', 'POST /emergency', ARRAY[found],
                      concat('break_glass/', opened));
    RETURN found;
END
$$;
REVOKE EXECUTE ON FUNCTION open_in_emergency FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_in_emergency TO balise_web;
GRANT SELECT ON break_glass TO balise_web;

-- Whether another password may be tried: it counts before it is looked at, one try after the other for
-- a name and for an address, so that many at once are counted too.
CREATE FUNCTION may_guess(a_name bytea, an_address bytea, within interval, together integer,
                          of_name integer, of_address integer)
    RETURNS boolean LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    counts record;
BEGIN
    PERFORM pg_advisory_xact_lock(lock)
    FROM (SELECT hashtext(encode(one, 'hex'))::bigint AS lock
          FROM unnest(ARRAY[a_name, an_address]) AS one ORDER BY 1) AS locks;
    SELECT count(*) FILTER (WHERE name = a_name AND address = an_address) AS together,
           count(*) FILTER (WHERE name = a_name) AS of_name,
           count(*) FILTER (WHERE address = an_address) AS of_address
    INTO counts FROM sign_in_refused
    WHERE at > now() - within AND (name = a_name OR address = an_address);
    IF counts.together >= may_guess.together OR counts.of_name >= may_guess.of_name
       OR counts.of_address >= may_guess.of_address THEN
        RETURN false;
    END IF;
    DELETE FROM sign_in_refused WHERE at < now() - interval '1 day';
    INSERT INTO sign_in_refused (name, address) VALUES (a_name, an_address);
    RETURN true;
END
$$;
