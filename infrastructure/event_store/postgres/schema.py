"""Numbered migrations under an advisory lock, and the role that bots run as."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Final

import psycopg
from psycopg import sql

from domain.errors import SchemaMismatch
from infrastructure.event_store.postgres.session.connections import Connection, Connections, explained
from infrastructure.settings import Settings

_HOME = files(__package__)
_MIGRATIONS: Final = sorted(
    (entry for entry in (_HOME / "migrations").iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name
)
SCHEMA_VERSION: Final = len(_MIGRATIONS)

MIGRATION_LOCK: Final = 20_557
APPEND_LOCK: Final = 20_558

_LOCK: Final = "SELECT pg_advisory_xact_lock(%s, %s)"
_MIGRATION_PATIENCE: Final = "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '60s'"
_VERSION_TABLE: Final = (
    "CREATE TABLE ledger_schema (version integer PRIMARY KEY, name text NOT NULL,"
    " applied_at timestamptz NOT NULL DEFAULT now())"
)
_HAS_VERSION_TABLE: Final = "SELECT to_regclass('ledger_schema') IS NOT NULL"
_VERSION: Final = "SELECT coalesce(max(version), 0) FROM ledger_schema"
_RECORD: Final = "INSERT INTO ledger_schema (version, name) VALUES ({version}, {name})"
_ENCODING: Final = "SELECT current_setting('server_encoding')"
_HAS_SCHEMA: Final = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)"
_HAS_ROLE: Final = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)"
_GRANTED: Final = (
    "SELECT format('GRANT %%s ON %%I TO %%s%%s', privilege_type, %s::text, coalesce(quote_ident(rolname), 'PUBLIC'),"
    " CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) FROM pg_class CROSS JOIN aclexplode(relacl) AS acl"
    " LEFT JOIN pg_roles ON pg_roles.oid = acl.grantee"
    " WHERE pg_class.oid = 'positions'::regclass AND acl.grantee <> relowner"
)
_BOTS: Final = (
    "SELECT DISTINCT rolname FROM pg_class CROSS JOIN aclexplode(relacl) AS acl JOIN pg_roles"
    " ON pg_roles.oid = acl.grantee WHERE pg_class.oid = 'ledger_events'::regclass AND acl.privilege_type = 'INSERT'"
    " AND acl.grantee <> relowner"
)
_GRANTS: Final = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT ON ledger_events, rejections TO {role}",
    "GRANT SELECT ON ledger_schema, projection_skips TO {role}",
    "GRANT SELECT, UPDATE ON projections TO {role}",
    "GRANT SELECT, INSERT, UPDATE ON positions, projection_rows TO {role}",
)


def lock_key(settings: Settings) -> int:
    """The second half of an advisory lock's key: every schema has locks of its own."""
    return zlib.crc32(settings.schema.encode()) - 2**31


def positions_ddl(table: str) -> str:
    """The script that makes a positions table of another name."""
    return (_HOME / "positions.sql").read_text().replace("positions", table)


def script(settings: Settings, runtime_role: str | None = None, more: Iterable[str] = ()) -> str:
    """Everything that `init` would run on an empty database, as text for whoever may run it."""
    name = f'"{settings.schema}"'
    parts = [f"BEGIN;\nCREATE SCHEMA IF NOT EXISTS {name};\nSET LOCAL search_path = {name};", f"{_VERSION_TABLE};"]
    for number, migration in enumerate(_MIGRATIONS, start=1):
        record = _RECORD.format(version=number, name=f"'{migration.name}'")
        parts += [migration.read_text().strip(), f"{record};"]
    parts.append(positions_ddl("positions").strip())
    if runtime_role is not None:
        role = '"' + runtime_role.replace('"', '""') + '"'
        parts += [grant.format(schema=name, role=role) + ";" for grant in _GRANTS]
    parts += [f"{statement};" for statement in more]
    return "\n\n".join([*parts, "COMMIT;"]) + "\n"


