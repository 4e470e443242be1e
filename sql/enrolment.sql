-- close --
-- The invitations of a gateway that are still open end now.
UPDATE invite SET expires_at = now()
WHERE gateway = %(gateway)s AND used_at IS NULL AND expires_at > now()

-- shut_out --
-- Nobody misses it any more; whoever comes in by an invitation is missed again.
UPDATE gateway SET shut_out = true WHERE name = %(gateway)s

-- invite --
-- A new invitation.
INSERT INTO invite (gateway, code_digest, token_digest, expires_at)
VALUES (%(gateway)s, %(code)s, %(token)s, %(expires_at)s)

-- of_code --
-- The newest invitation of a code, nobody else's until this transaction ends.
SELECT id, gateway, token_digest, expires_at <= now(), used_key FROM invite
WHERE code_digest = %(code)s ORDER BY id DESC LIMIT 1 FOR UPDATE

-- of_gateway --
-- The newest invitation of a gateway, nobody else's until this transaction ends.
SELECT id, gateway, token_digest, expires_at <= now(), used_key FROM invite
WHERE gateway = %(gateway)s ORDER BY id DESC LIMIT 1 FOR UPDATE

-- use --
-- An invitation is used up, by this key.
UPDATE invite SET used_at = now(), used_key = %(key)s WHERE id = %(id)s

-- refuse --
-- One more wrong code; older ones than an hour count no more.
WITH old AS (DELETE FROM invite_refusal WHERE at < now() - interval '1 hour')
INSERT INTO invite_refusal DEFAULT VALUES

-- refused --
-- How many wrong codes came in within an hour.
SELECT count(*) FROM invite_refusal WHERE at > now() - interval '1 hour'
