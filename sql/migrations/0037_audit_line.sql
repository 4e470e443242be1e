-- What leaves by itself is written down too: by the line, which can write it in no other's name.
CREATE FUNCTION audit_line(action text, what text, patients integer[])
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM audit_add('balise', 'line', action, what, patients, '');
END
$$;
REVOKE EXECUTE ON FUNCTION audit_line FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_line TO balise_flows;
