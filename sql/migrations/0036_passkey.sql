-- Passkeys: another way into an account that has a password. What is kept is public; the key that signs
-- never leaves its owner's device. Whatever changes how an account is signed in to ends its passkeys.
-- In steps: a function has the table's row type, so that it can't be written anew.
ALTER TABLE login ADD COLUMN handle bytea;
UPDATE login SET handle = uuid_send(gen_random_uuid());
ALTER TABLE login ALTER COLUMN handle SET DEFAULT uuid_send(gen_random_uuid()),
                  ALTER COLUMN handle SET NOT NULL;

CREATE TABLE passkey (
    credential bytea PRIMARY KEY CHECK (length(credential) BETWEEN 1 AND 1023),
    login      text NOT NULL REFERENCES login ON DELETE CASCADE,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz
);
CREATE INDEX passkey_of_login ON passkey (login);

-- What a browser was asked to sign: once, by whoever was signed in then, or by nobody.
CREATE TABLE passkey_asked (
    token_digest bytea PRIMARY KEY,
    challenge    bytea NOT NULL,
    login        text REFERENCES login ON DELETE CASCADE,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX passkey_asked_expires_at ON passkey_asked (expires_at);

CREATE FUNCTION passkeys_end() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    DELETE FROM passkey WHERE login = new.name;
    RETURN NULL;
END
$$;
CREATE TRIGGER passkeys_end AFTER UPDATE OF password_hash, outside ON login
    FOR EACH ROW EXECUTE FUNCTION passkeys_end();

CREATE FUNCTION passkey_ask(digest bytea, what bytea, lifetime interval) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    DELETE FROM passkey_asked WHERE expires_at <= now();
    INSERT INTO passkey_asked (token_digest, challenge, login, expires_at)
    SELECT digest, what, who.name, now() + lifetime FROM acting() AS who;
END;

CREATE FUNCTION passkey_answered(digest bytea) RETURNS bytea
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    found bytea;
BEGIN
    DELETE FROM passkey_asked
    WHERE token_digest = digest AND expires_at > now()
      AND login IS NOT DISTINCT FROM (SELECT who.name FROM acting() AS who)
    RETURNING challenge INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION passkey_of(id bytea, OUT handle bytea, OUT public_key bytea, OUT sign_count bigint)
    RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT login.handle, passkey.public_key, passkey.sign_count
    FROM passkey JOIN login ON login.name = passkey.login WHERE credential = id;
END;

-- Whose passkey was used; nobody's where its count did not rise, as a copy of it may be about. Those that
-- their owner's devices share count nothing.
CREATE FUNCTION passkey_used(id bytea, count bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    account text;
BEGIN
    -- Before the passkey itself, as whoever changes the way in does.
    PERFORM FROM login WHERE name = (SELECT login FROM passkey WHERE credential = id) FOR SHARE;
    UPDATE passkey SET sign_count = count, used_at = now()
    WHERE credential = id AND (sign_count < count OR sign_count = 0 AND count = 0)
    RETURNING login INTO account;
    RETURN account;
END
$$;

-- Of the account that is signed in; of one that signs in at the provider there are none.
CREATE FUNCTION passkeys_own(OUT credential bytea, OUT made_at timestamptz, OUT used_at timestamptz)
    RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT passkey.credential, passkey.made_at, passkey.used_at
    FROM passkey, acting() AS who WHERE login = who.name ORDER BY passkey.made_at;
END;

CREATE FUNCTION passkey_handle() RETURNS bytea
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    SELECT login.handle FROM login, acting() AS who
    WHERE login.name = who.name AND login.password_hash <> '';
END;

CREATE FUNCTION passkey_add(id bytea, key bytea, count bigint) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record;
BEGIN
    -- Whoever changes the way in meanwhile ends this session: after the lock it is looked at again.
    PERFORM FROM login WHERE name = (SELECT acting.name FROM acting()) FOR NO KEY UPDATE;
    who := acting();
    INSERT INTO passkey (credential, login, public_key, sign_count)
    SELECT id, name, key, count FROM login WHERE name = who.name AND password_hash <> ''
       AND (SELECT count(*) FROM passkey AS held WHERE held.login = who.name) < 10
    ON CONFLICT DO NOTHING;
    IF NOT found THEN
        RETURN false;
    END IF;
    PERFORM audit_add(who.name, who.role, 'access', 'added a passkey', '{}', '');
    RETURN true;
END
$$;

CREATE FUNCTION passkey_remove(id bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    DELETE FROM passkey WHERE credential = id AND login = who.name;
    IF found THEN
        PERFORM audit_add(who.name, who.role, 'access', 'removed a passkey', '{}', '');
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION passkeys_end, passkey_ask, passkey_answered, passkey_of, passkey_used,
                           passkeys_own, passkey_handle, passkey_add, passkey_remove FROM PUBLIC;
GRANT EXECUTE ON FUNCTION passkey_ask, passkey_answered, passkey_of, passkey_used, passkeys_own,
                          passkey_handle, passkey_add, passkey_remove TO balise_web;
