"""The differences in spelling between the SQL statements of both stores."""

from __future__ import annotations

from typing import Final, NamedTuple

from infrastructure.event_store.sql.order_lines import STORED


class Dialect(NamedTuple):
    """What differs in otherwise equal statements: how a parameter is written, and the schema of functions."""

    placeholder: str
    catalog: str
    by_end: str
    """The index hint that makes the database find rows of projections by their end, where it needs one."""
    orders: str
    """The expression for all orders of a row as one JSON text."""
    stream: str
    """The expression for the stream of a `position_id`."""
    settled: str
    """The condition that nothing happened in a cycle after its end, by the facts of statistics in `row`."""

    def row(self, table: str) -> str:
        """The query for rows of a positions table with their orders, in the order of COLUMNS."""
        return f"SELECT {', '.join(STORED)}, {self.orders.format(table=table)} FROM {table}"

    def spelled(self, statement: str) -> str:
        """A statement with `?` and what stands in braces replaced by the spelling of this database."""
        spelled = statement.replace("?", self.placeholder).replace("{catalog}", self.catalog)
        return spelled.replace("{by_end}", self.by_end).replace("{settled}", self.settled)


SQLITE: Final = Dialect(
    "?",
    "",
    " INDEXED BY projection_rows_ended_at",
    "(SELECT '[' || coalesce(group_concat(body, ','), '') || ']'"
    " FROM (SELECT body FROM {table}_orders AS o WHERE o.position_id = {table}.position_id ORDER BY place))",
    "substr(position_id, 1, instr(position_id || '#', '#') - 1)",
    "CASE WHEN json_valid(row) THEN json_extract(row, '$.last_at') = json_extract(row, '$.position.closed_at')"
    " AND json_extract(row, '$.opened_by') <> 'PositionImported'"
    " AND json_extract(row, '$.position.late_fill') IS NOT 1 END",
)
POSTGRES: Final = Dialect(
    "%s",
    "pg_catalog.",
    "",
    "(SELECT pg_catalog.concat('['::text, pg_catalog.string_agg(body, ','::text ORDER BY place), ']'::text)"
    " FROM {table}_orders AS o WHERE o.position_id = {table}.position_id)",
    "pg_catalog.split_part(position_id, '#', 1)",
    "pg_catalog.json_extract_path_text(row::json, 'last_at')"
    " = pg_catalog.json_extract_path_text(row::json, 'position', 'closed_at')"
    " AND pg_catalog.json_extract_path_text(row::json, 'opened_by') <> 'PositionImported'"
    " AND pg_catalog.json_extract_path_text(row::json, 'position', 'late_fill') IS DISTINCT FROM 'true'",
)
"""Functions are named with their schema: a role that may create objects in the ledger's schema could shadow them."""
