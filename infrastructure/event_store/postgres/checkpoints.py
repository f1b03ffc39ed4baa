"""The checkpoints and rows of a projection, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from infrastructure.event_store.postgres.session.connections import Connections
from infrastructure.event_store.sql.dialect import POSTGRES
from infrastructure.event_store.sql.sql_checkpoints import SqlCheckpoints

_ROWS: Final = (
    "SELECT position_id, row FROM projection_rows WHERE projection = %s AND generation = %s AND position_id = ANY(%s)"
)
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

    _connections: Connections

    def _keep_others_out(self, writing: Any) -> None:
        writing.execute(_ONE_AT_A_TIME, (self._projection,))

    def rows(self, generation: int, position_ids: Collection[str]) -> dict[str, str]:
        return dict(self._connections.rows(_ROWS, (self._projection, generation, list(position_ids))))

    def differing(self, one: int, other: int) -> set[str]:
        values = (self._projection, one, self._projection, other)
        with self._connections.walk():
            return {position_id for (position_id,) in self._connections.rows(_DIFFERENT, values)}
