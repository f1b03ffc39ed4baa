"""Reading the result of a query while the tables that it reads are changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

_KEEP: Final = "CREATE TABLE walked AS {query}"
_WALK: Final = "SELECT * FROM walked ORDER BY _rowid_"
_FORGET: Final = "DROP TABLE walked"


def walked(database: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """The result of a query at this moment, row by row; it is copied to a table, because it may be long."""
    database.execute(_KEEP.format(query=query))
    yield from database.execute(_WALK)
    database.execute(_FORGET)
