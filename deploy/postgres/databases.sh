#!/bin/sh
# Run once by the PostgreSQL image on an empty volume: a role and a database for each service that has one, so that
# none can read another's.
set -eu
for service in auth tasks; do
  case "$service" in
    auth) password=$AUTH_DATABASE_PASSWORD ;;
    tasks) password=$TASKS_DATABASE_PASSWORD ;;
  esac
  psql -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -v name="$service" -v password="$password" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
