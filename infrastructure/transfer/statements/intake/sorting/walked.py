"""Walking through the answer to a question while what was asked about is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

_KEEP: Final = "CREATE TABLE walked AS {question}"
_WALK: Final = "SELECT * FROM walked ORDER BY _rowid_"
_FORGET: Final = "DROP TABLE walked"


def walked(database: sqlite3.Connection, question: str) -> Iterator[tuple[Any, ...]]:
    """The answer, row by row, as it is now: it is kept in the database, for it may be long."""
    database.execute(_KEEP.format(question=question))
    yield from database.execute(_WALK)
    database.execute(_FORGET)
