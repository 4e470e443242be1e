-- As what receiver, flows and pages sign in: each may do what its part needs (migration 0026), and none
-- owns a table. Run at the database's first start; once more before an upgrade to the version that
-- brought it, and whenever one of their passwords in .env is another:
-- docker compose up -d --force-recreate database && docker compose exec -T database \
--   psql -U postgres -v ON_ERROR_STOP=1 < ops/postgres/roles.sql
-- Where the database's owner is called otherwise: psql -v owner=NAME.
\getenv receive_password RECEIVE_DB_PASSWORD
\getenv flows_password FLOWS_DB_PASSWORD
\getenv web_password WEB_DB_PASSWORD
\getenv copy_password COPY_DB_PASSWORD
SELECT format('CREATE ROLE %I NOINHERIT', role)
FROM unnest(ARRAY['balise_receive', 'balise_flows', 'balise_web']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
\if :{?owner}
\else
  \set owner balise
\endif
ALTER ROLE balise_receive NOINHERIT LOGIN PASSWORD :'receive_password';
ALTER ROLE balise_flows NOINHERIT LOGIN PASSWORD :'flows_password';
ALTER ROLE balise_web NOINHERIT LOGIN PASSWORD :'web_password';
-- Who copies the server with its log (balise db copy) reads its files, and no table by a question.
SELECT 'CREATE ROLE balise_copy'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'balise_copy') \gexec
ALTER ROLE balise_copy LOGIN REPLICATION PASSWORD :'copy_password';
-- What the pages have the line do (read a message again, tell the boxes) is done as the line; a
-- command of the owner's takes the role of the part it runs.
SELECT CASE WHEN current_setting('server_version_num')::integer >= 160000
            THEN 'GRANT balise_flows TO balise_web WITH INHERIT FALSE, SET TRUE'
            ELSE 'GRANT balise_flows TO balise_web' END \gexec
GRANT balise_receive, balise_flows, balise_web TO :"owner";
