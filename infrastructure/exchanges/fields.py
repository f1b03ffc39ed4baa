"""The fields of one entry of a snapshot: each value is found under any of its names, ccxt's or the exchange's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import eq
from typing import Any, Final, Self, TypeVar

from domain.values import EXACT, Leg, Side
from infrastructure.amounts import read_amount
from infrastructure.timezones import read_time
from projections.reconciliation.matching import PRICE_TOLERANCE

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SINCE_EPOCH = re.compile(r"\d{1,18}(\.\d{1,9})?", re.ASCII)
_MILLISECONDS_MIN: Final = 10**11
"""A smaller number is in seconds: in milliseconds it would be before 1974."""
_YES: Final = {"true", "1", "yes"}
_NESTED: Final = ("position", "order", "initial", "put", "trigger", "descr")
"""The fields in which exchanges nest the position or order itself: Hyperliquid, Gate, Kraken."""
_LEGS: Final = {"long": Leg.LONG, "short": Leg.SHORT, "both": Leg.BOTH}
_LEG_OF_INDEX: Final = {"1": Leg.LONG, "2": Leg.SHORT}
_ONE_WAY: Final = {"one_way_mode", "single", "one_way", "oneway", "net_mode"}
"""The modes of accounts with one position for each symbol: a position side beside them is no leg."""
_LEG_NAMES: Final = ("positionSide", "position_side", "posSide")
_SPOT: Final = {"spot", "margin"}

T = TypeVar("T")


class ReportFields:
    """The fields of a position or an order; the exchange's own answer is under `info`, if it is included."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        """Search a JSON object, its `info`, and the objects that are nested in either."""
        self._named = {"": fields, **_objects("", fields, ("info",))}
        for prefix, place in list(self._named.items()):
            self._named |= _objects(prefix, place, _NESTED)
        self._places = list(self._named.values())

    @classmethod
    def of(cls, value: object) -> Self:
        """The fields of a JSON object. Refuses: ValueError for anything else."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{value!r:.60} is not an object")
        return cls(value)

    def find(self, *names: str) -> Any:
        """The first value under any of the names, `info` being searched last; None and empty texts do not count."""
        for place in self._places:
            for name in names:
                if place.get(name) not in (None, ""):
                    return place[name]
        return None

    def said(self, *names: str) -> dict[str, str]:
        """Every value under any of the names, by its place: `side`, `info.side`."""
        found = {}
        for prefix, place in self._named.items():
            for name in names:
                if place.get(name) not in (None, ""):
                    found[prefix + name] = _text(prefix + name, place[name])
        return found

    def text(self, *names: str) -> str | None:
        """The first value as text; a number as it is written."""
        value = self.find(*names)
        return None if value is None else _text(names[0], value)

    def words(self, *names: str) -> set[str]:
        """Every value under any of the names as text, in lower case."""
        found = (str(place.get(name) or "") for place in self._places for name in names)
        return {word.strip().lower() for word in found} - {""}

    def word(self, *names: str) -> str:
        """The first value as text in lower case; empty if there is none."""
        return (self.text(*names) or "").lower()

    def number(self, *names: str) -> Decimal | None:
        """The first value as an exact number; None if missing or an object. Refuses: ValueError for no number."""
        value = self.find(*names)
        if value is None or isinstance(value, Mapping):
            return None
        return _number(names[0], _text(names[0], value))

    def numbers(self, *names: str) -> dict[str, Decimal]:
        """Every number under any of the names, by its place. Refuses: ValueError for a value that is no number."""
        return {name: _number(name, text) for name, text in self.said(*names).items()}

    def above_zero(self, *names: str) -> Decimal | None:
        """The first number above zero under any of the names: exchanges write 0 where there is no price or quantity."""
        for name in names:
            number = self.number(name)
            if number is not None and number > 0:
                return number
        return None

    def flag(self, *names: str) -> bool:
        """Whether one of the names has a yes, as a boolean or as a word."""
        return any(str(self.find(name)).lower() in _YES for name in names)

    def moment(self, *names: str) -> datetime | None:
        """The first value as a time in UTC; None if there is none, or without a zone."""
        text = self.text(*names)
        time = None if text is None else read_moment(text)
        return time if time is not None and time.tzinfo is not None else None

    def leg(self, side: Side | None) -> Leg:
        """The leg of a hedge-mode account; BOTH in one-way mode, or when the fields do not say.

        Refuses: ValueError when the fields name both legs.
        """
        if self.words("instType", "category", "marketType") & _SPOT:
            return Leg.SPOT
        modes = self.words("mode", "posMode", "holdMode", "positionMode", "position_mode")
        words = self.said(*(_LEG_NAMES[:2] if modes & _ONE_WAY else _LEG_NAMES))
        legs = {name: _LEGS[word.lower()] for name, word in words.items() if word.lower() in _LEGS}
        legs |= {mode: _LEGS[mode.removeprefix("dual_")] for mode in modes & {"dual_long", "dual_short"}}
        numbers = self.said("positionIdx")
        legs |= {name: _LEG_OF_INDEX.get(index, Leg.BOTH) for name, index in numbers.items()}
        leg = one_of(legs)
        if leg is None and side is not None and self.flag("hedged"):
            return Leg[side.name]
        return leg or Leg.BOTH


def one_of(said: Mapping[str, T], is_same: Callable[[T, T], bool] = eq) -> T | None:
    """The value in all fields; None when there are none. Refuses: ValueError when two of them differ."""
    (first, value), *others = said.items() or [("", None)]
    for name, other in others:
        if not is_same(value, other):  # type: ignore[arg-type] # with others there is a first one
            raise ValueError(f"it contradicts itself: {first} is {value}, and {name} is {other}")
    return value


def is_about(one: Decimal, other: Decimal) -> bool:
    """Whether two prices or quantities are the same but for rounding."""
    return (one - other).copy_abs() <= EXACT.multiply(one.copy_abs(), PRICE_TOLERANCE)


def _objects(prefix: str, place: Mapping[str, Any], names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The objects under some names of another, by their prefixes."""
    there = ((name, place[name]) for name in names if name in place)
    return {f"{prefix}{name}.": value for name, value in there if isinstance(value, Mapping)}


def _text(name: str, value: object) -> str:
    if isinstance(value, Mapping | list | bool):
        raise ValueError(f"{name} is {value!r:.60}, not text")
    return str(value).strip()


def _number(name: str, text: str) -> Decimal:
    number = read_amount(text).number
    if number is None:
        raise ValueError(f"{name} is {text[:40]!r}, which is not a finite number")
    if not number and Decimal(text):
        raise ValueError(f"{name} is {text[:40]!r}, which is too little to be kept, and not nothing")
    return number


def read_moment(text: str) -> datetime | None:
    """Read seconds or milliseconds since 1970, or a written time: naive if it names no zone, None if it is no time."""
    if not _SINCE_EPOCH.fullmatch(text):
        return read_time(text)
    since = Decimal(text)
    try:
        return _EPOCH + timedelta(microseconds=int(since * (1000 if since >= _MILLISECONDS_MIN else 1_000_000)))
    except OverflowError:
        return None
