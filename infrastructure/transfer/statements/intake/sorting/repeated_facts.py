"""Facts that stand more than once under one name: the same is taken once, and what differs is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
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
_SAY: Final = "UPDATE {table} SET ({names}) = ({values}) WHERE rowid = ?"
_NUMBERS: Final = frozenset({"quantity", "price", "fee", "profit", "closes", "held", "amount"})
_MAY_BE_UNSAID: Final = frozenset({"fee", "fee_currency", "profit", "closes", "held", "reason", "currency", "trade_id"})
_SAID_ONCE: Final = frozenset({"names_leg", "is_last", "on_margin", "meant_to_close"})
"""What is so where one file says it."""
_SECOND: Final = timedelta(seconds=1)
_APART_MAX: Final = timedelta(milliseconds=10)
"""By how much times differ that two answers of an exchange have of a trade: Deribit's log is a millisecond later."""
_IS_MADE_UP: Final = f"trade_id GLOB '{MADE_UP}*'"
_IS_NUMBERED: Final = "(trade_id = order_id AND trade_id NOT GLOB '*[^0-9]*')"
_NAMELESS: Final = f"SELECT 1 FROM fills WHERE {_IS_MADE_UP} OR {_IS_NUMBERED} LIMIT 1"
_ALIKE: Final = f"""
SELECT group_concat(rowid) FROM fills GROUP BY place, buys, substr(time, 1, 19), CAST(price AS REAL)
HAVING min(file) < max(file) AND min(trade_id) < max(trade_id) AND max({_IS_MADE_UP} OR {_IS_NUMBERED})
"""
"""Fills of one second, side and price in several files that have several names, of which one was made up."""
_SUMMED: Final = f"""
SELECT group_concat(rowid) FROM fills WHERE sums_up AND {_IS_MADE_UP} GROUP BY place, buys, substr(time, 1, 19)
HAVING min(file) < max(file) AND min(trade_id) < max(trade_id)
"""
"""The same of fills that sum up what was traded in a second, of which two files that are cut there have not the same.

A program gives sums of its own other names."""
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


class FactConflict(NamedTuple):
    """A fact of which another line says something else; `why` says what, where that is known."""

    place: int
    name: Any
    file: int
    line: int
    first_file: int
    first_line: int
    why: str = ""


def take_once(database: sqlite3.Connection, table: str, columns: str, identity: str) -> tuple[int, FactConflict | None]:
    """Delete repetitions, and count them, until two lines differ; the first column is the line.

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
            if (whole := _whole_order(one, two)) is not None:
                less, kept, both = (first, other, two) if whole is two else (other, first, one)
            elif (why := _apart(one, two)) is not None:
                return count, FactConflict(first[1], first[alike[-1]], other[2], other[3], first[2], first[3], why)
            else:
                is_later = (two.get("held") is not None, two["time"]) > (one.get("held") is not None, one["time"])
                less, kept = (first, other) if is_later else (other, first)
                both = _both(one, two)
            database.execute(say, (*both.values(), kept[0]))
            database.execute(_FORGET.format(table=table), (less[0],))
            first, count = (*kept[:4], *both.values()), count + 1
    return count, None


def _apart(one: Row, other: Row) -> str | None:
    """What two lines say otherwise of the same fact, in words; None where they can be of the same.

    One may be to the second or without its leg, as exports of websites are, some milliseconds later, and leave unsaid
    what the other says.
    """
    for name in one:
        said, says = one[name], other[name]
        if said == says or name in _SAID_ONCE or (name in _MAY_BE_UNSAID and None in (said, says)):
            continue
        if name in _NUMBERS and None not in (said, says) and Decimal(said) == Decimal(says):
            continue
        if (name == "time" and _is_of_one_moment(said, says)) or (name == "order_id" and _named(said, says)):
            continue
        return f", with the {name.replace('_', ' ')} {said}, and here it has {says}"
    return None


def _whole_order(one: Row, other: Row) -> Row | None:
    """Of two lines that sum up an order the one that says more of it, for it was open in the other one's time."""
    orders = {row.get("order_id") for row in (one, other)}
    if len(orders) > 1 or any(row.get("trade_id") != f"order-{row.get('order_id')}" for row in (one, other)):
        return None
    less, more = sorted((one, other), key=lambda row: Decimal(row["quantity"]))
    return more if Decimal(less["quantity"]) < Decimal(more["quantity"]) and less["time"] <= more["time"] else None


def _both(one: Row, other: Row) -> dict[str, Any]:
    """What both lines say together."""
    both = {name: said if said is not None else other[name] for name, said in one.items()}
    both |= {name: max(one[name], other[name]) for name in _SAID_ONCE | {"time"} if name in one}
    if "order_id" in one:
        both["order_id"] = _named(one["order_id"], other["order_id"]) or one["order_id"]
    return both


def _is_of_one_moment(one: str, other: str) -> bool:
    times = datetime.fromisoformat(one), datetime.fromisoformat(other)
    apart = abs(times[0] - times[1])
    return apart <= _APART_MAX or (apart < _SECOND and any(time.microsecond == 0 for time in times))


def _named(one: str, other: str) -> str | None:
    """Of two names the one that is not made up; None where neither is, and it is not known which is right."""
    names = [name for name in (one, other) if not name.startswith(MADE_UP)] or [one]
    return names[0] if len(names) == 1 else None


def same_under_other_name(database: sqlite3.Connection) -> FactConflict | None:
    """A fill without a name that another file seems to tell of under another one: it would be counted twice.

    What both files have under one name is the same in both, so that neither is what the other one has beside it.
    """
    if database.execute(_NAMELESS).fetchone() is None:
        return None
    for first, second in _told_apart(database, _ALIKE):
        if first.may_be(second):
            return _conflict(*((first, second) if second.is_nameless else (second, first)))
    for first, second in _told_apart(database, _SUMMED):
        return _conflict(first, second)._replace(
            why="; what was traded in that second is not the same in both files, so that one may be cut there: export "
            "all of it as one file"
        )
    return None


def _told_apart(database: sqlite3.Connection, question: str) -> Iterator[tuple[_Alike, _Alike]]:
    """Two fills of a group, each of which stands in a file that lacks the other one."""
    for (rows,) in database.execute(question):
        files: dict[int, dict[str, _Alike]] = {}
        for line in database.execute(_LINES.format(rows=rows)):
            alike = _Alike(*line)
            files.setdefault(alike.file, {})[alike.name] = alike
        for one, other in combinations(files.values(), 2):
            yield from product(_without(one, other), _without(other, one))


def _without(one: Mapping[str, _Alike], other: Mapping[str, _Alike]) -> list[_Alike]:
    return [one[name] for name in one if name not in other]


def _conflict(first: _Alike, nameless: _Alike) -> FactConflict:
    name = "a fill" if first.is_nameless else f"trade {first.name}"
    return FactConflict(nameless.place, name, nameless.file, nameless.line, first.file, first.line)
