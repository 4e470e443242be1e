-- What somebody observed of a patient at one time, as it was written, and the NEWS2 of it: `parts`
-- has null where something was missing, and `total` is null then.
CREATE TABLE early_warning (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject integer NOT NULL REFERENCES subject,
    who text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    observed jsonb NOT NULL,
    parts jsonb NOT NULL,
    total integer,
    risk text,
    CHECK ((total IS NULL) = (risk IS NULL))
);
CREATE INDEX early_warning_of_subject ON early_warning (subject, id);
