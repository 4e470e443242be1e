-- Somebody of the patient's own, a daughter or a neighbour, who sees what was measured last, whether the
-- box is heard, and what the team said. Their account is of that one patient: a name typed wrong opens
-- nobody else's. No policy and no view knows them: what they see, a function hands out.
CREATE TABLE helper (
    account  text PRIMARY KEY REFERENCES login ON DELETE CASCADE,
    subject  integer NOT NULL REFERENCES subject,
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    left_at  timestamptz
);
CREATE INDEX helper_of_subject ON helper (subject);
ALTER TABLE helper ENABLE ROW LEVEL SECURITY;
CREATE POLICY followed ON helper TO balise_web
    USING ((SELECT follows_everyone()) OR subject IN (SELECT followed()));
GRANT SELECT ON helper TO balise_web;

ALTER TABLE login DROP CONSTRAINT login_role;
ALTER TABLE login
    ADD CONSTRAINT login_role CHECK (role IN ('clinician', 'coordinator', 'ops', 'admin', 'helper'));

-- Whom the helper who is signed in helps; nobody once the patient has withdrawn.
CREATE FUNCTION helped() RETURNS integer
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    RETURN (SELECT subject FROM helper
            WHERE account = who.name AND who.role = 'helper' AND left_at IS NULL
              AND NOT withdrawn(subject) @> now());
END
$$;

CREATE FUNCTION helped_patient(
    OUT id integer, OUT family text, OUT given text, OUT time_zone text,
    OUT last_contact_at timestamptz, OUT word text, OUT said_at timestamptz)
    RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT subject.id, identity.family, identity.given, subject.time_zone,
           (SELECT max(gateway.last_contact_at) FROM assignment
            JOIN device ON device.id = assignment.device JOIN gateway ON gateway.name = device.gateway
            WHERE assignment.subject = subject.id AND assignment.during @> now()),
           said.text, said.at
    FROM subject JOIN identity ON identity.subject = subject.id
    LEFT JOIN LATERAL (SELECT text, at FROM message WHERE message.subject = subject.id
                       ORDER BY at DESC, message.id DESC LIMIT 1) AS said ON true
    WHERE subject.id = helped()
$$;

-- Of each thing that is measured the newest value that counts: on the newest day that has one.
CREATE FUNCTION helped_readings(
    left_out integer, OUT metric text, OUT value numeric, OUT unit text, OUT taken_at timestamptz)
    RETURNS SETOF record LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
    SELECT last_day.metric, newest.value, newest.unit, newest.taken_at
    FROM (SELECT DISTINCT ON (metric) subject, metric, stamped_from, stamped_to FROM dirty_window
          WHERE subject = helped() AND day > now()::date - 90
          ORDER BY metric, day DESC) AS last_day
    CROSS JOIN LATERAL (
        SELECT reading.value, series.unit, reading.taken_at
        FROM series JOIN reading ON reading.series = series.id
        WHERE series.metric = last_day.metric
          AND series.device IN (SELECT device FROM assignment
                                WHERE assignment.subject = last_day.subject)
          AND reading.subject = last_day.subject
          AND reading.stamped_at BETWEEN last_day.stamped_from AND last_day.stamped_to
          AND reading.quality & left_out = 0
        ORDER BY reading.taken_at DESC LIMIT 1) AS newest
$$;

-- A helper's account for a patient whom the carer who is signed in follows, and its link; or a new link
-- for one of this very patient. False for a name that is anybody else's, and for whoever is no carer.
CREATE FUNCTION invite_helper(helper_name text, patient integer, digest bytea, lifetime interval)
    RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    IF NOT (follows_everyone() OR patient IN (SELECT followed())) THEN
        RETURN false;
    END IF;
    INSERT INTO login (name, password_hash, role) VALUES (helper_name, '', 'helper')
    ON CONFLICT (name) DO NOTHING;
    IF FOUND THEN
        INSERT INTO helper (account, subject, added_by) VALUES (helper_name, patient, who.name);
    ELSE
        UPDATE helper SET added_by = who.name, added_at = now(), left_at = NULL
        WHERE account = helper_name AND subject = patient
          AND EXISTS (SELECT FROM login WHERE name = helper_name AND role = 'helper');
        IF NOT FOUND THEN
            RETURN false;
        END IF;
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

-- From now on they see nothing of the patient, and can't sign in.
CREATE FUNCTION end_helper(helper_name text, patient integer) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    IF NOT (follows_everyone() OR patient IN (SELECT followed())) THEN
        RETURN false;
    END IF;
    UPDATE helper SET left_at = now()
    WHERE account = helper_name AND subject = patient AND left_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE login SET password_hash = '', outside = NULL WHERE name = helper_name AND role = 'helper';
    DELETE FROM web_session WHERE login = helper_name;
    DELETE FROM login_link WHERE login = helper_name;
    PERFORM audit_add(who.name, who.role, 'access', concat('helper ', helper_name, ': ended'),
                      ARRAY[patient], '');
    RETURN true;
END
$$;

REVOKE EXECUTE ON FUNCTION helped, helped_patient, helped_readings, invite_helper, end_helper
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION helped_patient, helped_readings, invite_helper, end_helper TO balise_web;
