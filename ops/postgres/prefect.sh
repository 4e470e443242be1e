#!/bin/sh
# Prefect's own database and role, made at the database's first start; no right on Balise's.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v password="$PREFECT_DB_PASSWORD" <<'SQL'
CREATE ROLE prefect LOGIN PASSWORD :'password';
CREATE DATABASE prefect OWNER prefect;
REVOKE CONNECT ON DATABASE balise FROM PUBLIC;
\connect prefect
CREATE EXTENSION pg_trgm;
SQL
