"""A fast reader of fills for CSV files whose cells are written in the usual way.

A row with a cell in another spelling, or with one that may be wrong, is left to `StatementRow`, which reads more
spellings and explains errors. So this reader must not accept a cell that `StatementRow` refuses or reads differently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Generic, TypeVar

from domain.identifiers import PositionKey, normalized_leg
from domain.values import Leg
from infrastructure.transfer.statements.sources.statement_row import NOTHING, ZONE, RowIds, StatementRow, made_up
from infrastructure.transfer.statements.statement_facts import StatementFill

Text = TypeVar("Text")
Parsed = TypeVar("Parsed")

_NUMBER: Final = re.compile(r"(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?", re.ASCII)
_FEE: Final = re.compile(r"(-?(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?) ?(?!E\d)([A-Z][A-Z0-9]*)?", re.ASCII)
_NAME: Final = re.compile(r"[0-9A-Za-z_/:.-]{1,60}", re.ASCII)
_TO_THE_SECOND: Final = re.compile(r"((?:\d\d)?\d\d-\d\d-\d\d[ T]\d\d:\d\d:)([0-5]\d)", re.ASCII)
_SIDES: Final = {"BUY": True, "SELL": False, "buy": True, "sell": False}
_CACHED_MAX: Final = 20_000


class _OtherSpelling(Exception):
    """A cell is not written in the usual way."""


class _Cache(dict[Text, Parsed], Generic[Text, Parsed]):
    """Parsed texts: the same few occur again and again in a file."""

    def __init__(self, parse: Callable[[Text], Parsed]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, text: Text) -> Parsed:
        if len(self) >= _CACHED_MAX:
            self.clear()
        self[text] = parsed = self._parse(text)
        return parsed


class PlainCells:
    """The reader of one file: the column of each field is looked up once."""

    def __init__(
        self,
        columns: Mapping[str, Sequence[str]],
        first: StatementRow,
        time: Callable[[StatementRow], datetime],
        key: Callable[[str, Leg], PositionKey],
        ids: RowIds,
        *,
        names_leg: bool,
    ) -> None:
        """Take the columns from the `first` row; `time` and `key` parse texts that are not in the cache.

        `ids` makes trade ids for a file that has no column for them.
        """
        self._names_leg, self._ids = names_leg, ids
        self._columns: dict[str, str | None] = {}
        self._is_plain = ZONE not in first.named
        """Whether each field has at most one column: with two, an empty cell would need a look at the other."""
        for field, names in columns.items():
            there = [name for name in names if name in first.named]
            self._is_plain = self._is_plain and len(there) <= 1
            self._columns[field] = there[0] if there else None
        self._needed = [self._columns[field] for field in ("time", "symbol", "side", "price", "quantity")]
        self._is_plain = self._is_plain and None not in self._needed
        self._minutes: _Cache[str, datetime] = _Cache(
            lambda text: time(StatementRow(0, {self._columns["time"] or "": text}))
        )
        self._times: _Cache[str, datetime] = _Cache(self._time)
        self._keys: _Cache[tuple[str, str], PositionKey] = _Cache(lambda texts: key(_name(texts[0]), _leg(texts[1])))
        self._numbers = _Cache(_number)

    def _time(self, text: str) -> datetime:
        """A time; the minute is parsed and the seconds are added, because no clock changes within a minute."""
        match = _TO_THE_SECOND.fullmatch(text)
        if match is None:
            return self._minutes[text]
        return self._minutes[f"{match[1]}00"] + timedelta(seconds=int(match[2]))

    def fill(self, row: StatementRow) -> StatementFill | None:
        """The fill of a row; None where `StatementRow` has to read the row."""
        if not self._is_plain:
            return None
        try:
            return self._read(row)
        except (_OtherSpelling, ValueError):
            return None

    def _read(self, row: StatementRow) -> StatementFill:
        named, columns, numbers = row.named, self._columns, self._numbers
        time, symbol, side, price, quantity = [named[name] for name in self._needed if name is not None]
        fee, currency = None, None
        if columns["fee"] is not None and (cell := named[columns["fee"]]) not in NOTHING:
            match = _FEE.fullmatch(cell)
            if match is None:
                raise _OtherSpelling
            fee, currency = _number(match[1]), match[2]
        if currency is None and columns["fee_currency"] is not None:
            currency = None if (cell := named[columns["fee_currency"]]) in NOTHING else _name(cell)
        profit = None
        if columns["profit"] is not None and (cell := named[columns["profit"]]) not in NOTHING:
            profit = _number(cell)
        leg = "" if columns["leg"] is None else named[columns["leg"]]
        amounts = numbers[quantity], numbers[price]
        if side not in _SIDES or not (amounts[0] > 0 < amounts[1]):
            raise _OtherSpelling
        at, key = self._times[time], self._keys[symbol, leg]
        order = columns["order_id"]
        order_id = made_up(time.strip(), symbol, side) if order is None else _name(named[order])
        trade = columns["trade_id"]  # last, because `of` counts the row, and must not count one that is read again
        trade_id = self._ids.of(row, time.strip()) if trade is None else _name(named[trade])
        return StatementFill(
            line=row.line,
            time=at,
            key=key,
            buys=_SIDES[side],
            quantity=amounts[0],
            price=amounts[1],
            fee=fee,
            fee_currency=currency,
            profit=profit,
            trade_id=trade_id,
            order_id=order_id,
            names_leg=self._names_leg,
        )


def _leg(text: str) -> Leg:
    return Leg.BOTH if text in NOTHING else normalized_leg(_name(text))


def _number(text: str) -> Decimal:
    is_negative = text.startswith("-")
    if _NUMBER.fullmatch(text, is_negative) is None:
        raise _OtherSpelling
    number = Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
    return number if number or not is_negative else Decimal(0)


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None or text.lower() in NOTHING:
        raise _OtherSpelling
    return text
