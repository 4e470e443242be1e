-- any --
-- Whether a first account was made.
SELECT EXISTS (SELECT FROM login)

-- add --
-- An account; the password is kept as an argon2id hash only.
INSERT INTO login (name, password_hash, role)
VALUES (%(name)s, %(password_hash)s, coalesce(%(role)s, 'clinician'))
ON CONFLICT (name) DO UPDATE
SET password_hash = excluded.password_hash, role = coalesce(%(role)s, login.role)

-- find --
-- What signing in compares with.
SELECT password_hash FROM login WHERE name = %(name)s

-- account --
-- Whose a name is.
SELECT name, language, role FROM login WHERE name = %(name)s

-- open_session --
-- Only the token's digest is kept.
INSERT INTO web_session (token_digest, login, expires_at)
VALUES (%(digest)s, %(name)s, now() + %(lifetime)s)

-- session --
-- Whose a session is, while it lasts.
SELECT login.name, login.language, login.role FROM web_session
JOIN login ON login.name = web_session.login
WHERE token_digest = %(digest)s AND expires_at > now()

-- close_session --
-- Signing out takes effect here, not in the browser.
DELETE FROM web_session WHERE token_digest = %(digest)s OR expires_at <= now()

-- set_language --
-- The language an account reads in.
UPDATE login SET language = %(language)s WHERE name = %(name)s
