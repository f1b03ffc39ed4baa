"""Facts that are told again under one name: the same is taken once, and what is told otherwise is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
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
_SAY: Final = "UPDATE {table} SET ({names}) = ({values}) WHERE rowid = ?"
_NUMBERS: Final = frozenset({"quantity", "price", "fee", "profit", "closes", "held", "amount"})
_MAY_BE_UNSAID: Final = frozenset({"fee", "fee_currency", "profit", "closes", "held", "reason", "currency", "trade_id"})
_SAID_ONCE: Final = frozenset({"names_leg", "is_last", "on_margin"})
"""What is so where one file says it."""
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
    """A fact of which another line says something else; `why` is what, where that is not all that is asked."""

    place: int
    name: Any
    file: int
    line: int
    first_file: int
    first_line: int
    why: str = ""


def take_once(
    database: sqlite3.Connection, table: str, columns: str, identity: str
) -> tuple[int, ToldOtherwise | None]:
    """Forget what is told again, and count it, until something is told otherwise; the first column is the line.

    Of two that are the same, one is kept with what either says: a file seldom says everything, and one of a website
    says times to the second. It is the one that says what was held, or else the later one.
    """
    names, count = columns.split(", "), 0
    alike = [names.index(name) + 3 for name in identity.split(", ")]
    say = _SAY.format(table=table, names=", ".join(names[1:]), values=", ".join("?" * len(names[1:])))
    found = walked(database, _TWICE.format(table=table, columns=columns, identity=identity))
    for _, rows in groupby(found, lambda row: (row[1], *(row[place] for place in alike))):
        first, *others = rows
        for other in others:
            one, two = (dict(zip(names[1:], row[4:], strict=True)) for row in (first, other))
            if (why := _apart(one, two)) is not None:
                return count, ToldOtherwise(first[1], first[alike[-1]], other[2], other[3], first[2], first[3], why)
            is_later = (two.get("held") is not None, two["time"]) > (one.get("held") is not None, one["time"])
            less, kept = (first, other) if is_later else (other, first)
            both = _both(one, two)
            database.execute(say, (*both.values(), kept[0]))
            database.execute(_FORGET.format(table=table), (less[0],))
            first, count = (*kept[:4], *both.values()), count + 1
    return count, None


def _apart(one: Row, other: Row) -> str | None:
    """What two lines say otherwise of the same fact, in words; None where they can be of the same.

    One may be to the second or without its leg, as exports of websites are, and leave unsaid what the other says.
    """
    for name in one:
        said, says = one[name], other[name]
        if said == says or name in _SAID_ONCE or (name in _MAY_BE_UNSAID and None in (said, says)):
            continue
        if name in _NUMBERS and None not in (said, says) and Decimal(said) == Decimal(says):
            continue
        if (name == "time" and _is_of_one_second(said, says)) or (name == "order_id" and _named(said, says)):
            continue
        return f", with the {name.replace('_', ' ')} {said}, and here it has {says}"
    return None


def _both(one: Row, other: Row) -> dict[str, Any]:
    """What both lines say together."""
    both = {name: said if said is not None else other[name] for name, said in one.items()}
    both |= {name: max(one[name], other[name]) for name in _SAID_ONCE | {"time"} if name in one}
    if "order_id" in one:
        both["order_id"] = _named(one["order_id"], other["order_id"]) or one["order_id"]
    return both


def _is_of_one_second(one: str, other: str) -> bool:
    times = datetime.fromisoformat(one), datetime.fromisoformat(other)
    return abs(times[0] - times[1]) < _SECOND and any(time.microsecond == 0 for time in times)


def _named(one: str, other: str) -> str | None:
    """Of two names the one that is not made up; None where neither is, and it is not known which is right."""
    names = [name for name in (one, other) if not name.startswith(MADE_UP)] or [one]
    return names[0] if len(names) == 1 else None


def told_alike(database: sqlite3.Connection) -> ToldOtherwise | None:
    """A fill without a name that another file seems to tell of under its name: it would be counted twice."""
    found = database.execute(_ALIKE).fetchone() if database.execute(_MIXED).fetchone()[0] else None
    if found is None:
        return None
    place, made_up, named = found
    (_, *where), (name, *first) = (database.execute(_LINE, (rowid,)).fetchone() for rowid in (made_up, named))
    return ToldOtherwise(place, name, *where, *first)
