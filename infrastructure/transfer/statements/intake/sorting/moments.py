"""The order of fills of both sides at one moment: each begins with the position that the one before it left.

Purchases at one moment can be sorted by the position before each of them, and so can sales. If there are both, as in a
block of Hyperliquid or a millisecond of Bybit, the position goes up and down, and the order is a path through all of
them.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final, NamedTuple

from domain.values import EXACT

_ON_BOTH_SIDES: Final = """
SELECT DISTINCT place FROM (
    SELECT place FROM fills WHERE held IS NOT NULL GROUP BY place, time HAVING min(buys) < max(buys)
)
"""
_FILLS: Final = """
SELECT time, fills.rowid, buys, quantity, held FROM fills JOIN files USING (file) WHERE place = ? AND held IS NOT NULL
ORDER BY time, number, turn, line * direction, fills.rowid
"""
_AS_IN_FILES: Final = """
SELECT fills.rowid FROM fills JOIN files USING (file) WHERE place = ? AND time = ? AND held IS NOT NULL
ORDER BY turn, line * direction, fills.rowid
"""
_NUMBER: Final = "UPDATE fills SET number = ? WHERE rowid = ?"
_DECIMALS: Final = Decimal("1e-9")
"""Positions are compared to this precision, because some went through floats."""


class _Step(NamedTuple):
    rowid: int
    held: Decimal
    left: Decimal


def order_moments(database: sqlite3.Connection) -> None:
    """Number the fills of each moment with both sides; without a path through all, in the order of the files.

    A path that ends where it begins has no beginning of its own. It goes on from what was held before; at the first
    moment, of which nothing was before, from the first line if the lines are a path as they stand, else from nothing.
    """
    for (place,) in database.execute(_ON_BOTH_SIDES).fetchall():
        order_moments_of(database, place)


def order_moments_of(database: sqlite3.Connection, place: int) -> None:
    """The same for one key."""
    until: Decimal | None = None
    numbered: list[tuple[int, int]] = []
    for time, rows in groupby(database.execute(_FILLS, (place,)), itemgetter(0)):
        fills = list(rows)
        steps = [_step(*row[1:]) for row in fills]
        if len({row[2] for row in fills}) > 1:
            ranks = {rowid: rank for rank, (rowid,) in enumerate(database.execute(_AS_IN_FILES, (place, time)))}
            steps.sort(key=lambda step: ranks[step.rowid])
            if until is None and _is_path(steps):
                until = steps[0].held
            steps = _path(steps, Decimal(0) if until is None else until) or steps
            numbered += ((number, step.rowid) for number, step in enumerate(steps))
        until = steps[-1].left
    database.executemany(_NUMBER, numbered)


def _step(rowid: int, buys: int, quantity: str, held: str) -> _Step:
    before = Decimal(held)
    after = EXACT.add(before, Decimal(quantity) if buys else -Decimal(quantity))
    return _Step(rowid, before.quantize(_DECIMALS, context=EXACT), after.quantize(_DECIMALS, context=EXACT))


def _path(steps: Sequence[_Step], until: Decimal) -> list[_Step] | None:
    """Every step once, each from the position at which the one before it ended; earlier lines of files come first."""
    onward: defaultdict[Decimal, deque[_Step]] = defaultdict(deque)
    more: defaultdict[Decimal, int] = defaultdict(int)
    for step in steps:
        onward[step.held].append(step)
        more[step.held] += 1
        more[step.left] -= 1
    starts = [held for held, count in more.items() if count > 0]
    begin = steps[0].held if until not in onward else until
    # Hierholzer's algorithm for an Eulerian path: a circle is inserted where it leaves the path
    taken: list[tuple[Decimal, _Step | None]] = [(starts[0] if starts else begin, None)]
    path: list[_Step] = []
    while taken:
        held, by = taken[-1]
        if onward[held]:
            step = onward[held].popleft()
            taken.append((step.left, step))
            continue
        taken.pop()
        if by is not None:
            path.append(by)
    path.reverse()
    return path if len(path) == len(steps) and _is_path(path) else None


def _is_path(steps: Iterable[_Step]) -> bool:
    return all(one.left == two.held for one, two in pairwise(steps))
