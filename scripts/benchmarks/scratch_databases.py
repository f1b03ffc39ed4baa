"""Scratch databases: schemas or files with unique names, removed when the block ends."""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psycopg
from psycopg import errors, sql

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.session.connections import Connection
from infrastructure.event_store.postgres.session.server_errors import explained
from infrastructure.event_store.postgres.session.session_settings import connection_arguments
from infrastructure.settings import Settings

_SCHEMAS: Final = "SELECT nspname FROM pg_namespace WHERE nspname LIKE %s"
_VERSION: Final = "SHOW server_version"
BENCH: Final = "bench"
TIMEOUT_SECONDS: Final = 600.0
"""Long, because a wait under load is to be measured, and must not fail."""
_DROP_SECONDS: Final = 60.0
_DROP_ATTEMPTS: Final = 10


@dataclass(frozen=True)
class ScratchDatabases:
    """A database in which each contestant gets a schema or a file of its own."""

    settings: Settings
    prefix: str
    description: str

    def named(self, name: str) -> Settings:
        """The settings for the schema or the file of one contestant."""
        if self.settings.kind == "sqlite":
            return replace(self.settings, where=str(Path(self.settings.where) / f"{name}.db"))
        return replace(self.settings, schema=f"{self.prefix}_{name}")


@contextmanager
def places(url: str, purpose: str = BENCH, timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[ScratchDatabases]:
    """Scratch databases, which are deleted with their content at the end of the block.

    Shape:   on PostgreSQL schemas named after the purpose, `ledger_bench_…`; for SQLite files in a new folder beside
             the file of the URL, which itself is not touched.
    Refuses: InvalidSettings, StoreUnavailable.
    """
    settings = replace(Settings.read(url), timeout_seconds=timeout_seconds)
    if settings.kind == "sqlite":
        parent = None if settings.is_memory else Path(settings.where).resolve().parent
        if parent is not None and not parent.is_dir():
            raise StoreUnavailable(f"there is no folder {parent}")
        with tempfile.TemporaryDirectory(prefix=f"ledger_{purpose}_", dir=parent) as folder:
            yield ScratchDatabases(replace(settings, where=folder), "", f"SQLite {sqlite3.sqlite_version}")
        return
    prefix = f"ledger_{purpose}_{secrets.token_hex(4)}"
    with _connected(settings) as connection:
        version = connection.execute(_VERSION).fetchone()
    assert version is not None, "a server has a version"
    try:
        yield ScratchDatabases(settings, prefix, f"PostgreSQL {version[0].split()[0]}")
    finally:
        with _connected(replace(settings, timeout_seconds=_DROP_SECONDS)) as connection:
            found = connection.execute(_SCHEMAS, (f"{prefix}_%".replace("_", "\\_"),)).fetchall()
            for (schema,) in found:
                _drop(connection, schema)


def _drop(connection: Connection, schema: str) -> None:
    """Drop a schema, again after a deadlock: a process that was just starting may use it until it ends by itself."""
    for attempt in range(1, _DROP_ATTEMPTS + 1):
        try:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        except errors.DeadlockDetected:
            if attempt == _DROP_ATTEMPTS:
                raise
        else:
            return


@contextmanager
def _connected(settings: Settings) -> Iterator[Connection]:
    try:
        with psycopg.connect(**connection_arguments(settings), autocommit=True) as connection:
            yield connection
    except psycopg.Error as error:
        raise explained(error, settings) from None
