-- Batches nobody validates yet, until they are so many messages or bytes, at least one: what is
-- measured now, or else of a backlog, so that no live reading waits for the commit of one. Locked one
-- by one: a run beside this one finds the next.
CREATE FUNCTION take_batches(enough_messages bigint, enough_bytes bigint)
    RETURNS SETOF landing_batch
    LANGUAGE plpgsql
AS $$
DECLARE
    waiting CURSOR FOR
        SELECT * FROM landing_batch WHERE validated_at IS NULL ORDER BY backlog, id
        FOR UPDATE SKIP LOCKED;
    one landing_batch;
    live boolean := false;
    messages bigint := 0;
    bytes bigint := 0;
BEGIN
    OPEN waiting;
    WHILE messages < enough_messages AND bytes < enough_bytes LOOP
        FETCH waiting INTO one;
        EXIT WHEN NOT FOUND OR (live AND one.backlog);
        live := NOT one.backlog;
        messages := messages + one.messages;
        bytes := bytes + one.bytes;
        RETURN NEXT one;
    END LOOP;
END
$$;
