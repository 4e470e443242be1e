-- Who signs in at an OpenID provider. Of issuer and subject the digest is kept: it finds the account and
-- says of nobody who they are there. An account has one way in: a link that is used takes the other one.
ALTER TABLE login ADD COLUMN outside bytea UNIQUE;

-- Whether somebody can sign in to an account.
CREATE FUNCTION enters(one login) RETURNS boolean
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp
    RETURN one.password_hash <> '' OR one.outside IS NOT NULL;

CREATE FUNCTION account_outside(digest bytea) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    RETURN (SELECT name FROM login WHERE outside = digest);

-- A session of an account that can still be signed in to: who shuts it meanwhile waits, or is waited for.
CREATE OR REPLACE FUNCTION open_session(digest bytea, account text, lifetime interval, idle interval)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    DELETE FROM web_session WHERE expires_at <= now() OR idle_until <= now();
    INSERT INTO web_session (token_digest, login, expires_at, idle_until)
    SELECT digest, name, now() + lifetime, now() + least(idle, lifetime)
    FROM login WHERE name = account AND enters(login) FOR SHARE;
END;

-- Use a link up: its account is signed in to by this password, or at the provider by whom this digest is
-- of, and every session of it ends. Written down, as all that is done to accounts.
CREATE FUNCTION use_link_for(link bytea, hash text, provider bytea, what text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    account text;
BEGIN
    DELETE FROM login_link WHERE token_digest = link AND expires_at > now()
    RETURNING login INTO account;
    UPDATE login SET password_hash = hash, outside = provider WHERE name = account;
    DELETE FROM web_session WHERE login = account;
    DELETE FROM login_link WHERE login = account;
    IF account IS NOT NULL THEN
        PERFORM audit_add(account, (SELECT role FROM login WHERE name = account), 'access',
                          what, '{}', '');
    END IF;
    RETURN account;
END
$$;

CREATE OR REPLACE FUNCTION use_link(digest bytea, hash text) RETURNS text
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    RETURN use_link_for(digest, hash, NULL, 'chose a password');

CREATE FUNCTION use_link_outside(link bytea, provider bytea) RETURNS text
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    RETURN use_link_for(link, '', provider, 'signs in at the provider');

CREATE OR REPLACE FUNCTION invite_first(account text, digest bytea, lifetime interval) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    LOCK TABLE login_link IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM login WHERE enters(login)) THEN
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

-- Nobody signs in to an account any more, and whoever is in is out.
CREATE FUNCTION close_account(account text) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    UPDATE login SET password_hash = '', outside = NULL WHERE name = account;
    DELETE FROM web_session WHERE login = account;
    DELETE FROM login_link WHERE login = account;
END;

CREATE OR REPLACE FUNCTION shut_account(account text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    IF who.role IS DISTINCT FROM 'admin' OR who.name = account THEN
        RETURN false;
    END IF;
    PERFORM close_account(account);
    PERFORM audit_add(who.name, who.role, 'access', concat('account ', account, ': shut'), '{}', '');
    RETURN true;
END
$$;

DROP FUNCTION accounts_for_admin();
CREATE FUNCTION accounts_for_admin(
    OUT name text, OUT role text, OUT open boolean, OUT outside boolean, OUT invited boolean,
    OUT sessions bigint, OUT panels text[])
    RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    IF (SELECT who.role FROM acting() AS who) IS DISTINCT FROM 'admin' THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT login.name, login.role, enters(login), login.outside IS NOT NULL,
           EXISTS (SELECT FROM login_link
                   WHERE login_link.login = login.name AND login_link.expires_at > now()),
           (SELECT count(*) FROM web_session
            WHERE web_session.login = login.name AND expires_at > now() AND idle_until > now()),
           ARRAY(SELECT panel FROM panel_account
                 WHERE account = login.name AND left_at IS NULL ORDER BY panel)
    FROM login ORDER BY login.name;
END
$$;

REVOKE EXECUTE ON FUNCTION enters, account_outside, use_link_for, use_link_outside, close_account,
                           accounts_for_admin FROM PUBLIC;
GRANT EXECUTE ON FUNCTION account_outside, use_link_outside, accounts_for_admin TO balise_web;
