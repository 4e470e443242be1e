-- Who a patient was said to be before each correction: a name that was overwritten by a slip comes back,
-- and of two who correct at once the second sees the first.
ALTER TABLE identity ADD COLUMN version integer NOT NULL DEFAULT 0;

CREATE TABLE identity_revision (
    subject     integer NOT NULL REFERENCES subject,
    version     integer NOT NULL,
    family      text NOT NULL,
    given       text NOT NULL,
    birth_date  date,
    sex         text NOT NULL,
    birth_place text NOT NULL,
    ins         text,
    ins_kind    text,
    status      text NOT NULL,
    corrected_by text NOT NULL,
    corrected_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, version)
);
ALTER TABLE identity_revision ENABLE ROW LEVEL SECURITY;
CREATE POLICY followed ON identity_revision TO balise_web
    USING ((SELECT follows_everyone()) OR subject IN (SELECT followed()));
CREATE POLICY line ON identity_revision TO balise_receive, balise_flows USING (true);
GRANT SELECT ON identity_revision TO balise_web;

-- Every correction, whoever makes it. A patient who is being enrolled was nobody before.
CREATE FUNCTION identity_corrected() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    NEW.version := OLD.version + 1;
    IF OLD.family <> '' THEN
        INSERT INTO identity_revision
        VALUES (OLD.subject, OLD.version, OLD.family, OLD.given, OLD.birth_date, OLD.sex,
                OLD.birth_place, OLD.ins, OLD.ins_kind, OLD.status, coalesce(who.name, session_user));
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER identity_corrected BEFORE UPDATE ON identity
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION identity_corrected();
