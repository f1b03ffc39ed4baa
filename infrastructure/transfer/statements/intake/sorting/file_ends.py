"""Equal fills without ids where one file ends and the next begins: it may be the same fill in both files, or two."""

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
    """A fill at the end of one file and at the beginning of the next: neither need have all fills of its moment."""

    place: int
    file: int
    line: int
    next_file: int
    next_line: int


def met_fills(database: sqlite3.Connection) -> Iterator[MetFills]:
    """All such fills."""
    ends = {file: (first, last) for file, first, last in database.execute(_ENDS)}
    alike: defaultdict[tuple[int, int, str], list[tuple[str, int, int]]] = defaultdict(list)
    for place, buys, trade_id, time, file, line in database.execute(_MET):
        alike[place, buys, trade_id].append((time, file, line))
    for (place, _, _), fills in alike.items():
        for (time, file, line), (_, next_file, next_line) in product(fills, fills):
            one, other = ends[file], ends[next_file]
            if file != next_file and one != other and one[1] == time == other[0]:
                yield MetFills(place, file, line, next_file, next_line)
