"""The objects of a JSON file, one by one: of JSON Lines, of a list, of an exchange's answer, or of several answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, TextIO

from infrastructure.exchanges.raw_answers import each_once, errors
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.transfer_errors import StatementRefused

_CHUNK: Final = 1 << 20
_VALUE_MAX: Final = 1 << 28
"""The most characters of an object, so that a file that is no JSON is refused before all of it is in memory."""
_CUT_MAX: Final = 16
"""An error this close to the end of the buffer, or in a string, may come from a value that is not read fully yet."""
_BLANK: Final = " \t\r\n"
_WRAPPING: Final = (
    *("fills", "fundings", "twapSliceFills", "fundingPayments", "logs", "elements", "list", "rows", "data", "result"),
)
"""Keys of the list in an answer or a stream (dYdX, Hyperliquid, Kraken futures, Bybit, Phemex, OKX), and around it."""
_PAGES: Final = (
    ("fillList", "endId"),
    ("bills", "endId"),
    ("items", "currentPage"),
    ("dataList", "hasMore"),
    ("trades", "total_page"),
    ("trades", "has_more"),
    ("trades", "trades_count"),
)
"""Keys of the list at Bitget, KuCoin, HTX, Deribit and freqtrade, each with a key beside it: rows of others have such
lists."""
_AROUND_ROWS: Final = frozenset((*_WRAPPING, *(name for name, _ in _PAGES)))
_SLICE: Final = {"fill", "twapId"}
"""The keys of a slice of a TWAP order at Hyperliquid, whose fill is the row."""
_BASE: Final = re.compile(r"[-_./:]")
"""What may follow the base in a symbol."""
_NO_ROWS: Final = frozenset({"universe", "nonUserCancel", "twapHistory"})
"""Keys of lists at Hyperliquid that are no rows."""
_OF_ALL_ROWS: Final = ("category",)
"""Keys beside a list of Bybit that apply to all of its rows."""
_ANSWER_OF_BINANCE: Final = {"result", "id"}
_ANSWER_OF_BYBIT: Final = ("success", "req_id", "conn_id")
_ANSWERS_OF_OKX: Final = ("login", "subscribe", "unsubscribe", "channel-conn-count")
_ANSWERS_OF_HYPERLIQUID: Final = ("subscriptionResponse", "pong")


def json_rows(text: TextIO) -> Iterator[StatementRow]:
    """Every object of a file, each counted as a line, also those within a list or within the answer of an exchange.

    Refuses: StatementRefused, naming the number of the object.
    """
    values = _Values(text)
    for value in values.all():
        if _is_of_connection(value):
            values.count += 1
            continue
        found = _listed(_unwrapped(value))
        if found is not value and (failed := errors(value)):
            raise StatementRefused.at(values.count + 1, failed[0])
        for told in found if isinstance(found, list) else [found]:
            values.count += 1
            row = told["fill"] if isinstance(told, dict) and told.keys() == _SLICE else told
            if not isinstance(row, Mapping):
                raise StatementRefused.at(values.count, f"{str(row)!r:.60} is no JSON object")
            yield StatementRow(values.count, row)


def says_nothing(text: str) -> bool:
    """Whether a text is a complete answer with an empty list in it, and not the answer of a call that failed."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return _unwrapped(answer) == [] and not errors(answer)


def call_failed(text: str) -> str | None:
    """The error in the answer of a call that failed, in words that follow `is`; None for any other text."""
    try:
        failed = errors(json.loads(text))
    except (ValueError, RecursionError):
        return None
    return f"no statement: {failed[0]}; ask the exchange again" if failed else None


def _is_of_connection(value: Any) -> bool:
    """Whether it answers a login, a subscription or a ping on a stream that was saved as it came."""
    if not isinstance(value, Mapping):
        return False
    return (
        value.keys() == _ANSWER_OF_BINANCE
        or (value.get("op") is not None and not value.keys().isdisjoint(_ANSWER_OF_BYBIT))
        or (value.get("event") in _ANSWERS_OF_OKX and "data" not in value)
        or value.get("channel") in _ANSWERS_OF_HYPERLIQUID
    )


