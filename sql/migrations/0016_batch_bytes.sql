-- How large a batch is: validate takes as much at once as its memory is meant for, be it few large
-- messages or many small ones. 0 where it was not kept.
ALTER TABLE landing_batch ADD COLUMN bytes bigint NOT NULL DEFAULT 0;
