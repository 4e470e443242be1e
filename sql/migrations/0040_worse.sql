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
