"""How a database spells the statements that both stores have."""

from __future__ import annotations

from typing import Final, NamedTuple

from infrastructure.event_store.sql.order_lines import STORED


class Dialect(NamedTuple):
    """What differs where a statement is the same: how a parameter is written, and where functions are found."""

    placeholder: str
    catalog: str
    by_end: str
    """How it is told to find rows of projections by their end, where it would not of itself."""
    orders: str
    """All orders of a row as one text."""
    stream: str
    """The stream of a `position_id`."""

    def row(self, table: str) -> str:
        """The question for rows of a table of positions with their orders, in the order of COLUMNS."""
        return f"SELECT {', '.join(STORED)}, {self.orders.format(table=table)} FROM {table}"

    def spelled(self, statement: str) -> str:
        """A statement that is written with `?`, `{catalog}` and `{by_end}`, as this database wants it."""
        spelled = statement.replace("?", self.placeholder).replace("{catalog}", self.catalog)
        return spelled.replace("{by_end}", self.by_end)


SQLITE: Final = Dialect(
    "?",
    "",
    " INDEXED BY projection_rows_ended_at",
    "(SELECT '[' || coalesce(group_concat(body, ','), '') || ']'"
    " FROM (SELECT body FROM {table}_orders AS o WHERE o.position_id = {table}.position_id ORDER BY place))",
    "substr(position_id, 1, instr(position_id || '#', '#') - 1)",
)
POSTGRES: Final = Dialect(
    "%s",
    "pg_catalog.",
    "",
    "(SELECT pg_catalog.concat('['::text, pg_catalog.string_agg(body, ','::text ORDER BY place), ']'::text)"
    " FROM {table}_orders AS o WHERE o.position_id = {table}.position_id)",
    "pg_catalog.split_part(position_id, '#', 1)",
)
"""Functions are named with their schema: whoever may make things in the ledger's own could put another one first."""
