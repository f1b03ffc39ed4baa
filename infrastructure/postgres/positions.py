"""The positions table that a rebuild fills, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from infrastructure.postgres import append, schema
from infrastructure.postgres.connections import Connections
from projections.positions import COLUMNS, PositionRow, row_from

_NEXT: Final = "positions_next"
_ROW: Final = f"SELECT {', '.join(COLUMNS)} FROM {_NEXT} WHERE position_id = %s"
_LOCK: Final = "LOCK TABLE positions IN ACCESS EXCLUSIVE MODE"
_COUNT: Final = f"SELECT count(*) FROM {_NEXT}"
_DIFFERENCES: Final = (
    f"SELECT count(DISTINCT position_id) FROM ((TABLE positions EXCEPT TABLE {_NEXT})"
    f" UNION ALL (TABLE {_NEXT} EXCEPT TABLE positions)) AS different"
)
_SWAP: Final = (
    "DROP TABLE positions",
    f"ALTER TABLE {_NEXT} RENAME TO positions",
    f"ALTER INDEX {_NEXT}_pkey RENAME TO positions_pkey",
    f"ALTER INDEX {_NEXT}_one_open RENAME TO positions_one_open",
)


class PostgresPositionTable:
    """`positions_next`, until it takes the place of `positions`."""

    def __init__(self, connections: Connections) -> None:
        """Make nothing yet."""
        self._connections = connections

    def create(self) -> None:
        """Make the table anew, for everybody who may use the one that it is to replace."""
        with self._connections.transaction() as connection:
            connection.execute(f"DROP TABLE IF EXISTS {_NEXT}".encode())
            connection.execute(schema.positions_ddl(_NEXT).encode())
            schema.regrant(connection, _NEXT)

    def row(self, stream: str, cycle: int) -> PositionRow | None:
        """A row that was written before."""
        with self._connections.reading() as connection:
            found = connection.execute(_ROW.encode(), (f"{stream}#{cycle}",)).fetchone()
        return row_from(found) if found else None

    def write(self, rows: Iterable[PositionRow]) -> None:
        """Write rows, replacing those of the same cycle."""
        with self._connections.reading() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(append.row_statement(_NEXT), map(append.row_values, rows))

    def swap(self, last_events: Callable[[], object]) -> tuple[int, int]:
        """Keep writers out, take in what they wrote last, and take the place of the table that is read.

        Whoever waits for the old table when it goes finds the new one under its name.
        """
        with self._connections.transaction() as connection:
            connection.execute(_LOCK)
            last_events()
            (differences,) = connection.execute(_DIFFERENCES.encode()).fetchone() or (0,)
            (rows,) = connection.execute(_COUNT.encode()).fetchone() or (0,)
            for statement in _SWAP:
                connection.execute(statement.encode())
        return rows, differences
