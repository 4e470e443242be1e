-- ask --
-- What a browser is asked to sign, for a while; only the digest of its token is kept.
SELECT passkey_ask(%(digest)s, %(challenge)s, %(lifetime)s)

-- answered --
-- What this browser was asked, once; NULL where it was not asked, too long ago, or as somebody else.
SELECT passkey_answered(%(digest)s)

-- find --
-- What a passkey is held against.
SELECT handle, public_key, sign_count FROM passkey_of(%(credential)s)

-- used --
-- Whose account a passkey opens; NULL where its count did not rise.
SELECT passkey_used(%(credential)s, %(sign_count)s)

-- own --
-- The passkeys of whoever is signed in.
SELECT credential, made_at, used_at FROM passkeys_own()

-- handle --
-- What devices know the account of whoever is signed in by; NULL where it has no password.
SELECT passkey_handle()

-- add --
-- A passkey for whoever is signed in; false where it is known, or there are ten.
SELECT passkey_add(%(credential)s, %(public_key)s, %(sign_count)s)

-- remove --
-- A passkey of whoever is signed in is good no more.
SELECT passkey_remove(%(credential)s)
