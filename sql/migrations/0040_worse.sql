-- How far beyond its limit a signal is, in steps: one that somebody closed is raised anew by a step more.
ALTER TABLE signal ADD COLUMN steps numeric NOT NULL DEFAULT 0;

-- A name as it is looked for: small letters, no accents, so that Bernard is found as Bérnard too.
CREATE FUNCTION plain(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN regexp_replace(normalize(lower(said), NFD), U&'[\0300-\036F]', '', 'g');

-- Whether each of some words is in a patient's name, code or date of birth, whatever their order.
CREATE FUNCTION said(family text, given text, code text, birth_date date, words text[])
    RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN NOT EXISTS (
    SELECT FROM unnest(words) AS word
    WHERE position(plain(word) IN plain(concat_ws(' ', family, given, code, birth_date))) = 0);

-- Whom to call: a nurse reads an alert with the telephone in her hand.
ALTER TABLE identity ADD COLUMN phone text NOT NULL DEFAULT '';
ALTER TABLE identity_revision ADD COLUMN phone text NOT NULL DEFAULT '';
GRANT UPDATE (phone) ON identity TO balise_web;
CREATE OR REPLACE FUNCTION identity_corrected() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    who record := acting();
BEGIN
    NEW.version := OLD.version + 1;
    IF OLD.family <> '' THEN
        INSERT INTO identity_revision (subject, version, family, given, birth_date, sex, birth_place,
                                       ins, ins_kind, status, corrected_by, phone)
        VALUES (OLD.subject, OLD.version, OLD.family, OLD.given, OLD.birth_date, OLD.sex,
                OLD.birth_place, OLD.ins, OLD.ins_kind, OLD.status,
                coalesce(who.name, session_user), OLD.phone);
    END IF;
    RETURN NEW;
END
$$;
