"""Facts that are told again under one name: the same is taken once, and what is told otherwise is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
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
_MIXED: Final = f"SELECT max({_IS_MADE_UP}) > min({_IS_MADE_UP}) FROM fills"
_ALIKE: Final = f"""
SELECT place, max(CASE WHEN {_IS_MADE_UP} THEN rowid END), max(CASE WHEN NOT {_IS_MADE_UP} THEN rowid END) FROM fills
GROUP BY place, buys, substr(time, 1, 19), CAST(quantity AS REAL), CAST(price AS REAL)
HAVING max({_IS_MADE_UP}) > min({_IS_MADE_UP}) AND min(file) < max(file) LIMIT 1
"""
"""Fills of one second, side, size and price, of which one file has the name, and another made one up."""
_LINE: Final = "SELECT trade_id, file, line FROM fills WHERE rowid = ?"

Row = Mapping[str, Any]
"""What one line says, by its columns."""


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
    """A fill without a name that another file seems to tell of under its name: it would be counted twice."""
    found = database.execute(_ALIKE).fetchone() if database.execute(_MIXED).fetchone()[0] else None
    if found is None:
        return None
    place, made_up, named = found
    (_, *where), (name, *first) = (database.execute(_LINE, (rowid,)).fetchone() for rowid in (made_up, named))
    return ToldOtherwise(place, name, *where, *first)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
