-- As what receiver, flows, pages and watch sign in: each may do what its part needs (migration 0026), and none
-- owns a table. Run at the database's first start; once more before an upgrade to the version that
-- brought it, and whenever one of their passwords in .env is another:
-- docker compose up -d --force-recreate database && docker compose exec -T database \
--   psql -U postgres -v ON_ERROR_STOP=1 < ops/postgres/roles.sql
-- Where the database's owner is called otherwise: psql -v owner=NAME.
\getenv receive_password RECEIVE_DB_PASSWORD
\getenv flows_password FLOWS_DB_PASSWORD
\getenv web_password WEB_DB_PASSWORD
\getenv watch_password WATCH_DB_PASSWORD
\getenv copy_password COPY_DB_PASSWORD
SELECT format('CREATE ROLE %I NOINHERIT', role)
FROM unnest(ARRAY['balise_receive', 'balise_flows', 'balise_web', 'balise_watch']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \gexec
\if :{?owner}
\else
  \set owner balise
\endif
ALTER ROLE balise_receive NOINHERIT LOGIN PASSWORD :'receive_password';
ALTER ROLE balise_flows NOINHERIT LOGIN PASSWORD :'flows_password';
-- Twice as many as the pages take at once: whoever comes, the line keeps its own.
ALTER ROLE balise_web NOINHERIT CONNECTION LIMIT 48 LOGIN PASSWORD :'web_password';
ALTER ROLE balise_watch NOINHERIT LOGIN PASSWORD :'watch_password';
-- Who copies the server with its log (balise db copy) reads its files, and no table by a question.
SELECT 'CREATE ROLE balise_copy'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'balise_copy') \gexec
ALTER ROLE balise_copy LOGIN REPLICATION PASSWORD :'copy_password';
-- What the pages do past whom their visitor follows (show what was refused, tell the boxes) they do as
-- balise_keep, as which nobody signs in; a command of the owner's takes the role of the part it runs.
SELECT 'CREATE ROLE balise_keep NOINHERIT'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'balise_keep') \gexec
SELECT CASE WHEN current_setting('server_version_num')::integer >= 160000
            THEN 'GRANT balise_keep TO balise_web WITH INHERIT FALSE, SET TRUE'
            ELSE 'GRANT balise_keep TO balise_web' END \gexec
-- Until migration 0038 they did it as the line.
SELECT format(CASE WHEN current_setting('server_version_num')::integer >= 160000
                   THEN 'REVOKE balise_flows FROM balise_web GRANTED BY %I'
                   ELSE 'REVOKE balise_flows FROM balise_web' END, pg_get_userbyid(grantor))
FROM pg_auth_members
WHERE roleid = 'balise_flows'::regrole AND member = 'balise_web'::regrole \gexec
GRANT balise_receive, balise_flows, balise_web, balise_watch, balise_keep TO :"owner";
