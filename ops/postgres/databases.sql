-- Run once, at the database's first start. Balise and Prefect each own their database and nothing
-- else; neither is a superuser. template0: the image puts TimescaleDB into template1.
\getenv balise_password BALISE_DB_PASSWORD
\getenv prefect_password PREFECT_DB_PASSWORD
CREATE ROLE balise LOGIN PASSWORD :'balise_password';
CREATE ROLE prefect LOGIN PASSWORD :'prefect_password';
CREATE DATABASE balise OWNER balise TEMPLATE template0;
CREATE DATABASE prefect OWNER prefect TEMPLATE template0;
REVOKE CONNECT ON DATABASE balise, prefect FROM PUBLIC;
\connect balise
CREATE EXTENSION timescaledb;
CREATE EXTENSION btree_gist;
\connect prefect
CREATE EXTENSION pg_trgm;
