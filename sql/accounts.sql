-- add --
-- An account; the password is kept as an argon2id hash only, it is the one way in, and what
-- sessions and links there were end.
WITH ended AS (DELETE FROM web_session WHERE login = %(name)s),
     old AS (DELETE FROM login_link WHERE login = %(name)s)
INSERT INTO login (name, password_hash, role)
VALUES (%(name)s, %(password_hash)s, coalesce(%(role)s, 'clinician'))
ON CONFLICT (name) DO UPDATE
SET password_hash = excluded.password_hash, outside = NULL, role = coalesce(%(role)s, login.role)

-- invite --
-- A link by which somebody chooses a password for an account; the one before is good no more.
WITH old AS (DELETE FROM login_link WHERE login = %(name)s)
INSERT INTO login_link (token_digest, login, expires_at)
VALUES (%(digest)s, %(name)s, now() + %(lifetime)s)

-- reserve --
-- An account that nobody has a way into; without a role it keeps the one it has.
WITH ended AS (DELETE FROM web_session WHERE login = %(name)s)
INSERT INTO login (name, password_hash, role) VALUES (%(name)s, '', coalesce(%(role)s, 'clinician'))
ON CONFLICT (name) DO UPDATE
SET password_hash = '', outside = NULL, role = coalesce(%(role)s, login.role)
RETURNING role

-- role --
-- What an account is there for, none where there is no such account.
SELECT role FROM login WHERE name = %(name)s

-- anybody_enters --
-- Whether anybody can sign in already.
SELECT EXISTS (SELECT FROM login WHERE enters(login))

-- sign_out --
-- Every session of an account ends.
DELETE FROM web_session WHERE login = %(name)s

-- invite_first --
-- A site's first account, an admin's; false where somebody can sign in already.
SELECT invite_first(%(name)s, %(digest)s, %(lifetime)s)

-- find --
-- What signing in compares with; NULL where there is no such account.
SELECT password_of(%(name)s)

-- outside --
-- Whose account somebody is who signed in at the provider; NULL where it is nobody's.
SELECT account_outside(%(digest)s)

-- open_session --
-- Only the token's digest is kept.
SELECT open_session(%(digest)s, %(name)s, %(lifetime)s, %(idle)s, %(hash)s)

-- visitor --
-- Whose the session is that this connection works for, which goes on.
SELECT name, language, role FROM visitor(%(idle)s)

-- enter --
-- From here on this connection works for a session.
SELECT set_config('balise.session', %(session)s, false)

-- close_session --
-- Signing out takes effect here, not in the browser.
SELECT close_session(%(digest)s)

-- set_language --
-- The language an account reads in.
UPDATE login SET language = %(language)s WHERE name = %(name)s

-- account_of_link --
-- Whose password a link lets choose.
SELECT account_of_link(%(digest)s)

-- use_link --
-- Choose it, once.
SELECT use_link(%(digest)s, %(password_hash)s)

-- use_link_outside --
-- From now on the account is whose the provider says it is.
SELECT use_link_outside(%(link)s, %(digest)s)

-- take_turn --
-- Those who try a password for one name from one house come one after the other.
SELECT pg_advisory_lock(hashtextextended(encode(%(name)s::bytea || %(address)s::bytea, 'hex'), 0))

-- end_turn --
-- The next one's turn.
SELECT pg_advisory_unlock(hashtextextended(encode(%(name)s::bytea || %(address)s::bytea, 'hex'), 0))

-- may_guess --
-- Whether another password may be tried; it counts at once.
SELECT may_guess(%(name)s, %(address)s, %(within)s, %(together)s, %(of_name)s, %(of_address)s)

-- forgive --
-- Who signed in counts from nought.
DELETE FROM sign_in_refused WHERE name = %(name)s AND address = %(address)s

-- every --
-- The accounts, for an admin; for anybody else there are none.
SELECT name, role, open, outside, invited, sessions, panels FROM accounts_for_admin()

-- invite_as_admin --
-- An account and its link; false for whoever is no admin.
SELECT invite_account(%(name)s, %(role)s, %(panel)s, %(digest)s, %(lifetime)s)

-- shut --
-- An account without password, sessions and link; false for whoever is no admin, and for themselves.
SELECT shut_account(%(name)s)