def version_of(connection: Connection) -> int:
    """How many migrations the schema has seen. Refuses: SchemaMismatch for one of a later version."""
    found = connection.execute(_HAS_VERSION_TABLE).fetchone()
    if found is None or not found[0]:
        return 0
    row = connection.execute(_VERSION).fetchone()
    version: int = row[0] if row else 0
    if version > SCHEMA_VERSION:
        raise SchemaMismatch(
            f"the database has schema version {version}, later than the {SCHEMA_VERSION} of this software; upgrade "
            "position-ledger"
        )
    return version


def is_outdated_by(migrations: Sequence[str]) -> bool:
    """Whether rows that are there lack what these migrations made room for; a table that is made now has all of it."""
    return any("orders" in name for name in migrations) and len(migrations) < SCHEMA_VERSION


def require(connections: Connections) -> None:
    """Refuse, with the way out, unless the database has the schema of this software."""
    with connections.reading() as connection:
        version = version_of(connection)
    if version < SCHEMA_VERSION:
        raise SchemaMismatch(
            f"{connections.settings.shown} "
            + (f"has schema version {version} of {SCHEMA_VERSION}" if version else "holds no ledger")
            + "; run `position-ledger init`"
        )


def migrate(connections: Connections, runtime_role: str | None = None) -> list[str]:
    """Bring the database to the schema of this software, whoever else tries at the same time.

    Shape:   the names of the migrations that were run now, none when there was nothing to do. `runtime_role` is
             granted what a bot needs: select and insert, and updates of the positions table alone.
    Refuses: SchemaMismatch, StoreUnavailable, when a privilege is missing among others.
    """
    settings = connections.settings
    with connections.reading() as connection:
        if version_of(connection) == SCHEMA_VERSION and runtime_role is None:
            return []
    connection = connections.alone()
    try:
        with connection, connection.transaction():
            connection.execute(_MIGRATION_PATIENCE)
            connection.execute(_LOCK, (MIGRATION_LOCK, lock_key(settings)))
            if connection.execute(_HAS_SCHEMA, (settings.schema,)).fetchone() != (True,):
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(settings.schema)))
            return _migrate(connection, settings, runtime_role)
    except psycopg.Error as error:
        raise explained(error, settings) from error


def _migrate(connection: Connection, settings: Settings, runtime_role: str | None) -> list[str]:
    encoding = connection.execute(_ENCODING).fetchone()
    if encoding != ("UTF8",):
        raise SchemaMismatch(f"{settings.shown} is encoded as {encoding and encoding[0]}; a ledger needs UTF8")
    version = version_of(connection)
    pending = _MIGRATIONS[version:]
    if version == 0:
        connection.execute(_VERSION_TABLE)
    for number, migration in enumerate(pending, start=version + 1):
        connection.execute(migration.read_text().encode())
        record = sql.SQL(_RECORD).format(version=number, name=migration.name)
        connection.execute(record)
    if version == 0:
        connection.execute(positions_ddl("positions").encode())
    elif pending:
        for (bot,) in connection.execute(_BOTS).fetchall():
            _grant(connection, settings, bot)
    if runtime_role is not None:
        _grant(connection, settings, runtime_role)
    return [migration.name.removesuffix(".sql") for migration in pending]


def _grant(connection: Connection, settings: Settings, runtime_role: str) -> None:
    if connection.execute(_HAS_ROLE, (runtime_role,)).fetchone() != (True,):
        raise SchemaMismatch(f"there is no role {runtime_role!r}; make it first: CREATE ROLE … LOGIN")
    for grant in _GRANTS:
        connection.execute(
            sql.SQL(grant).format(schema=sql.Identifier(settings.schema), role=sql.Identifier(runtime_role))
        )


def regrant(connection: Connection, table: str) -> None:
    """Let everybody do with a new positions table what they may do with the one that it is to replace."""
    for (grant,) in connection.execute(_GRANTED, (table,)).fetchall():
        connection.execute(grant.encode())
