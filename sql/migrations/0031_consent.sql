-- What a patient agreed to, in the words of which version of the information sheet, and since when: each
-- row holds until the next. One without a scope takes everything back.
CREATE TABLE consent (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject,
    sheet   text NOT NULL CHECK (sheet ~ '^[0-9]{4}-[0-9]{2}$'),
    scope   text[] NOT NULL CHECK (scope <@ ARRAY['monitoring', 'sharing']
                                   AND (scope = '{}' OR 'monitoring' = ANY(scope))),
    way     text NOT NULL CHECK (way IN ('paper', 'spoken', 'helper')),
    who     text NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX consent_of_subject ON consent (subject, id);

ALTER TABLE consent ENABLE ROW LEVEL SECURITY;
CREATE POLICY followed ON consent TO balise_web
    USING ((SELECT follows_everyone()) OR subject IN (SELECT followed()));
CREATE POLICY line ON consent TO balise_receive, balise_flows USING (true);
GRANT SELECT, INSERT (subject, sheet, scope, way, who) ON consent TO balise_web;
GRANT SELECT ON consent TO balise_flows;

-- Of whom nothing is sent to others: what holds now says so. Of whom nobody wrote anything, nothing
-- changes: they were enrolled before consent was written here, or on paper elsewhere.
CREATE VIEW withheld AS
SELECT subject FROM consent
WHERE 'sharing' <> ALL(scope)
  AND NOT EXISTS (SELECT FROM consent AS newer
                  WHERE newer.subject = consent.subject AND newer.id > consent.id);
GRANT SELECT ON withheld TO balise_flows;

-- What is agreed to takes effect as it is written: devices are nobody's from the moment of a withdrawal
-- on, so that what they measure then is no reading; and those that were taken from the patient that way
-- are theirs again when they agree anew, unless somebody else has them.
CREATE FUNCTION consent_holds() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    before consent;
BEGIN
    -- Who gives a device to the patient meanwhile waits, or is waited for: assignment_agreed.
    PERFORM FROM subject WHERE id = NEW.subject FOR UPDATE;
    SELECT * INTO before FROM consent
    WHERE subject = NEW.subject AND id < NEW.id ORDER BY id DESC LIMIT 1;
    IF NEW.scope = '{}' THEN
        DELETE FROM assignment WHERE subject = NEW.subject AND lower(during) >= NEW.at;
        UPDATE assignment SET during = tstzrange(lower(during), NEW.at)
        WHERE subject = NEW.subject AND during @> NEW.at;
    ELSIF before.scope = '{}' THEN
        INSERT INTO assignment (device, subject, slot, during)
        SELECT device, subject, slot,
               tstzrange(NEW.at, (SELECT min(lower(later.during)) FROM assignment AS later
                                  WHERE later.device = ended.device
                                    AND later.slot IS NOT DISTINCT FROM ended.slot
                                    AND lower(later.during) > NEW.at))
        FROM assignment AS ended
        WHERE subject = NEW.subject AND upper(during) = before.at
          AND NOT EXISTS (SELECT FROM assignment AS another
                          WHERE another.device = ended.device
                            AND another.slot IS NOT DISTINCT FROM ended.slot
                            AND another.during @> NEW.at);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER consent_holds AFTER INSERT ON consent
    FOR EACH ROW EXECUTE FUNCTION consent_holds();

-- Nothing is measured of who does not agree: no device is given to them.
CREATE FUNCTION assignment_agreed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM FROM subject WHERE id = NEW.subject FOR KEY SHARE;
    IF (SELECT scope = '{}' FROM consent WHERE subject = NEW.subject ORDER BY id DESC LIMIT 1) THEN
        RAISE EXCEPTION 'this patient does not agree to be monitored' USING ERRCODE = 'BA001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER assignment_agreed BEFORE INSERT ON assignment
    FOR EACH ROW EXECUTE FUNCTION assignment_agreed();
