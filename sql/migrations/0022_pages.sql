-- The list of patients is read a page at a time: those with nothing open come by name.
CREATE INDEX identity_by_name ON identity (family, given, subject);

-- Two weeks of a glucose sensor as one day, for the page: percentiles of each hour; NULL where the
-- pathway has none, or too little was measured.
ALTER TABLE summary ADD COLUMN profile jsonb;
