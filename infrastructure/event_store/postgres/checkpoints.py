"""The checkpoints and rows of a projection, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

from infrastructure.event_store.postgres import schema
from infrastructure.event_store.postgres.session.connections import Connections
from infrastructure.event_store.sql.dialect import POSTGRES
from infrastructure.event_store.sql.sql_checkpoints import Result, SqlCheckpoints

_ROWS: Final = (
    "SELECT position_id, row FROM projection_rows WHERE projection = %s AND generation = %s AND position_id = ANY(%s)"
)
_ROWS_AT_ONCE: Final = 2_000
_ONE_AT_A_TIME: Final = "SELECT FROM projections WHERE name = %s AND is_read FOR UPDATE"
_DIFFERENT: Final = (
    "SELECT position_id FROM (SELECT position_id, row FROM projection_rows WHERE projection = %s"
    " AND generation = %s) AS one FULL JOIN (SELECT position_id, row FROM projection_rows"
    " WHERE projection = %s AND generation = %s) AS other USING (position_id)"
    " WHERE one.row IS DISTINCT FROM other.row"
)


class PostgresCheckpoints(SqlCheckpoints):
    """The checkpoints and rows of one projection in a schema of PostgreSQL."""

    dialect = POSTGRES

    def __init__(self, connections: Connections, projection: str) -> None:
        """Work on a projection whose first checkpoint was written by a migration."""
        super().__init__(projection)
        self._connections = connections

    def _select(self, statement: str, values: Any) -> Iterator[tuple[Any, ...]]:
        with self._connections.reading() as connection:
            found = connection.execute(statement.encode(), values).fetchall()
        yield from found

    def _scan(self, statement: str, values: Any) -> Iterator[tuple[Any, ...]]:
        return self._connections.scan(statement.encode(), values, _ROWS_AT_ONCE)

    def _change(self, statement: str, values: Any) -> int:
        with self._connections.reading() as connection:
            schema.require_still(connection, self._connections.settings)
            return connection.execute(statement.encode(), values).rowcount

    def _write(self, work: Callable[[Any], Result]) -> Result:
        with self._connections.transaction() as connection, connection.cursor() as writing:
            schema.require_still(connection, self._connections.settings)
            return work(writing)

    def _keep_others_out(self, writing: Any) -> None:
        writing.execute(_ONE_AT_A_TIME, (self._projection,))

    def rows(self, generation: int, position_ids: Collection[str]) -> dict[str, str]:
        return dict(self._select(_ROWS, (self._projection, generation, list(position_ids))))

    def differing(self, one: int, other: int) -> set[str]:
        values = (self._projection, one, self._projection, other)
        with self._connections.walk():
            return {position_id for (position_id,) in self._select(_DIFFERENT, values)}
