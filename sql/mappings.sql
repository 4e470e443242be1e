-- keep --
-- A site's mapping, new or mended.
INSERT INTO mapping (name, toml) VALUES (%(name)s, %(toml)s)
ON CONFLICT (name) DO UPDATE SET toml = excluded.toml, kept_at = now()

-- kept --
-- Every mapping of the site.
SELECT name, toml FROM mapping ORDER BY name
