"""Reading a CSV file of fills: every line is a fill, or is named with what is wrong in it."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey, normalized_leg
from domain.values import Leg, exact
from infrastructure.timezones import is_ambiguous, placed, read_time
from infrastructure.transfer.statements.statement_columns import StatementKind
from infrastructure.transfer.statements.statement_fill import StatementFill, StatementRefused

_SHORT_YEAR: Final = re.compile(r"\d\d-\d\d-\d\d[ T]")
_AMOUNT: Final = re.compile(r"(?P<number>[+-]?[\d.,]+(?:[eE][+-]?\d+)?) ?(?P<currency>[A-Za-z][A-Za-z0-9]*)?", re.ASCII)
_SIDES: Final = {"buy": True, "sell": False}
_NOTHING: Final = ("", "-")
_MADE_UP: Final = "row-"


@dataclass(frozen=True)
class Whose:
    """What a file does not say itself."""

    exchange: str
    account: str | None
    zone: tzinfo | None


def read_fills(lines: Iterable[str], kind: StatementKind, whose: Whose) -> list[StatementFill]:
    """All fills of a file, in the order in which they happened.

    Refuses: StatementRefused, naming the line and the value.
    """
    rows = csv.reader(lines, strict=True)
    try:
        header = next(rows, [])
        if missing := kind.missing(header):
            raise StatementRefused.at(
                1, f"{kind.name} needs the columns {', '.join(missing)}; this file has {', '.join(header) or 'nothing'}"
            )
        fills = list(_Reader(kind, whose, header).fills(rows))
    except UnicodeDecodeError as wrong:
        raise StatementRefused.at(rows.line_num + 1, f"is no text in UTF-8: {wrong.reason}") from None
    except csv.Error as wrong:
        raise StatementRefused.at(rows.line_num, f"is no CSV: {wrong}") from None
    if fills and fills[0].time > fills[-1].time:
        fills.reverse()  # exports begin with what is newest
    return sorted(fills, key=lambda fill: fill.order_of_happening)


class _Reader:
    """One file of one kind."""

    def __init__(self, kind: StatementKind, whose: Whose, header: Sequence[str]) -> None:
        self._whose, self._header = whose, header
        self._places = kind.found(header)
        said = header[self._places["time"]].lower()
        self._zone = UTC if "utc" in said else whose.zone
        self._keys: dict[tuple[str, str], PositionKey] = {}
        self._alike: Counter[str] = Counter()

    def fills(self, rows: Iterator[list[str]]) -> Iterator[StatementFill]:
        for line, row in enumerate(rows, start=2):
            if not row:
                continue
            if len(row) != len(self._header):
                raise StatementRefused.at(line, f"has {len(row)} columns; the first line has {len(self._header)}")
            try:
                yield self._fill(line, row)
            except ValueError as wrong:
                raise StatementRefused.at(line, str(wrong)) from None

    def _fill(self, line: int, row: list[str]) -> StatementFill:
        said = {says: row[place].strip() for says, place in self._places.items()}
        fee, currency = _amount("fee", said.get("fee", ""))
        trade_id, order_id = said.get("trade_id") or self._made_up(row), said.get("order_id", "")
        quantity, price = (_needed(name, said[name]) for name in ("quantity", "price"))
        return StatementFill(
            line=line,
            time=self._time(said["time"]),
            key=self._key(said["symbol"], said.get("leg", "")),
            buys=_side(said["side"]),
            quantity=quantity,
            price=price,
            fee=fee,
            fee_currency=currency or said.get("fee_currency") or None,
            profit=_amount("profit", said.get("profit", ""))[0],
            trade_id=trade_id,
            order_id=order_id or _digest(said["time"], said["symbol"], said["side"]),
        )

    def _made_up(self, row: list[str]) -> str:
        """An id that the same line has in every file; the second of several equal lines has another."""
        name = _digest(*(cell.strip() for cell in row))
        self._alike[name] += 1
        return name if self._alike[name] == 1 else f"{name}-{self._alike[name]}"

    def _time(self, text: str) -> datetime:
        time = read_time(f"20{text}" if _SHORT_YEAR.match(text) else text)
        if time is None:
            raise ValueError(f"time {text!r:.60} is no time like 2025-10-22 18:50:40")
        if time.tzinfo is not None:
            return time
        if self._zone is None:
            raise ValueError(f"time {text!r} names no zone; say with --timezone which the file was made in")
        if is_ambiguous(time, self._zone):
            raise ValueError(f"time {text!r} was on the clock twice, or never, in {self._zone}; export the file in UTC")
        utc = placed(time, self._zone)
        if utc is None:
            raise ValueError(f"time {text!r} is beyond the calendar")
        return utc

    def _key(self, symbol: str, leg: str) -> PositionKey:
        key = self._keys.get((symbol, leg))
        if key is None:
            found = normalized_leg(leg) if leg else Leg.BOTH
            key = PositionKey.of(symbol, self._whose.exchange, self._whose.account, found)
            self._keys[symbol, leg] = key
        return key


def _side(text: str) -> bool:
    if text.lower() not in _SIDES:
        raise ValueError(f"side {text!r:.60} is neither BUY nor SELL")
    return _SIDES[text.lower()]


def _needed(name: str, text: str) -> Decimal:
    number, _ = _amount(name, text)
    if number is None or number <= 0:
        raise ValueError(f"{name} {text!r:.60} is not above zero")
    return number


def _amount(name: str, text: str) -> tuple[Decimal | None, str | None]:
    """A number, and the currency that stands behind it in the same cell."""
    if text in _NOTHING:
        return None, None
    match = _AMOUNT.fullmatch(text)
    if match is None or (match["currency"] and name != "fee"):
        raise ValueError(f"{name} {text!r:.60} is no number")
    try:
        return exact(match["number"]), match["currency"]
    except ValueError as wrong:
        raise ValueError(f"{name} {text!r:.60} {wrong}") from None


def _digest(*parts: str) -> str:
    return _MADE_UP + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]
