"""The positions table that a rebuild fills, on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Final
from uuid import uuid4

from psycopg import errors, sql

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres import grants, schema
from infrastructure.event_store.postgres.appending import append
from infrastructure.event_store.postgres.compat_view import ViewsOfPositions
from infrastructure.event_store.postgres.session.connections import Connection, Connections
from infrastructure.event_store.postgres.session.session_settings import wait_seconds
from infrastructure.event_store.sql.dialect import POSTGRES
from infrastructure.event_store.sql.order_lines import STORED, OrderLine, differing, lines_of
from infrastructure.event_store.sql.stored_row import stored_row
from projections.positions import PositionRow

_LEFTOVERS: Final = (
    "SELECT tablename FROM pg_tables WHERE schemaname = pg_catalog.current_schema()"
    " AND pg_catalog.pg_has_role(tableowner, 'USAGE') AND tablename::text LIKE 'positions\\_next\\_%'"
    " ORDER BY 1"
)
"""In one order, in which two rebuilds that begin at once drop them without a deadlock."""
_IS_THERE: Final = "SELECT pg_catalog.to_regclass(%s) IS NOT NULL"
_LOCK: Final = "LOCK TABLE positions, positions_orders IN ACCESS EXCLUSIVE MODE"
_LOCK_PATIENCE: Final = "SET LOCAL lock_timeout = '100ms'"
_PATIENCE_AGAIN: Final = "SET LOCAL lock_timeout TO DEFAULT"
_TURN_SECONDS: Final = 0.1
"""Writers queue behind a lock request, so the lock is requested for short times, with a pause for them in between."""
_ROW: Final = f"{POSTGRES.row('{table}')} WHERE position_id = %s"
_COUNT: Final = "SELECT pg_catalog.count(*) FROM {table}"
_IS_OTHER: Final = "IS DISTINCT FROM"
_DIFFERING: Final = differing("{table}", _IS_OTHER)
_DIFFERENCES: Final = (
    f"SELECT pg_catalog.count(*) FROM ({differing('{table}', _IS_OTHER, '= ANY(%(suspects)s)')}) AS differing"
)
_COPY: Final = f"COPY {{table}} ({', '.join(STORED)}) FROM STDIN"
_COPY_LINES: Final = f"COPY {{table}}_orders ({', '.join(OrderLine._fields)}) FROM STDIN"
_RENAME: Final = (
    "ALTER TABLE positions RENAME TO {table}_old",
    "ALTER TABLE positions_orders RENAME TO {table}_orders_old",
    "ALTER TABLE {table} RENAME TO positions",
    "ALTER TABLE {table}_orders RENAME TO positions_orders",
)
_DROP: Final = (
    "DROP TABLE {table}_old",
    "DROP TABLE {table}_orders_old",
    "ALTER INDEX {table}_pkey RENAME TO positions_pkey",
    "ALTER INDEX {table}_orders_pkey RENAME TO positions_orders_pkey",
    "ALTER INDEX {table}_one_open RENAME TO positions_one_open",
    "ALTER INDEX {table}_strays RENAME TO positions_strays",
)


class PostgresPositionTable:
    """A table beside `positions`, and one for its orders, until they take their places."""

    def __init__(self, connections: Connections, name: str | None = None) -> None:
        self._connections = connections
        self._table = name or f"positions_next_{uuid4().hex[:12]}"

    @property
    def name(self) -> str:
        """The name by which other processes find it."""
        return self._table

    def create(self) -> None:
        """Create the table, with the privileges of the one that it replaces.

        The table of an earlier rebuild is dropped; if that rebuild is still running, it notices this and stops.
        """
        with self._connections.transaction() as connection:
            self._connections.require_version(connection)
            for (leftover,) in connection.execute(_LEFTOVERS).fetchall():
                connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(leftover)))
            connection.execute(schema.beside_ddl(self._table).encode())
            for made in (self._table, f"{self._table}_orders"):
                grants.regrant(connection, made)

    def is_there(self) -> bool:
        """Whether it still exists: another rebuild may have dropped it."""
        with self._connections.reading() as connection:
            return connection.execute(_IS_THERE, (self._table,)).fetchone() == (True,)

    def _named(self, statement: str) -> bytes:
        return statement.format(table=self._table).encode()

    def row(self, stream: str, cycle: int) -> PositionRow | None:
        """A row that was written before."""
        with self._connections.reading() as connection:
            found = connection.execute(self._named(_ROW), (f"{stream}#{cycle}",)).fetchone()
        return stored_row(found) if found else None

    def add(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have none yet."""
        new = [*rows]
        with self._connections.walk() as connection, connection.cursor() as cursor:
            with cursor.copy(self._named(_COPY)) as copy:
                for row in new:
                    copy.write_row(append.row_values(row))
            with cursor.copy(self._named(_COPY_LINES)) as copy:
                for line in lines_of(new, {}):
                    copy.write_row(line)

    def replace(self, rows: Iterable[PositionRow]) -> None:
        """Write rows of cycles that have one."""
        gone_on = [*rows]
        with self._connections.walk() as connection, connection.cursor() as cursor:
            cursor.executemany(append.row_statement(self._table), map(append.row_values, gone_on))
            cursor.executemany(append.line_statement(self._table), map(append.line_values, lines_of(gone_on, {})))

    def differing(self) -> set[str]:
        """The position ids whose row differs from the one in the table that is read, or is missing in either."""
        with self._connections.walk() as connection:
            return {position_id for (position_id,) in connection.execute(self._named(_DIFFERING))}

    def swap(self, last_events: Callable[[], Collection[str]]) -> tuple[int, int]:
        """Lock writers out, apply what they wrote last, and replace the table that is read.

        A statement that waits for the old table finds the new one under its name.
        """
        with self._connections.walk() as connection:
            views = self._writers_kept_out(connection)
            self._connections.require_version(connection)
            suspects = [*last_events()]
            (differences,) = connection.execute(self._named(_DIFFERENCES), {"suspects": suspects}).fetchone() or (0,)
            (rows,) = connection.execute(self._named(_COUNT)).fetchone() or (0,)
            for statement in _RENAME:
                connection.execute(self._named(statement))
            views.look_again()
            for statement in _DROP:
                connection.execute(self._named(statement))
        return rows, differences

    def _writers_kept_out(self, connection: Connection) -> ViewsOfPositions:
        settings = self._connections.settings
        deadline = time.monotonic() + wait_seconds(settings)
        while True:
            try:
                with connection.transaction():  # a savepoint: when it fails, it releases the locks of this round
                    connection.execute(_LOCK_PATIENCE)
                    views = ViewsOfPositions(connection)
                    connection.execute(_LOCK)
                    connection.execute(_PATIENCE_AGAIN)
            except errors.LockNotAvailable:
                if time.monotonic() > deadline:
                    raise StoreUnavailable(
                        f"{settings.shown}: others used the positions table for {wait_seconds(settings):g} s without a "
                        "break (`verify` and `export` read it at one moment until they end), so the new one could not "
                        "replace it; nothing was changed. Run it again when they have ended, or wait longer with "
                        "?timeout=SECONDS"
                    ) from None
            else:
                return views
            time.sleep(_TURN_SECONDS)
