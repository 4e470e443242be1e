-- Invitations: what lets a box in, once. Of code and token only digests are kept; which key used
-- an invitation is, so that a box whose answer was lost may ask again.
CREATE TABLE invite (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway      text NOT NULL REFERENCES gateway,
    code_digest  bytea NOT NULL,
    token_digest bytea NOT NULL,
    made_at      timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz,
    used_key     bytea
);

-- Wrong codes of the last hour: too many of them close the entry by code.
CREATE TABLE invite_refusal (
    at timestamptz NOT NULL DEFAULT now()
);
