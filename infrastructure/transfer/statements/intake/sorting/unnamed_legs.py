"""Legs that a file does not name: where fills cannot be netted, they are of two, if what they say agrees with that.

A fill opens or closes by what the file says that it closed, or that it earned something. All this is only judged, with
room for rounding, and nothing of it is recorded: so floats will do, for there may be millions of fills.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from domain.identifiers import PositionKey
from domain.instrument import Instrument
from domain.values import Leg
from infrastructure.transfer.statements.intake.closings import HeldBefore

_UNTOLD: Final = "SELECT DISTINCT place FROM fills NOT INDEXED WHERE NOT names_leg"
"""Along the table: by an index of places SQLite would look up every fill of a file in the order of its keys."""
_FILLS: Final = """
SELECT buys, CAST(quantity AS REAL), CAST(price AS REAL), CAST(profit AS REAL), CAST(closes AS REAL)
FROM fills JOIN files USING (file) WHERE place = ? ORDER BY time, number, turn, line * direction, fills.rowid
"""
_PART: Final = """
UPDATE fills SET place = CASE WHEN buys = (CAST(coalesce(closes, profit) AS REAL) = 0) THEN ? ELSE ? END WHERE place = ?
    AND NOT names_leg
"""
_MOVE: Final = """
UPDATE {table} SET place = ? WHERE place = ? AND trade_id IN (SELECT trade_id FROM fills WHERE place = ?)
"""
_MOVE_FILLS: Final = """
UPDATE fills SET place = ? WHERE place = ? AND NOT names_leg AND (trade_id, buys) IN
    (SELECT trade_id, buys FROM fills WHERE place = ?)
