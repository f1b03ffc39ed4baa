"""Numbered migrations under an advisory lock."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import Final

import psycopg
from psycopg import errors, sql

from domain.errors import SchemaMismatch, StoreUnavailable
from infrastructure.event_store.postgres import grants
from infrastructure.event_store.postgres.appending.locks import MIGRATION_LOCK, lock_key
from infrastructure.event_store.postgres.collisions import has_log, log_without_version, require_ours, require_room
from infrastructure.event_store.postgres.session.connections import VERSION, Connection, Connections
from infrastructure.event_store.postgres.session.server_errors import explained
from infrastructure.event_store.sql.migrations import (
    RUN_INIT,
    migrations_in,
    not_filled,
    not_migrated,
    require_all,
    require_not_later,
)
from infrastructure.settings import Settings

_HOME = files(__package__)
_MIGRATIONS: Final = migrations_in(_HOME)
SCHEMA_VERSION: Final = len(_MIGRATIONS)
_ORDERS: Final = _HOME / "migrations" / "0005_orders_apart.sql"

_LOCK: Final = "SELECT pg_catalog.pg_advisory_xact_lock(%s, %s)"
_MIGRATION_PATIENCE: Final = "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '60s'"
_VERSION_TABLE: Final = (
    "CREATE TABLE ledger_schema (version integer PRIMARY KEY, name text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT pg_catalog.now())"
)
_KEPT_OUT: Final = (
    "SELECT CURRENT_USER::text FROM pg_namespace"
    " WHERE nspname = %s AND NOT pg_catalog.has_schema_privilege(oid, 'USAGE'::text)"
)
_HAS_VERSION_TABLE: Final = "SELECT pg_catalog.to_regclass('ledger_schema') IS NOT NULL"
_RECORD: Final = "INSERT INTO ledger_schema (version, name) VALUES ({version}, {name})"
_ENCODING: Final = "SELECT pg_catalog.current_setting('server_encoding')"
_IS_OUTDATED: Final = (
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute"
    " WHERE attrelid = pg_catalog.to_regclass('positions')::oid AND attname = 'outdated' AND NOT attisdropped)"
    " AND NOT EXISTS (SELECT FROM pg_subscription_rel"
    " WHERE srrelid = pg_catalog.to_regclass('ledger_events')::oid)"
)
"""True of a positions table that a migration found, and that was not rebuilt since: no other has this column. A
subscriber does not read its positions table, and fills it when it is none any more."""
_OWNER_DOES: Final = "this role may not {} it, and nothing was changed. The owner of the ledger does so with `init`"
_IS_STANDBY: Final = "SELECT pg_catalog.pg_is_in_recovery()"
_RUN_INIT_ON_PRIMARY: Final = "it is a standby, and has what its primary has: run `init` there"
_SIBLINGS: Final = (
    "SELECT nspname::text FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid"
    " WHERE relname = 'ledger_events' AND relkind IN ('r', 'p') AND nspname <> %s ORDER BY 1"
)
_HAS_SCHEMA: Final = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)"


def positions_ddl(table: str) -> str:
    """The script that creates a positions table of another name."""
    return (_HOME / "positions.sql").read_text().replace("positions", table)


def beside_ddl(table: str) -> str:
    """The script that creates a positions table of another name, and the table of its orders."""
    return positions_ddl(table) + _ORDERS.read_text().replace("positions", table)


def script(settings: Settings, runtime_role: str | None = None, more: Iterable[str] = ()) -> str:
    """Everything that `init` would run on an empty database, as a script for an administrator."""
    name = f'"{settings.schema}"'
    parts = [
        f"BEGIN;\nCREATE SCHEMA IF NOT EXISTS {name};\nSET LOCAL search_path = {name};",
        f"{grants.CLOSE.format(schema=name)};",
        f"{_VERSION_TABLE};",
    ]
    for number, migration in enumerate(_MIGRATIONS, start=1):
        record = _RECORD.format(version=number, name=f"'{migration.name}'")
        parts += [migration.read_text().strip(), f"{record};"]
    parts.append(positions_ddl("positions").strip())
    if runtime_role is not None:
        role = '"' + runtime_role.replace('"', '""') + '"'
        parts += [grant.format(schema=name, role=role) + ";" for grant in grants.GRANTS]
    parts += [f"{statement};" for statement in more]
    return "\n\n".join([*parts, "COMMIT;"]) + "\n"


def version_of(connection: Connection, settings: Settings) -> int:
    """How many migrations were applied to the schema.

    Refuses: SchemaMismatch for a later version, or a schema that is not ours; StoreUnavailable where this role may not
             look into the schema.
    """
    version = _version(connection, settings)
    if version == 0 and has_log(connection):
        version = _version(connection, settings)  # one transaction creates both, and it may have ended just now
        if version == 0:
            raise log_without_version(connection, settings)
    require_not_later(settings.shown, version, SCHEMA_VERSION)
    return version


def _version(connection: Connection, settings: Settings) -> int:
    """The version in the table `ledger_schema`; 0 where there is none."""
    found = connection.execute(_HAS_VERSION_TABLE).fetchone()
    if found is None or not found[0]:
        _require_in(connection, settings)
        return 0
    require_ours(connection, settings)
    row = connection.execute(VERSION).fetchone()
    return row[0] if row else 0


def _require_in(connection: Connection, settings: Settings) -> None:
    """Refuses: StoreUnavailable for a role without USAGE on the schema, to which every table there seems missing."""
    kept_out = connection.execute(_KEPT_OUT, (settings.schema,)).fetchone()
    if kept_out is not None:
        raise StoreUnavailable(
            f"{settings.shown}: role {kept_out[0]} may not look into schema {settings.schema}, so whether a ledger is "
            "there is not known; nothing was written. The owner of the ledger grants what a bot needs with "
            "`init --runtime-role NAME`; a role that only reads needs USAGE on the schema, and SELECT "
            "on its tables and sequences"
        )


def siblings(connection: Connection, settings: Settings) -> list[str]:
    """The other schemas of this database that have a ledger."""
    return [name for (name,) in connection.execute(_SIBLINGS, (settings.schema,))]


def is_outdated(connections: Connections) -> bool:
    """Whether the positions table is that of an earlier version, and has not been rebuilt since."""
    with connections.reading() as connection:
        return connection.execute(_IS_OUTDATED).fetchone() == (True,)


def owner_fills(settings: Settings) -> SchemaMismatch:
    """The error for a role that would have to rebuild the positions table of an earlier version, and may not."""
    return not_filled(settings.shown, _OWNER_DOES.format("rebuild"))


def require(connections: Connections) -> None:
    """Refuses: SchemaMismatch, with the way out, unless the database has the schema of this software."""
    with connections.reading() as connection:
        version = version_of(connection, connections.settings)
        others = siblings(connection, connections.settings) if version == 0 else []
        way_out = _RUN_INIT_ON_PRIMARY if connection.execute(_IS_STANDBY).fetchone() == (True,) else RUN_INIT
    require_all(connections.settings.shown, version, SCHEMA_VERSION, others, way_out=way_out)
    if is_outdated(connections):
        raise not_filled(connections.settings.shown, way_out)


def migrate(connections: Connections, runtime_role: str | None = None) -> list[str]:
    """Migrate the database to the schema of this software; safe when several processes do it at once.

    `runtime_role` gets the privileges that a bot needs (GRANTS of `grants`).
    Shape:   the names of the migrations that were applied now; empty when there was nothing to do.
    Refuses: SchemaMismatch; StoreUnavailable, also when a privilege is missing.
    """
    settings = connections.settings
    with connections.reading() as connection:
        version = version_of(connection, settings)
    if version == SCHEMA_VERSION and runtime_role is None:
        return []
    connection = connections.alone()
    try:
        with connection, connection.transaction():
            connection.execute(_MIGRATION_PATIENCE)
            connection.execute(_LOCK, (MIGRATION_LOCK, lock_key(settings)))
            if connection.execute(_HAS_SCHEMA, (settings.schema,)).fetchone() != (True,):
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(settings.schema)))
            return _migrate(connection, settings, runtime_role)
    except errors.InsufficientPrivilege as error:
        if 0 < version < SCHEMA_VERSION:
            raise not_migrated(settings.shown, version, SCHEMA_VERSION, _OWNER_DOES.format("migrate")) from None
        raise explained(error, settings) from None
    except psycopg.Error as error:
        raise explained(error, settings) from None


def _migrate(connection: Connection, settings: Settings, runtime_role: str | None) -> list[str]:
    encoding = connection.execute(_ENCODING).fetchone()
    if encoding != ("UTF8",):
        raise SchemaMismatch(f"{settings.shown} is encoded as {encoding and encoding[0]}; a ledger needs UTF8")
    version = version_of(connection, settings)
    pending = _MIGRATIONS[version:]
    made = [] if version else [_VERSION_TABLE, positions_ddl("positions")]
    require_room(connection, settings, [*made, *(migration.read_text() for migration in pending)])
    if version == 0:
        connection.execute(_VERSION_TABLE)
    for number, migration in enumerate(pending, start=version + 1):
        connection.execute(migration.read_text().encode())
        record = sql.SQL(_RECORD).format(version=number, name=migration.name)
        connection.execute(record)
    if version == 0:
        connection.execute(positions_ddl("positions").encode())
    elif pending:
        for bot in grants.bots(connection):
            grants.grant(connection, settings, bot)
    if runtime_role is not None:
        grants.grant(connection, settings, runtime_role)
    return [migration.name.removesuffix(".sql") for migration in pending]
