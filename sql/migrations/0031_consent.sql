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

-- When a device, or its user slot, is given anew after a moment; NULL where it is not.
CREATE FUNCTION given_anew(a_device integer, a_slot smallint, after timestamptz) RETURNS timestamptz
    LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
    SELECT min(lower(during)) FROM assignment
    WHERE device = a_device AND slot IS NOT DISTINCT FROM a_slot AND lower(during) > after
$$;

-- When a patient agreed to nothing: from each withdrawal until they agreed anew.
CREATE FUNCTION withdrawn(a_subject integer) RETURNS tstzmultirange
    LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
    SELECT coalesce(range_agg(tstzrange(at, CASE WHEN following < at THEN at ELSE following END))
                    FILTER (WHERE scope = '{}'), '{}')
    FROM (SELECT scope, at, lead(at) OVER (ORDER BY id) AS following
          FROM consent WHERE subject = a_subject) AS said
$$;

-- What is agreed to takes effect as it is written: devices are nobody's from the moment of a withdrawal
-- on, so that what they measure then is no reading; and those that were taken from the patient that way
-- are theirs again when they agree anew, unless somebody else has them. Whoever writes has locked the
-- patient before, so that of two the later one holds (sql/consent.sql).
CREATE FUNCTION consent_holds() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
DECLARE
    ended timestamptz := (
        -- The first withdrawal since they last agreed to anything: a second one took nothing away.
        SELECT min(at) FROM consent
        WHERE subject = NEW.subject AND scope = '{}' AND id < NEW.id
          AND id > coalesce((SELECT max(id) FROM consent
                             WHERE subject = NEW.subject AND scope <> '{}' AND id < NEW.id), 0));
BEGIN
    -- Who gives a device to the patient meanwhile waits, or is waited for: assignment_agreed.
    PERFORM FROM subject WHERE id = NEW.subject FOR NO KEY UPDATE;
    IF NEW.scope = '{}' THEN
        DELETE FROM assignment WHERE subject = NEW.subject AND lower(during) >= NEW.at;
        UPDATE assignment SET during = tstzrange(lower(during), NEW.at)
        WHERE subject = NEW.subject AND during @> NEW.at;
    ELSIF ended IS NOT NULL THEN
        INSERT INTO assignment (device, subject, slot, during)
        SELECT device, subject, slot, tstzrange(NEW.at, given_anew(device, slot, NEW.at))
        FROM assignment AS one
        WHERE subject = NEW.subject AND upper(during) = ended
          AND NOT EXISTS (SELECT FROM assignment AS another
                          WHERE another.device = one.device
                            AND another.slot IS NOT DISTINCT FROM one.slot
                            AND another.during @> NEW.at);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER consent_holds AFTER INSERT ON consent
    FOR EACH ROW EXECUTE FUNCTION consent_holds();

-- Nothing is measured of who does not agree: no device is given to them for such a time, not afterwards
-- either.
CREATE FUNCTION assignment_agreed() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM FROM subject WHERE id = NEW.subject FOR SHARE;
    IF withdrawn(NEW.subject) && NEW.during THEN
        RAISE EXCEPTION 'this patient does not agree to be monitored' USING ERRCODE = 'BA001';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER assignment_agreed BEFORE INSERT ON assignment
    FOR EACH ROW EXECUTE FUNCTION assignment_agreed();

-- For how long what a device sent is this patient's to be told and erased: until somebody else had it, so
-- that what it measured after a withdrawal is theirs too.
CREATE FUNCTION had(one assignment) RETURNS tstzrange
    LANGUAGE sql STABLE SET search_path = public, pg_temp
AS $$
    SELECT tstzrange(lower(one.during), given_anew(one.device, one.slot, lower(one.during)))
$$;
