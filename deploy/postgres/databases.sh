#!/bin/sh
# Run by the PostgreSQL image on an empty volume: a role and a database for each service that has one, so that none can
# read another's. What is there already stays, so it may be run again by hand when a service has come new.
set -eu
for service in auth tasks plugins; do
  case "$service" in
    auth) password=$AUTH_DATABASE_PASSWORD ;;
    tasks) password=$TASKS_DATABASE_PASSWORD ;;
    plugins) password=$PLUGINS_DATABASE_PASSWORD ;;
  esac
  psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres -v name="$service" -v password="$password" <<'SQL'
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') AS new_role,
       NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') AS new_database \gset
\if :new_role
CREATE ROLE :"name" LOGIN PASSWORD :'password';
\endif
\if :new_database
CREATE DATABASE :"name" OWNER :"name";
\endif
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
