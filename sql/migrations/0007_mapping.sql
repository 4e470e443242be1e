-- How a site's own payloads are read: declared in TOML, checked before it is kept. A mapping that
-- is kept again under its name replaces the old one, so that a mended one can replay what it refused.
CREATE TABLE mapping (
    name       text PRIMARY KEY CHECK (name ~ '^[a-z0-9_]{1,64}$'),
    toml       text NOT NULL,
    kept_at    timestamptz NOT NULL DEFAULT now()
);
