-- Somebody of the patient's own, a daughter or a neighbour, who sees what was measured last, whether the
-- box is heard, and what the team said. No policy and no view knows them: what they see, functions hand
-- out. Their account is of that one patient, for one time, and its name is nobody's: it stays in the audit
-- when who they are is erased, and a name typed wrong opens nobody's page.
CREATE TABLE helper (
    account  text PRIMARY KEY REFERENCES login ON DELETE CASCADE CHECK (account ~ '^h-[0-9]{8}$'),
    subject  integer NOT NULL REFERENCES subject,
    called   text NOT NULL CHECK (called <> ''),
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    left_at  timestamptz
);
CREATE INDEX helper_of_subject ON helper (subject);
ALTER TABLE helper ENABLE ROW LEVEL SECURITY;
CREATE POLICY followed ON helper TO balise_web
    USING ((SELECT follows_everyone()) OR subject IN (SELECT followed()));
GRANT SELECT ON helper TO balise_web;

-- A helper's account is never anybody else's, nor anybody else's a helper's.
ALTER TABLE login DROP CONSTRAINT login_role;
ALTER TABLE login
    ADD CONSTRAINT login_role CHECK (role IN ('clinician', 'coordinator', 'ops', 'admin', 'helper')
                                     AND (role = 'helper') = (name ~ '^h-[0-9]{8}$'));

-- Whom the helper who is signed in helps.
CREATE FUNCTION helped() RETURNS integer
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    RETURN (SELECT subject FROM helper
            WHERE account = who.name AND who.role = 'helper' AND left_at IS NULL);
END
$$;

-- With the boxes that hear the patient's devices now: none where there is none, as for files.
CREATE FUNCTION helped_patient(
    OUT id integer, OUT family text, OUT given text, OUT time_zone text, OUT boxes bigint,
    OUT last_contact_at timestamptz, OUT word text, OUT said_at timestamptz)
    RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT subject.id, identity.family, identity.given, subject.time_zone,
           box.count, box.last_contact_at, said.text, said.at
    FROM subject JOIN identity ON identity.subject = subject.id
    CROSS JOIN LATERAL (
        SELECT count(DISTINCT gateway.name) AS count, max(gateway.last_contact_at) AS last_contact_at
        FROM assignment
        JOIN device ON device.id = assignment.device JOIN gateway ON gateway.name = device.gateway
        WHERE assignment.subject = subject.id AND assignment.during @> now()
          AND gateway.name <> 'import') AS box
    LEFT JOIN LATERAL (SELECT text, at FROM message WHERE message.subject = subject.id
                       ORDER BY at DESC, message.id DESC LIMIT 1) AS said ON true
    WHERE subject.id = helped()
$$;

-- Of each thing that is measured the newest hour that has a figure, with its last value and its day's sum:
-- what counts there is what counts on the team's page.
CREATE FUNCTION helped_figures(
    OUT metric text, OUT hour timestamptz, OUT day date, OUT last double precision,
    OUT sum double precision)
    RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT newest.metric, newest.bucket_start, newest.day, newest.last, whole.sum
    FROM (SELECT DISTINCT ON (metric) subject, metric, bucket_start, day, last FROM rollup
          WHERE subject = helped() AND size = 'hour' AND bucket_start > now() - interval '90 days'
          ORDER BY metric, bucket_start DESC) AS newest
    JOIN rollup AS whole ON whole.subject = newest.subject AND whole.metric = newest.metric
     AND whole.size = 'day' AND whole.day = newest.day
     AND whole.bucket_start > now() - interval '92 days'
$$;

-- Whether the carer who is signed in follows a patient by a panel: an emergency opens a page for hours,
-- and lets nobody in for longer.
CREATE FUNCTION of_own_panels(patient integer) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    RETURN follows_everyone() OR who.role IN ('clinician', 'coordinator') AND EXISTS (
        SELECT FROM panel_account JOIN panel_subject USING (panel)
        WHERE account = who.name AND subject = patient
          AND panel_account.left_at IS NULL AND panel_subject.left_at IS NULL);
END
$$;

-- A new helper's account, or one that is there, and its link; false for what is no helper's of this
-- patient, for whoever does not follow them by a panel, and where the patient agrees to nothing.
CREATE FUNCTION invite_helper(helper_name text, patient integer, who_it_is text, digest bytea,
                              lifetime interval)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    -- Whoever withdraws meanwhile waits, or is waited for: helpers_end.
    PERFORM FROM subject WHERE id = patient FOR SHARE;
    IF NOT of_own_panels(patient) OR withdrawn(patient) @> now() THEN
        RETURN false;
    END IF;
    IF who_it_is <> '' THEN
        INSERT INTO login (name, password_hash, role) VALUES (helper_name, '', 'helper');
        INSERT INTO helper (account, subject, called, added_by)
        VALUES (helper_name, patient, who_it_is, who.name);
    ELSIF NOT EXISTS (SELECT FROM helper
                      WHERE account = helper_name AND subject = patient AND left_at IS NULL) THEN
        RETURN false;
    END IF;
    DELETE FROM web_session WHERE login = helper_name;
    DELETE FROM login_link WHERE login = helper_name;
    INSERT INTO login_link (token_digest, login, expires_at)
    VALUES (digest, helper_name, now() + lifetime);
    PERFORM audit_add(who.name, who.role, 'access', concat('helper ', helper_name),
                      ARRAY[patient], '');
    RETURN true;
END
$$;

-- Who helps no more sees nothing from then on, whoever ends it: a carer, an admin, the patient's word.
CREATE FUNCTION helper_left() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM close_account(NEW.account);
    RETURN NULL;
END
$$;
CREATE TRIGGER helper_left AFTER UPDATE OF left_at ON helper
    FOR EACH ROW WHEN (NEW.left_at IS NOT NULL) EXECUTE FUNCTION helper_left();

CREATE FUNCTION end_helper(helper_name text, patient integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    IF NOT of_own_panels(patient) THEN
        RETURN false;
    END IF;
    UPDATE helper SET left_at = now()
    WHERE account = helper_name AND subject = patient AND left_at IS NULL;
    IF FOUND THEN
        PERFORM audit_add(who.name, who.role, 'access', concat('helper ', helper_name, ': ended'),
                          ARRAY[patient], '');
    END IF;
    RETURN FOUND;
END
$$;

-- Shut by an admin, it is no helper's any more either.
CREATE FUNCTION shut_helper() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    UPDATE helper SET left_at = now() WHERE account = NEW.name AND left_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER shut_helper AFTER UPDATE OF password_hash, outside ON login
    FOR EACH ROW WHEN (NEW.role = 'helper' AND NOT enters(NEW))
    EXECUTE FUNCTION shut_helper();

-- Whom the patient let in is let in by their consent: withdrawn, it ends; given anew, it is asked anew.
CREATE FUNCTION helpers_end() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM FROM subject WHERE id = NEW.subject FOR NO KEY UPDATE;
    UPDATE helper SET left_at = now() WHERE subject = NEW.subject AND left_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER helpers_end AFTER INSERT ON consent
    FOR EACH ROW WHEN (NEW.scope = '{}') EXECUTE FUNCTION helpers_end();

REVOKE EXECUTE ON FUNCTION helped, helped_patient, helped_figures, of_own_panels, invite_helper,
                           end_helper FROM PUBLIC;
GRANT EXECUTE ON FUNCTION helped_patient, helped_figures, invite_helper, end_helper TO balise_web;
