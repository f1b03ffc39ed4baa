"""Fills of one moment on both sides, put in the order in which each holds what the one before it left.

What buys in one moment is in order by what was held before it, and so is what sells. Where both happened, as in a block
of Hyperliquid or a millisecond of Bybit, what was held goes up and down, and only the whole way says which came first.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict, deque
from collections.abc import Sequence
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
"""To which holdings are compared: some went through floats."""


class _Step(NamedTuple):
    rowid: int
    held: Decimal
    left: Decimal


def order_moments(database: sqlite3.Connection) -> None:
    """Number the fills of each moment that has both sides; where no way leads through all, as their files have them."""
    for (place,) in database.execute(_ON_BOTH_SIDES).fetchall():
        order_moments_of(database, place)


def order_moments_of(database: sqlite3.Connection, place: int) -> None:
    """The same, of one key."""
    until: Decimal | None = None
    numbered: list[tuple[int, int]] = []
    for time, rows in groupby(database.execute(_FILLS, (place,)), itemgetter(0)):
        told = list(rows)
        steps = [_step(*row[1:]) for row in told]
        if len({row[2] for row in told}) > 1:
            ranks = {rowid: rank for rank, (rowid,) in enumerate(database.execute(_AS_IN_FILES, (place, time)))}
            steps.sort(key=lambda step: ranks[step.rowid])
            steps = _way(steps, Decimal(0) if until is None else until) or steps
            numbered += ((number, step.rowid) for number, step in enumerate(steps))
        until = steps[-1].left
    database.executemany(_NUMBER, numbered)


def _step(rowid: int, buys: int, quantity: str, held: str) -> _Step:
    before = Decimal(held)
    after = EXACT.add(before, Decimal(quantity) if buys else -Decimal(quantity))
    return _Step(rowid, before.quantize(_DECIMALS, context=EXACT), after.quantize(_DECIMALS, context=EXACT))


def _way(steps: Sequence[_Step], until: Decimal) -> list[_Step] | None:
    """Every step once, each from where the one before it ended; the first that can be, of the files, goes first."""
    onward: defaultdict[Decimal, deque[_Step]] = defaultdict(deque)
    more: defaultdict[Decimal, int] = defaultdict(int)
    for step in steps:
        onward[step.held].append(step)
        more[step.held] += 1
        more[step.left] -= 1
    starts = [held for held, count in more.items() if count > 0]
    begin = steps[0].held if until not in onward else until
    # Hierholzer's way through a graph: a round that comes back to where it began is put in before what goes on
    taken: list[tuple[Decimal, _Step | None]] = [(starts[0] if starts else begin, None)]
    way: list[_Step] = []
    while taken:
        held, by = taken[-1]
        if onward[held]:
            step = onward[held].popleft()
            taken.append((step.left, step))
            continue
        taken.pop()
        if by is not None:
            way.append(by)
    way.reverse()
    is_whole = len(way) == len(steps) and all(one.left == two.held for one, two in pairwise(way))
    return way if is_whole else None
