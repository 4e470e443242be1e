-- The list of patients is read a page at a time: those with nothing open come by name.
CREATE INDEX identity_by_name ON identity (family, given, subject);
