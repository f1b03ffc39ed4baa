"""The check before a schema is created: a name that is taken stops `init` before it has created anything."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from domain.errors import SchemaMismatch
from infrastructure.event_store.postgres.session.connections import Connection
from infrastructure.settings import Settings

_MADE: Final = re.compile(r"(?:CREATE (?:TABLE|UNIQUE INDEX|INDEX)|CONSTRAINT) (\w+)\b(?! CHECK)")
_CALLED: Final = re.compile(r"CREATE FUNCTION (\w+)")
_TAKEN: Final = (
    "SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'"
    " WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'c' THEN 'type' ELSE 'table' END, relname FROM pg_class"
    " WHERE relnamespace = %(schema)s::regnamespace::oid AND relname::text = ANY(%(names)s)"
    " UNION ALL SELECT 'type', typname FROM pg_type WHERE typnamespace = %(schema)s::regnamespace::oid"
    " AND typname::text = ANY(%(names)s) AND typrelid = 0::oid AND typelem = 0::oid"
    " UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = %(schema)s::regnamespace::oid"
    " AND proname::text = ANY(%(functions)s) AND pronargs = 0::smallint ORDER BY 2, 1"
)
_IS_OURS: Final = (
    "SELECT pg_catalog.count(*) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
    " WHERE attrelid = pg_catalog.to_regclass('ledger_schema')::oid AND relkind = 'r'"
    " AND ((attname = 'version' AND atttypid = 'int4'::regtype::oid)"
    " OR (attname = 'name' AND atttypid = 'text'::regtype::oid))"
)

_HAS_LOG: Final = (
    "SELECT pg_catalog.count(*) FROM pg_attribute WHERE attrelid = pg_catalog.to_regclass('ledger_events')::oid"
    " AND attname::text = ANY(ARRAY['stream', 'version', 'payload', 'hash', 'command_id'])"
)


def require_room(connection: Connection, settings: Settings, scripts: Iterable[str]) -> None:
    """Refuses: SchemaMismatch when a name that one of the scripts will create is already taken."""
    text = "\n".join(scripts)
    parameters = {"schema": f'"{settings.schema}"', "names": _MADE.findall(text), "functions": _CALLED.findall(text)}
    found = [f"{kind} {name}" for kind, name in connection.execute(_TAKEN, parameters)]
    if found:
        raise _taken(connection, settings, found)


def require_ours(connection: Connection, settings: Settings) -> None:
    """Refuses: SchemaMismatch when the table `ledger_schema`, which holds the version, is not one of ours."""
    if connection.execute(_IS_OURS).fetchone() != (2,):
        raise _taken(connection, settings, ["ledger_schema"])


def has_log(connection: Connection) -> bool:
    """Whether there is a table with the events of a ledger."""
    return connection.execute(_HAS_LOG).fetchone() == (5,)


def log_without_version(connection: Connection, settings: Settings) -> SchemaMismatch:
    """The error for a table of events without the table that holds the schema version."""
    return _taken(connection, settings, ["table ledger_events"])


def _taken(connection: Connection, settings: Settings, found: list[str]) -> SchemaMismatch:
    if has_log(connection):
        return SchemaMismatch(
            f"{settings.shown}: schema {settings.schema} has the events of a ledger, and {', '.join(found)} of which "
            "ledger_schema knows nothing: made by something else, or by a restore of some tables; nothing was changed. "
            "Rename what is of something else, or restore all of the ledger: a new one would grant the slots that are "
            "held"
        )
    another = "ledger" if settings.schema != "ledger" else "position_ledger"
    return SchemaMismatch(
        f"{settings.shown}: schema {settings.schema} has {', '.join(found)} already, made by something else, so no "
        f"ledger is made there and nothing was changed; give the ledger a schema of its own: add ?schema={another} to "
        "the URL"
    )
