-- When a message's bytes went; NULL where they are kept.
CREATE FUNCTION dropped_of(message bigint) RETURNS timestamptz
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT min(dropped_at) FROM landing_dropped
    WHERE message BETWEEN id_from AND id_to AND message <> ALL (kept);
END;
