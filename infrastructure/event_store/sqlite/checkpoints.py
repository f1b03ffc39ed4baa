"""The checkpoints and rows of a projection, on SQLite."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Final

from infrastructure.event_store.sql.dialect import SQLITE
from infrastructure.event_store.sql.sql_checkpoints import SqlCheckpoints

_ROWS: Final = (
    "SELECT position_id, row FROM projection_rows WHERE projection = ? AND generation = ?"
    " AND position_id IN (SELECT value FROM json_each(?))"
)
_DIFFERENT: Final = (
    "SELECT one.position_id FROM projection_rows AS one LEFT JOIN projection_rows AS other ON other.projection = ?1"
    " AND other.generation = ?3 AND other.position_id = one.position_id"
    " WHERE one.projection = ?1 AND one.generation = ?2 AND other.row IS NOT one.row"
    " UNION ALL SELECT position_id FROM projection_rows AS other WHERE projection = ?1 AND generation = ?3"
    " AND NOT EXISTS (SELECT 1 FROM projection_rows AS one WHERE one.projection = ?1 AND one.generation = ?2"
    " AND one.position_id = other.position_id)"
)


class SQLiteCheckpoints(SqlCheckpoints):
    """The checkpoints and rows of one projection in an SQLite file, which has only one writer at a time."""

    dialect = SQLITE

    def rows(self, generation: int, position_ids: Collection[str]) -> dict[str, str]:
        return dict(self._connections.rows(_ROWS, (self._projection, generation, json.dumps(list(position_ids)))))

    def differing(self, one: int, other: int) -> set[str]:
        return {position_id for (position_id,) in self._connections.rows(_DIFFERENT, (self._projection, one, other))}