"""
_IS_TOLD: Final = "SELECT 1 FROM fills WHERE place = ? AND names_leg LIMIT 1"
_DOUBT: Final = 1e-4
"""The share of what a fill is worth by which its profit may differ from what the prices say."""
_ROUNDED: Final = 1e-8
"""What files round profits to."""
_NOTHING: Final = 1e-9
"""The share of a quantity that is left over from arithmetic."""


class _Terms(NamedTuple):
    """What a contract is, as far as profits depend on it."""

    size: float
    is_inverse: bool

    def worth(self, quantity: float, price: float) -> float:
        units = quantity * self.size
        return units / price if self.is_inverse else units * price

    def gain(self, opened_for: float, closed_for: float, *, is_long: bool) -> float:
        return (closed_for - opened_for) * (1 if is_long is not self.is_inverse else -1)


class _Fill(NamedTuple):
    buys: int
    quantity: float
    price: float
    profit: float | None
    closes: float | None

    @property
    def is_closing(self) -> bool:
        return bool(self.profit if self.closes is None else self.closes)

    def earned(self, expected: float, terms: _Terms) -> bool:
        """Whether the profit that it says, if any, is the expected one."""
        doubt = _DOUBT * terms.worth(self.quantity, self.price) + _ROUNDED
        return self.profit is None or abs(self.profit - expected) <= doubt


@dataclass
class _Holding:
    terms: _Terms
    is_long: bool
    quantity: float = 0.0
    worth: float = 0.0
    was_held: bool = False
    is_all: bool = False
    """Whether nothing was held before the file, by what was earned."""

    @classmethod
    def of(cls, before: HeldBefore, terms: _Terms) -> Self:
        """What was held before the first fill."""
        held = cls(terms, is_long=before.is_long)
        held.open(float(before.quantity), float(before.price))
        return held

    @property
    def may_be_more(self) -> bool:
        """Whether it may have been held before the file, so that nothing is known of what closes it."""
        return not self.quantity and not self.was_held

    def open(self, quantity: float, price: float) -> None:
        self.was_held = True
        self.quantity, self.worth = self.quantity + quantity, self.worth + self.terms.worth(quantity, price)

    def explains(self, fill: _Fill) -> bool:
        """Whether a fill closed of this what it says, and earned that."""
        if not 0 < fill.quantity <= self.quantity * (1 + _NOTHING):
            return False
        return fill.earned(self._gain(fill.quantity, fill.price), self.terms)

    def is_held_beside(self, fill: _Fill) -> bool:
        """Whether a fill of the other side cannot have closed something of this."""
        if not self.quantity:
            return False
        if fill.is_closing or fill.closes is not None:
            return True
        return not fill._replace(profit=0.0).earned(self._gain(fill.quantity, fill.price), self.terms)

    def close(self, quantity: float, price: float) -> float:
        """What that earns."""
        earned, cost, left = self._gain(quantity, price), self._cost(quantity), self.quantity - quantity
        self.quantity, self.worth = (left, self.worth - cost) if left > _NOTHING * quantity else (0.0, 0.0)
        return earned

    def _cost(self, quantity: float) -> float:
        return self.worth * quantity / self.quantity

    def _gain(self, quantity: float, price: float) -> float:
        """What closing so much of it would earn."""
        return self.terms.gain(self._cost(quantity), self.terms.worth(quantity, price), is_long=self.is_long)


def move_fills_to_legs(database: sqlite3.Connection, places: Mapping[PositionKey | None, int]) -> None:
    """Let fills, of which a file names no leg, be of the leg that another file has them on."""
    for key, place in places.items():
        if key is not None and key.leg is Leg.BOTH:
            for there in [places[each] for leg in (Leg.LONG, Leg.SHORT) if (each := key.on(leg)) in places]:
                database.execute(_MOVE_FILLS, (there, place, there))


def move_to_legs(database: sqlite3.Connection, places: Mapping[PositionKey | None, int]) -> None:
    """Let payments and profits of a trade, of which a file names no leg, be of the leg that another has it on."""
    for key, place in places.items():
        if key is None or key.leg is not Leg.BOTH:
            continue
        for there in [places[each] for leg in (Leg.LONG, Leg.SHORT) if (each := key.on(leg)) in places]:
            for table in ("cash", "profits"):
                database.execute(_MOVE.format(table=table), (there, place, there))


def places_without_legs(database: sqlite3.Connection) -> list[int]:
    """The places of keys of whose fills a file does not name the leg."""
    return [place for (place,) in database.execute(_UNTOLD)]


def are_of_two_legs(
    database: sqlite3.Connection, place: int, instrument: Instrument, before: Callable[[], HeldBefore | None]
) -> bool:
    """Whether the fills of a key contradict each other as those of one position, and not as those of two.

    They may be of one that was held `before` them. Where a file says of one of them that it is of no leg, all of them
    are of none.
    """
    if database.execute(_IS_TOLD, (place,)).fetchone() is not None:
        return False
    terms = _Terms(float(instrument.contract_size), instrument.inverse)
    flat = _Holding(terms, is_long=True)
    if _can_be_netted(_fills(database, place), flat) or not _can_be_parted(_fills(database, place), terms):
        return False
    held = before()
    return held is None or not _can_be_netted(_fills(database, place), _Holding.of(held, terms))


def part(database: sqlite3.Connection, place: int, long: int, short: int) -> None:
    """Let the fills of a key be those of its legs: what buys opens the long one, or closes the short one."""
    database.execute(_PART, (long, short, place))


def _fills(database: sqlite3.Connection, place: int) -> Iterator[_Fill]:
    return map(_Fill._make, database.execute(_FILLS, (place,)))


def _can_be_netted(fills: Iterator[_Fill], held: _Holding) -> bool:
    terms = held.terms
    for fill in fills:
        if not held.quantity:
            if fill.is_closing:
                if not held.may_be_more:
                    return False
                if not fill.closes or fill.closes == fill.quantity:
                    continue
            held = _Holding(terms, is_long=bool(fill.buys))
            held.open(fill.quantity - (fill.closes or 0), fill.price)
            continue
        closes = min(fill.quantity, held.quantity) if fill.buys != held.is_long else 0.0
        if fill.closes is not None:
            if 0 < fill.closes < fill.quantity:
                return True  # a fill of one leg does not turn over
            if bool(fill.closes) is not bool(closes):
                return False
        if not fill.earned(held.close(closes, fill.price) if closes else 0.0, terms):
            return False
        if not closes:
            held.open(fill.quantity, fill.price)
        elif closes < fill.quantity:
            held = _Holding(terms, is_long=bool(fill.buys))
            held.open(fill.quantity - closes, fill.price)
    return True


def _can_be_parted(fills: Iterator[_Fill], terms: _Terms) -> bool:
    """Whether all of them agree with two legs, and one of them with nothing else.

    A leg may have been held before, so that nothing contradicts it until a profit follows from its fills alone.
    """
    legs, are_held = {is_long: _Holding(terms, is_long=is_long) for is_long in (True, False)}, False
    for fill in fills:
        leg = legs[bool(fill.buys) is not fill.is_closing]
        are_held = are_held or legs[not leg.is_long].is_held_beside(fill)
        if not fill.is_closing:
            leg.open(fill.quantity, fill.price)
        elif leg.explains(fill):
            leg.close(fill.quantity, fill.price)
            leg.is_all = leg.is_all or fill.profit is not None
        elif leg.is_all or (fill.profit is None and leg.was_held):
            return False
        else:
            leg.quantity, leg.worth = 0.0, 0.0  # what is left of it is not known
    return are_held
