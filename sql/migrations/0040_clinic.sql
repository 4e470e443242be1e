-- How grave a signal is, each of its figures in steps, and how grave it was when somebody saw or closed
-- it: by a step more it is raised anew. Of what was seen or closed before this, nothing is known.
ALTER TABLE signal ADD COLUMN grades jsonb NOT NULL DEFAULT '{}', ADD COLUMN told jsonb NOT NULL DEFAULT '{}';
GRANT UPDATE (told) ON signal TO balise_web;

CREATE FUNCTION graver(old jsonb, new jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN old <> '{}' AND EXISTS (
    SELECT FROM jsonb_each_text(new) AS now
    WHERE old -> key IS NULL OR value::numeric >= (old ->> key)::numeric + 1);

-- A text as it is looked for: small letters without accents, one apostrophe, no letters tied together,
-- no hyphens.
CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN translate(
    replace(replace(replace(regexp_replace(normalize(lower($1), NFD), U&'[\0300-\036F]', '', 'g'),
                            U&'\0153', 'oe'), U&'\00E6', 'ae'), U&'\00DF', 'ss'),
    U&'\2019\02BC\2018-', ''''''' ');

-- Whether each of some words is in a patient's name, code or date of birth, whatever their order.
CREATE FUNCTION is_called(family text, given text, code text, birth_date date, words text[])
    RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(bool_and(position(plain(word) IN known.by) > 0), true)
    FROM (SELECT plain(concat_ws(' ', family, given, code, birth_date,
                                 to_char(birth_date, 'DD/MM/YYYY'))) AS by OFFSET 0) AS known,
         unnest(words) AS word);

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

-- What waits is read once and not again for each patient, which was half of the worklist's time.
CREATE OR REPLACE VIEW well WITH (security_invoker = true) AS
SELECT seen.subject, seen.last_reading_at AS up_to,
       greatest(seen.assessed_at, plan.signed_at) AS settled_at
FROM dirty_subject AS seen
JOIN subject ON subject.id = seen.subject AND subject.pathway <> 'observation'
JOIN plan ON plan.subject = seen.subject AND plan.pathway = subject.pathway
WHERE NOT EXISTS (SELECT FROM plan AS newer
                  WHERE newer.subject = plan.subject AND newer.version > plan.version)
  AND seen.assessed = seen.generation
  AND seen.last_reading_at <= seen.assessed_at
  AND seen.assessed_at > coalesce(seen.looked_at, '-infinity')
  AND seen.subject NOT IN (SELECT dirty_window.subject FROM dirty_window
                           WHERE dirty_window.done < dirty_window.generation)
  AND NOT EXISTS (SELECT FROM signal
                  WHERE signal.subject = seen.subject
                    AND (signal.state <> 'closed'
                         OR signal.changed_at > coalesce(seen.looked_at, '-infinity')));
