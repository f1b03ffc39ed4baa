"""Equal fills without ids where one file ends and another begins: both files have one of them, or each its own."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple

from infrastructure.transfer.statements.sources.statement_row import MADE_UP

_MET: Final = f"""
SELECT fills.place, buys, trade_id, time, fills.file, line FROM fills
WHERE trade_id GLOB '{MADE_UP}*' AND time IN (SELECT last FROM files INTERSECT SELECT first FROM files)
ORDER BY fills.file, line
"""
_ENDS: Final = "SELECT file, first, last FROM files"


class MetFills(NamedTuple):
    """A fill that one file ends with and the next one begins with, so that neither has its moment for certain."""

    place: int
    file: int
    line: int
    next_file: int
    next_line: int


def met_fills(database: sqlite3.Connection) -> Iterator[MetFills]:
    """All such fills."""
    ends = {file: (first, last) for file, first, last in database.execute(_ENDS)}
    alike: defaultdict[tuple[int, int, str], list[tuple[str, int, int]]] = defaultdict(list)
    for place, buys, trade_id, *told in database.execute(_MET):
        alike[place, buys, trade_id].append((told[0], told[1], told[2]))
    for (place, _, _), told in alike.items():
        for (time, file, line), (_, next_file, next_line) in product(told, told):
            one, other = ends[file], ends[next_file]
            if file != next_file and one != other and one[1] == time == other[0]:
                yield MetFills(place, file, line, next_file, next_line)
