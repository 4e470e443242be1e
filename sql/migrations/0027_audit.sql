-- Who saw, changed or took away what is a patient's: rows that are only ever added, each with the
-- digest of itself and the one before. Numbers of patients and names of accounts, nothing measured;
-- it outlives an erasure, which takes away whose number it was.
CREATE TABLE audit (
    number   bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    who      text NOT NULL,
    role     text NOT NULL,
    action   text NOT NULL CHECK (
        action IN ('sign_in', 'list', 'view', 'change', 'export', 'emergency', 'erase', 'access')),
    what     text NOT NULL,
    patients integer[] NOT NULL,
    reason   text NOT NULL,
    digest   bytea NOT NULL
);
-- The same by patient, for the patient's own list; the chain is above.
CREATE TABLE audit_patient (
    patient integer NOT NULL,
    number  bigint NOT NULL,
    PRIMARY KEY (patient, number)
);

-- Where the chain stands: its row's lock puts one after the other. Before the first row there is none.
CREATE TABLE audit_head (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    number bigint NOT NULL,
    digest bytea NOT NULL
);
INSERT INTO audit_head (number, digest) VALUES (0, '');

CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is only ever added to';
END
$$;
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();

-- One more row. The digest is over the row as JSON, so that another program can work it out again.
CREATE FUNCTION audit_add(
    who text, role text, action text, what text, patients integer[], reason text)
    RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    head audit_head;
    told jsonb;
BEGIN
    UPDATE audit_head SET number = number + 1 RETURNING * INTO head;
    told := jsonb_build_array(head.number, (extract(epoch FROM now()) * 1000000)::bigint,
                              who, role, action, what, patients, reason);
    head.digest := sha256(head.digest || convert_to(told::text, 'UTF8'));
    INSERT INTO audit VALUES (head.number, now(), who, role, action, what, patients, reason,
                              head.digest);
    INSERT INTO audit_patient SELECT DISTINCT patient, head.number FROM unnest(patients) AS patient;
    UPDATE audit_head SET digest = head.digest;
END
$$;
REVOKE EXECUTE ON FUNCTION audit_add FROM PUBLIC;

-- One more row of whoever is signed in: the pages can't write it in another's name.
CREATE FUNCTION audit_acting(action text, what text, patients integer[], reason text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    PERFORM audit_add(coalesce(who.name, ''), coalesce(who.role, ''), action, what, patients, reason);
END
$$;
REVOKE EXECUTE ON FUNCTION audit_acting FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_acting TO balise_web;

-- A patient's list of who looked is read by whoever follows the patient.
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY followed ON audit TO balise_web
    USING ((SELECT follows_everyone()) OR patients && ARRAY(SELECT followed()));
ALTER TABLE audit_patient ENABLE ROW LEVEL SECURITY;
CREATE POLICY followed ON audit_patient TO balise_web
    USING ((SELECT follows_everyone()) OR patient IN (SELECT followed()));
GRANT SELECT ON audit, audit_patient TO balise_web;
