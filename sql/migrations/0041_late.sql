-- Since when a patient is behind, and when judging them or summing them up failed last: what fails for one
-- is tried again after a while, is told, and holds up nobody else.
ALTER TABLE dirty_subject
    ADD COLUMN touched_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN assess_failed_at timestamptz,
    ADD COLUMN summarise_failed_at timestamptz;

CREATE FUNCTION may_be_tried(failed_at timestamptz) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN failed_at IS NULL OR failed_at < now() - interval '15 minutes';

-- When what runs by the clock was done last, whoever ran it.
CREATE TABLE flow_done (
    flow text PRIMARY KEY,
    at   timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON flow_done TO balise_flows;

-- One that was shut out is missed by nobody.
ALTER TABLE gateway
    ADD COLUMN known_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN shut_out boolean NOT NULL DEFAULT false;

-- Since when each gateway is silent; where it never sent anything, since it was let in. One that is only
-- invited is not there yet, and files that were imported come from none.
CREATE VIEW contact WITH (security_invoker = true) AS
SELECT name, since
FROM gateway
CROSS JOIN LATERAL (
    SELECT coalesce(last_contact_at, max(used_at), CASE WHEN count(*) = 0 THEN known_at END) AS since
    FROM invite WHERE gateway = name
) AS heard
WHERE name <> 'import' AND NOT shut_out AND since IS NOT NULL;

GRANT SELECT ON flow_done TO balise_watch;
GRANT SELECT (touched_at, generation, assessed, summarised, assess_failed_at, summarise_failed_at)
    ON dirty_subject TO balise_watch;
GRANT SELECT (known_at, shut_out) ON gateway TO balise_watch;
GRANT SELECT (gateway, used_at) ON invite TO balise_watch;
GRANT SELECT ON contact TO balise_watch;
CREATE POLICY watch ON dirty_subject FOR SELECT TO balise_watch USING (true);
