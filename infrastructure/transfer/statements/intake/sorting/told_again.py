"""Facts that are told again under one name: the same is taken once, and what is told otherwise is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations, groupby, product
from typing import Any, Final, NamedTuple

from infrastructure.transfer.statements.intake.sorting.walked import walked
from infrastructure.transfer.statements.sources.statement_row import MADE_UP

_TWICE: Final = """
SELECT rowid, place, file, {columns} FROM {table} WHERE (place, {identity}) IN
    (SELECT place, {identity} FROM {table} GROUP BY place, {identity} HAVING count(*) > 1)
ORDER BY place, {identity}, rowid
"""
_FORGET: Final = "DELETE FROM {table} WHERE rowid = ?"
_NUMBERS: Final = ("quantity", "price", "fee", "profit", "closes", "held")
_SECOND: Final = timedelta(seconds=1)
_IS_MADE_UP: Final = f"trade_id GLOB '{MADE_UP}*'"
_IS_NUMBERED: Final = "(trade_id = order_id AND trade_id NOT GLOB '*[^0-9]*')"
_NAMELESS: Final = f"SELECT 1 FROM fills WHERE {_IS_MADE_UP} OR {_IS_NUMBERED} LIMIT 1"
_ALIKE: Final = f"""
SELECT group_concat(rowid) FROM fills GROUP BY place, buys, substr(time, 1, 19), CAST(price AS REAL)
HAVING min(file) < max(file) AND min(trade_id) < max(trade_id) AND max({_IS_MADE_UP} OR {_IS_NUMBERED})
"""
"""Fills of one second, side and price in several files that have several names, of which one was made up."""
_LINES: Final = f"""
SELECT place, file, line, trade_id, quantity, {_IS_MADE_UP}, {_IS_NUMBERED} FROM fills WHERE rowid IN ({{rows}})
ORDER BY file, line
"""

Row = Mapping[str, Any]
"""What one line says, by its columns."""


class _Alike(NamedTuple):
    """One of several fills of a second, side and price."""

    place: int
    file: int
    line: int
    name: str
    quantity: str
    is_made_up: bool
    is_numbered: bool

    @property
    def is_nameless(self) -> bool:
        return self.is_made_up or self.is_numbered

    def may_be(self, other: _Alike) -> bool:
        """Whether both may be one; a program that numbers its trades tells one in parts once it was left in parts."""
        if not (self.is_nameless or other.is_nameless):
            return False
        return (self.is_numbered and other.is_numbered) or Decimal(self.quantity) == Decimal(other.quantity)


class ToldOtherwise(NamedTuple):
    """A fact of which another line says something else."""

    place: int
    name: Any
    file: int
    line: int
    first_file: int
    first_line: int


def take_once(
    database: sqlite3.Connection,
    table: str,
    columns: str,
    identity: str,
    is_same: Callable[[Row, Row], bool] = lambda one, other: one == other,
) -> tuple[int, ToldOtherwise | None]:
    """Forget what is told again, and count it, until something is told otherwise; the first column is the line.

    Of two that are the same, that of the later time is kept, for it says the part of the second.
    """
    names, count = columns.split(", "), 0
    alike = [names.index(name) + 3 for name in identity.split(", ")]
    found = walked(database, _TWICE.format(table=table, columns=columns, identity=identity))
    for _, rows in groupby(found, lambda row: (row[1], *(row[place] for place in alike))):
        first, *others = rows
        for other in others:
            one, two = (dict(zip(names[1:], row[4:], strict=True)) for row in (first, other))
            if not is_same(one, two):
                return count, ToldOtherwise(first[1], first[alike[-1]], *other[2:4], *first[2:4])
            less, first = (first, other) if two["time"] > one["time"] else (other, first)
            database.execute(_FORGET.format(table=table), (less[0],))
            count += 1
    return count, None


def is_same_fill(one: Row, other: Row) -> bool:
    """Whether two lines tell of the same fill, one to the second or without its leg, as exports of websites do."""
    apart = abs(datetime.fromisoformat(one["time"]) - datetime.fromisoformat(other["time"]))
    at_the_second = apart < _SECOND and any(
        datetime.fromisoformat(row["time"]).microsecond == 0 for row in (one, other)
    )
    said = (
        (one.keys() - {"time", "names_leg", *_NUMBERS}) if one["time"] == other["time"] or at_the_second else one.keys()
    )
    return all(one[name] == other[name] for name in said) and all(
        _number(one[name]) == _number(other[name]) for name in _NUMBERS
    )


def told_alike(database: sqlite3.Connection) -> ToldOtherwise | None:
    """A fill without a name that another file seems to tell of under another one: it would be counted twice.

    What both files have under one name is the same in both, so that neither is what the other one has beside it.
    """
    if database.execute(_NAMELESS).fetchone() is None:
        return None
    for (rows,) in database.execute(_ALIKE):
        files: dict[int, dict[str, _Alike]] = {}
        for line in database.execute(_LINES.format(rows=rows)):
            alike = _Alike(*line)
            files.setdefault(alike.file, {})[alike.name] = alike
        for one, other in combinations(files.values(), 2):
            for first, second in product(_without(one, other), _without(other, one)):
                if first.may_be(second):
                    return _told(*((first, second) if second.is_nameless else (second, first)))
    return None


def _without(one: Mapping[str, _Alike], other: Mapping[str, _Alike]) -> list[_Alike]:
    return [one[name] for name in one if name not in other]


def _told(first: _Alike, nameless: _Alike) -> ToldOtherwise:
    name = "a fill" if first.is_nameless else f"trade {first.name}"
    return ToldOtherwise(nameless.place, name, nameless.file, nameless.line, first.file, first.line)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