def _unwrapped(value: Any) -> Any:
    if isinstance(value, Mapping) and not _AROUND_ROWS.isdisjoint(value):
        pages = (name for name, beside in _PAGES if beside in value)
        for name in (*_WRAPPING, *pages):
            if isinstance(value.get(name), Mapping | list):
                found, shared = _unwrapped(value[name]), {name: value[name] for name in _OF_ALL_ROWS if name in value}
                return [{**shared, **row} if isinstance(row, Mapping) else row for row in found] if shared else found
    return value


def _listed(value: Any) -> Any:
    """The objects of all lists, if a value is a mapping of such lists, as programs save one for each symbol.

    What is of several accounts is no such mapping: together it would be one position.
    """
    if not isinstance(value, dict) or not isinstance(next(iter(value.values()), None), list):
        return value  # as nearly every row is
    if not _NO_ROWS.isdisjoint(value):
        return value
    if not all(isinstance(rows, list) and all(_names(row, key) for row in rows) for key, rows in value.items()):
        return value
    return [row for rows in value.values() for row in rows]


def _names(row: Any, symbol: str) -> bool:
    """Whether an object says the symbol under which its list stands, as it is or in another spelling of the base."""
    if not isinstance(row, Mapping):
        return False
    base = _BASE.split(symbol.upper(), 1)[0]
    said = (_BASE.split(text.upper(), 1)[0] for text in row.values() if isinstance(text, str))
    return any(
        text == base or (len(text) > 1 < len(base) and (text.startswith(base) or base.startswith(text)))
        for text in said
    )


class _Values:
    """JSON values one after the other, read in chunks; `count` is the number of objects so far."""

    def __init__(self, text: TextIO) -> None:
        self.count = 0
        self._text, self._buffer, self._at, self._line, self._is_over = text, "", 0, 1, False
        self._decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=str, object_pairs_hook=each_once)

    def all(self) -> Iterator[Any]:
        """Every value; the values of an outermost list one by one."""
        is_list = False
        while (mark := self._next()) is not None:
            if mark == "[" and not is_list:
                is_list, self._at = True, self._at + 1
            elif mark == "]" and is_list:
                is_list, self._at = False, self._at + 1
            elif mark == "," and is_list:
                self._at += 1
            else:
                yield self._value()
        if is_list:
            raise self._refused("the file ends in the middle of a list")

    def _next(self) -> str | None:
        """The next character that is not blank, None at the end."""
        while True:
            while self._at < len(self._buffer):
                mark = self._buffer[self._at]
                if mark not in _BLANK:
                    return mark
                self._line += mark == "\n"
                self._at += 1
            if not self._read_more():
                return None

    def _value(self) -> Any:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as wrong:
                if not (self._may_be_cut(wrong) and self._read_more()):
                    raise self._refused(f"is no JSON: {wrong.msg}", wrong.pos) from None
            except (RecursionError, ValueError, ArithmeticError) as wrong:
                raise self._refused(f"is no JSON that can be read: {wrong}") from None
            else:
                if end < len(self._buffer) or not self._read_more():  # a number at its end may have more digits
                    self._line += self._buffer.count("\n", self._at, end)
                    self._at = end
                    return value

    def _may_be_cut(self, wrong: json.JSONDecodeError) -> bool:
        is_cut = wrong.pos + _CUT_MAX >= len(self._buffer) or wrong.msg.startswith("Unterminated")
        return is_cut and len(self._buffer) - self._at <= _VALUE_MAX

    def _read_more(self) -> bool:
        if self._is_over:
            return False
        left = self._buffer[self._at :]
        try:
            more = self._text.read(max(_CHUNK, len(left)))
        except UnicodeDecodeError as wrong:
            raise self._refused(f"is no text in {wrong.encoding.upper()}, or what follows it: {wrong.reason}") from None
        self._buffer, self._at, self._is_over = left + more, 0, not more
        return bool(more)

    def _refused(self, why: str, end: int = 0) -> StatementRefused:
        line = self._line + self._buffer.count("\n", self._at, max(end, self._at))
        return StatementRefused.at(self.count + 1, f"{why} (line {line:,} of the text)")
