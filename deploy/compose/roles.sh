#!/bin/sh
# The image of PostgreSQL runs this once, when its volume is empty: it creates the roles, each with its own password, and
# the schema.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set owner="$LEDGER_OWNER_PASSWORD" --set bot="$LEDGER_BOT_PASSWORD" --set watch="$LEDGER_WATCH_PASSWORD" \
    --set reader="$LEDGER_READER_PASSWORD" --set grafana="$LEDGER_GRAFANA_PASSWORD" <<'SQL'
CREATE ROLE ledger_owner LOGIN PASSWORD :'owner';
CREATE ROLE ledger_bot LOGIN PASSWORD :'bot';
CREATE ROLE ledger_watch LOGIN PASSWORD :'watch';
CREATE ROLE ledger_reader LOGIN PASSWORD :'reader';
CREATE ROLE ledger_grafana LOGIN PASSWORD :'grafana';
CREATE SCHEMA ledger AUTHORIZATION ledger_owner;
ALTER ROLE ledger_grafana SET search_path = ledger;
ALTER ROLE ledger_grafana SET default_transaction_read_only = on;
SQL
