"""Numbered migrations: `PRAGMA user_version` says how many of them were applied to a file."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from domain.errors import SchemaMismatch
from infrastructure.event_store.sql.migrations import (
    RUN_INIT,
    migrations_in,
    not_filled,
    require_all,
    require_not_later,
)
from infrastructure.event_store.sqlite.connections import Connections

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

APPLICATION_ID: Final = 0x504C4447
"""Marks a file as a position ledger ("PLDG"), so that the file of another application is refused."""

_HOME = files(__package__)
_MIGRATIONS: Final = migrations_in(_HOME)
SCHEMA_VERSION: Final = len(_MIGRATIONS)
_ORDERS: Final = _HOME / "migrations" / "0005_orders_apart.sql"
_GUARD: Final = re.compile(r"CREATE (?:TRIGGER|UNIQUE INDEX) (?P<name>\w+).*", re.DOTALL)
_OF_POSITIONS: Final = re.compile(r"^ALTER TABLE positions\b", re.MULTILINE)
"""Statements to skip for a positions table that is created now: it has all columns already."""
_MARKS: Final = """
SELECT
    (SELECT user_version FROM pragma_user_version),
    (SELECT application_id FROM pragma_application_id),
    EXISTS (SELECT 1 FROM sqlite_schema),
    EXISTS (SELECT 1 FROM pragma_table_info('ledger_events') WHERE name = 'hash')
"""
"""The marks of a ledger, read in one statement: another process may create it between two statements."""
_IS_OUTDATED: Final = "SELECT 1 FROM pragma_table_info('positions') WHERE name GLOB 'outdated*'"
"""True of a positions table that a migration found, and that was not rebuilt since: no other has such a column."""


def positions_ddl(table: str) -> Iterator[str]:
    """The statements that create a positions table of another name."""
    return _statements((_HOME / "positions.sql").read_text().replace("positions", table))


def beside_ddl(table: str) -> Iterator[str]:
    """The statements that create a positions table of another name, and the table of its orders."""
    yield from positions_ddl(table)
    yield from _statements(_ORDERS.read_text().replace("positions", table))


def guards() -> dict[str, str]:
    """The triggers and unique indexes that guard a ledger: the statement that creates each, by its name."""
    scripts = [*(migration.read_text() for migration in _MIGRATIONS), (_HOME / "positions.sql").read_text()]
    made = [_GUARD.search(statement) for script in scripts for statement in _statements(script)]
    return {match["name"]: match[0].rstrip().removesuffix(";") for match in made if match is not None}


def version_of(connection: sqlite3.Connection, path: str) -> int:
    """How many migrations were applied to the file.

    Refuses: SchemaMismatch for a file of something else, or of a later version of this software.
    """
    version: int
    version, marked, is_used, has_log = connection.execute(_MARKS).fetchone()
    if is_used and marked != APPLICATION_ID:
        if has_log:
            raise SchemaMismatch(
                f"{path} has the events of a ledger, but not the marks of its file, which a .dump of the sqlite3 shell "
                "leaves out; nothing was changed. Restore a copy of the file, or give it the marks of the one that was "
                f"dumped (PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}, or what "
                "it was) and let `position-ledger verify` look at it: a new ledger would grant the slots that are held"
            )
        raise SchemaMismatch(f"{path} is the SQLite file of something else; name another file for the ledger")
    require_not_later(path, version, SCHEMA_VERSION)
    return version


def is_outdated(connections: Connections) -> bool:
    """Whether the positions table is that of an earlier version, and has not been rebuilt since."""
    with connections.reading() as connection:
        return connection.execute(_IS_OUTDATED).fetchone() is not None


def require(connections: Connections) -> None:
    """Refuses: SchemaMismatch, with the way out, unless the file has the schema of this software."""
    with connections.reading() as connection:
        version = version_of(connection, connections.settings.where)
    require_all(connections.settings.where, version, SCHEMA_VERSION)
    if is_outdated(connections):
        raise not_filled(connections.settings.where, RUN_INIT)


def migrate(connections: Connections) -> list[str]:
    """Migrate the file to the schema of this software; safe when several processes do it at once.

    Shape: the names of the migrations that were applied now; empty when there was nothing to do.
    """
    path = connections.settings.where
    with connections.reading() as connection:
        if version_of(connection, path) == SCHEMA_VERSION:
            return []
        if connections.settings.is_memory:
            with closing(sqlite3.connect(":memory:")) as empty:
                empty.deserialize(_empty())
                empty.backup(connection)
            return _names(_MIGRATIONS)
    connections.ensure_wal()
    return connections.write(lambda connection: _migrated(connection, path))


@cache
def _empty() -> bytes:
    """What every database in memory begins with: to copy it takes 0.2 ms, to create it 6 ms."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _migrated(connection, ":memory:")
        return connection.serialize()


def _migrated(connection: sqlite3.Connection, path: str) -> list[str]:
    version = version_of(connection, path)
    pending = _MIGRATIONS[version:]
    for migration in pending:
        for statement in _statements(migration.read_text()):
            if version > 0 or not _OF_POSITIONS.search(statement):
                connection.execute(statement)
    if version == 0:
        for statement in positions_ddl("positions"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return _names(pending)


def _names(migrations: Sequence[Traversable]) -> list[str]:
    return [migration.name.removesuffix(".sql") for migration in migrations]


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    assert not statement.strip(), "the script ends in the middle of a statement"
