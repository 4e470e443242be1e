-- Who a patient is, as the national reference of identity asks: the traits, the national identity (INS)
-- and how sure of it one is. Source: ANS, "Référentiel national d'identitovigilance" (RNIV 1), statuses
-- provisoire, validée, récupérée, qualifiée; only the last two have an INS.
ALTER TABLE identity
    ADD COLUMN birth_place text NOT NULL DEFAULT ''
        CHECK (birth_place ~ '^(([0-9]{2}|2[AB])[0-9]{3})?$'),
    ADD COLUMN ins text CHECK (ins ~ '^[123478][0-9]{4}([0-9]{2}|2[AB])[0-9]{8}$'),
    ADD COLUMN ins_kind text CHECK (ins_kind IN ('nir', 'nia')),
    ADD COLUMN status text NOT NULL DEFAULT 'provisional'
        CHECK (status IN ('provisional', 'validated', 'retrieved', 'qualified')),
    ADD CONSTRAINT identity_ins_whole
        CHECK ((ins IS NULL) = (ins_kind IS NULL)
               AND (ins IS NOT NULL) = (status IN ('retrieved', 'qualified'))),
    ADD CONSTRAINT identity_qualified_whole
        CHECK (status <> 'qualified' OR (birth_date IS NOT NULL AND birth_place <> ''
                                         AND sex IN ('female', 'male'))),
    ADD CONSTRAINT identity_of_one UNIQUE (ins);

-- The pages write whom the visitor follows; the policies of 0026_access say who that is.
GRANT UPDATE (family, given, birth_date, sex, birth_place, ins, ins_kind, status)
    ON identity TO balise_web;
GRANT UPDATE (pathway) ON subject TO balise_web;

-- The panels of whoever is signed in.
CREATE FUNCTION own_panels() RETURNS SETOF panel
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    IF who.role IN ('clinician', 'coordinator') THEN
        RETURN QUERY
            SELECT panel.* FROM panel JOIN panel_account ON panel_account.panel = panel.name
            WHERE account = who.name AND left_at IS NULL;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION own_panels FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_panels TO balise_web;

-- A new patient, in a panel of whoever is signed in: none of it may exist without the other. NULL where
-- they may not.
CREATE FUNCTION enrol_patient(a_code text, a_pathway text, a_time_zone text, a_panel text)
    RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
    enrolled integer;
    listed boolean := (SELECT NOT everyone FROM own_panels() WHERE name = a_panel);
BEGIN
    IF listed IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO subject (code, time_zone, pathway) VALUES (a_code, a_time_zone, a_pathway)
    RETURNING id INTO enrolled;
    -- The name follows in the same transaction, as a correction of nobody's.
    INSERT INTO identity (subject, family, given) VALUES (enrolled, '', '');
    IF listed THEN
        INSERT INTO panel_subject (panel, subject) VALUES (a_panel, enrolled);
    END IF;
    PERFORM audit_add(who.name, who.role, 'change', 'POST /enrol', ARRAY[enrolled], '');
    RETURN enrolled;
END
$$;
REVOKE EXECUTE ON FUNCTION enrol_patient FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enrol_patient TO balise_web;
