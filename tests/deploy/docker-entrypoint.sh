#!/bin/sh
# Entry point of the image `postgres` of tests/deploy/base-image. Supports the variables of the
# official image that deploy/compose.yaml sets. Runs as root, and PostgreSQL as the user postgres.
set -eu

as_postgres() { setpriv --reuid postgres --regid postgres --init-groups -- "$@"; }
if [ "${1:-postgres}" != postgres ]; then exec "$@"; fi

mkdir -p "$PGDATA" /run/postgresql
chown postgres: "$PGDATA" /run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # shellcheck disable=SC2086 # The variable contains several options.
  as_postgres initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" \
    --auth-local=trust --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  as_postgres pg_ctl start --wait --options="-c listen_addresses=''"
  as_postgres createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
  as_postgres pg_ctl stop --wait
fi
exec setpriv --reuid postgres --regid postgres --init-groups -- postgres -c 'listen_addresses=*'
