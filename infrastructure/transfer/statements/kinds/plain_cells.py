"""Fills of a CSV file whose cells are spelled as most files spell them: read in a fraction of the time.

Whatever is in another spelling, or may be wrong, is left to `StatementRow`, which reads more and says what is wrong. So
nothing may be read here that it would refuse, or read as something else.
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
from infrastructure.transfer.statements.statement_fill import StatementFill

Text = TypeVar("Text")
Read = TypeVar("Read")

_NUMBER: Final = re.compile(r"(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?", re.ASCII)
_FEE: Final = re.compile(r"(-?(?:0|[1-9]\d{0,17})(?:\.\d{1,18})?) ?(?!E\d)([A-Z][A-Z0-9]*)?", re.ASCII)
_NAME: Final = re.compile(r"[0-9A-Za-z_/:.-]{1,60}", re.ASCII)
_TO_THE_SECOND: Final = re.compile(r"((?:\d\d)?\d\d-\d\d-\d\d[ T]\d\d:\d\d:)([0-5]\d)", re.ASCII)
_SIDES: Final = {"BUY": True, "SELL": False, "buy": True, "sell": False}
_KNOWN_MAX: Final = 20_000


class _Odd(Exception):
    """A cell that is spelled otherwise."""


class _Known(dict[Text, Read], Generic[Text, Read]):
    """What texts mean, each read once: the same few come again and again."""

    def __init__(self, read: Callable[[Text], Read]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: Text) -> Read:
        if len(self) >= _KNOWN_MAX:
            self.clear()
        self[text] = read = self._read(text)
        return read


class PlainCells:
    """The reader of one file: the column of each thing is looked for once."""

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
        """Look at a row for its columns; `time` and `key` read the texts that are met for the first time.

        `ids` names the rows of a file that has no column for that.
        """
        self._names_leg, self._ids = names_leg, ids
        self._columns: dict[str, str | None] = {}
        self._is_plain = ZONE not in first.named
        """Whether each thing has one column at most, so that it is not looked for in another where there is none."""
        for says, names in columns.items():
            there = [name for name in names if name in first.named]
            self._is_plain = self._is_plain and len(there) <= 1
            self._columns[says] = there[0] if there else None
        self._needed = [self._columns[says] for says in ("time", "symbol", "side", "price", "quantity")]
        self._is_plain = self._is_plain and None not in self._needed
        self._minutes: _Known[str, datetime] = _Known(
            lambda text: time(StatementRow(0, {self._columns["time"] or "": text}))
        )
        self._times: _Known[str, datetime] = _Known(self._time)
        self._keys: _Known[tuple[str, str], PositionKey] = _Known(lambda texts: key(_name(texts[0]), _leg(texts[1])))
        self._numbers = _Known(_number)

    def _time(self, text: str) -> datetime:
        """A time; one to the second is read by its minute, in which no clock is put forward or back."""
        match = _TO_THE_SECOND.fullmatch(text)
        if match is None:
            return self._minutes[text]
        return self._minutes[f"{match[1]}00"] + timedelta(seconds=int(match[2]))

    def fill(self, row: StatementRow) -> StatementFill | None:
        """The fill that a row says; None where more has to be looked at."""
        if not self._is_plain:
            return None
        try:
            return self._read(row)
        except (_Odd, ValueError):
            return None

    def _read(self, row: StatementRow) -> StatementFill:
        named, columns, numbers = row.named, self._columns, self._numbers
        time, symbol, side, price, quantity = [named[name] for name in self._needed if name is not None]
        fee, currency = None, None
        if columns["fee"] is not None and (cell := named[columns["fee"]]) not in NOTHING:
            match = _FEE.fullmatch(cell)
            if match is None:
                raise _Odd
            fee, currency = _number(match[1]), match[2]
        if currency is None and columns["fee_currency"] is not None:
            currency = None if (cell := named[columns["fee_currency"]]) in NOTHING else _name(cell)
        profit = None
        if columns["profit"] is not None and (cell := named[columns["profit"]]) not in NOTHING:
            profit = _number(cell)
        leg = "" if columns["leg"] is None else named[columns["leg"]]
        read = numbers[quantity], numbers[price]
        if side not in _SIDES or not (read[0] > 0 < read[1]):
            raise _Odd
        at, key = self._times[time], self._keys[symbol, leg]
        order = columns["order_id"]
        order_id = made_up(time.strip(), symbol, side) if order is None else _name(named[order])
        trade = columns["trade_id"]  # last, for a row is named once
        trade_id = self._ids.of(row, time.strip()) if trade is None else _name(named[trade])
        return StatementFill(
            line=row.line,
            time=at,
            key=key,
            buys=_SIDES[side],
            quantity=read[0],
            price=read[1],
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
        raise _Odd
    number = Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
    return number if number or not is_negative else Decimal(0)


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None or text.lower() in NOTHING:
        raise _Odd
    return text
