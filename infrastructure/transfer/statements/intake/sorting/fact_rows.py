"""Facts as rows of tables, and rows as facts again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from domain.identifiers import PositionKey
from domain.values import timestamp_text
from infrastructure.transfer.statements.statement_facts import (
    StatementCash,
    StatementFact,
    StatementFill,
    StatementPosition,
    StatementProfit,
)

FILL_COLUMNS: Final = (
    "line, time, buys, quantity, price, fee, fee_currency, profit, trade_id, order_id, reason, closes, held,"
    " is_last, names_leg, sums_up, on_margin, meant_to_close"
)
CASH_COLUMNS: Final = "line, time, amount, currency, kind, cash_id, trade_id, is_apart"
POSITION_COLUMNS: Final = "line, time, quantity, avg_px, begins"
PROFIT_COLUMNS: Final = "line, time, profit, trade_id, profit_id"
_ADD_FILL: Final = "INSERT INTO fills VALUES (" + "?, " * 13 + "nullif(?, ''), " * 3 + "?, ?, ?, ?, ?)"
"""Whatever is no number or text takes as long as five of them: what most fills lack is handed over as an empty text."""
_ADD_CASH: Final = f"INSERT INTO cash VALUES ({', '.join('?' * 10)})"
_ADD_POSITION: Final = f"INSERT INTO held VALUES ({', '.join('?' * 7)})"
_ADD_PROFIT: Final = f"INSERT INTO profits VALUES ({', '.join('?' * 7)})"
_DIGITS_MAX: Final = 18
"""Of a number that is compared as one; longer ones are compared as texts of one length, behind all of these."""


def _fill_columns(fill: StatementFill) -> tuple[Any, ...]:
    """Its values; the first puts the fills of a moment in order: what was held before each, or their numbers."""
    number = _sortable(fill.trade_id) if fill.sequence is None else fill.sequence
    return (
        number if fill.held is None else float(fill.held if fill.buys else -fill.held),
        fill.line,
        timestamp_text(fill.time),
        +fill.buys,
        str(fill.quantity),
        str(fill.price),
        _text(fill.fee),
        fill.fee_currency,
        _text(fill.profit),
        fill.trade_id,
        fill.order_id,
        fill.reason or "",
        _text(fill.closes) or "",
        _text(fill.held) or "",
        +fill.is_last,
        +fill.names_leg,
        +fill.sums_up,
        +fill.on_margin,
        +fill.meant_to_close,
    )


def _sortable(trade_id: str) -> int | str:
    """The number of a trade, within a moment; 0 for what is no number."""
    if not (trade_id.isascii() and trade_id.isdecimal()):
        return 0
    return int(trade_id) if len(trade_id) <= _DIGITS_MAX else trade_id.rjust(200, "0")


def _cash_columns(cash: StatementCash) -> tuple[Any, ...]:
    time, amount = timestamp_text(cash.time), str(cash.amount)
    return cash.line, time, amount, cash.currency, cash.kind, cash.cash_id, cash.trade_id, cash.is_apart


def _position_columns(held: StatementPosition) -> tuple[Any, ...]:
    return held.line, timestamp_text(held.time), str(held.quantity), _text(held.avg_px), held.begins


def _profit_columns(profit: StatementProfit) -> tuple[Any, ...]:
    return profit.line, timestamp_text(profit.time), str(profit.profit), profit.trade_id, profit.profit_id


INSERTS: Final[dict[type[StatementFact], tuple[str, Callable[[Any], tuple[Any, ...]]]]] = {
    StatementFill: (_ADD_FILL, _fill_columns),
    StatementCash: (_ADD_CASH, _cash_columns),
    StatementPosition: (_ADD_POSITION, _position_columns),
    StatementProfit: (_ADD_PROFIT, _profit_columns),
}
"""How each kind of fact is written: a statement, and the values for its columns."""


def fill_of(key: PositionKey, row: tuple[Any, ...]) -> StatementFill:
    """The fill of a row that begins with its place and its file."""
    _, _, line, time, buys, quantity, price, fee, fee_currency, profit, trade_id, order_id, reason, *others = row
    closes, held, is_last, names_leg, sums_up, on_margin, meant_to_close = others
    return StatementFill(
        line=line,
        time=datetime.fromisoformat(time),
        key=key,
        buys=bool(buys),
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=None if fee is None else Decimal(fee),
        fee_currency=fee_currency,
        profit=None if profit is None else Decimal(profit),
        trade_id=trade_id,
        order_id=order_id,
        reason=reason,
        closes=None if closes is None else Decimal(closes),
        held=None if held is None else Decimal(held),
        is_last=bool(is_last),
        names_leg=bool(names_leg),
        sums_up=bool(sums_up),
        on_margin=bool(on_margin),
        meant_to_close=bool(meant_to_close),
    )


def cash_of(key: PositionKey | None, values: Sequence[Any]) -> StatementCash:
    """The payment of a row."""
    line, time, amount, currency, kind, cash_id, trade_id, is_apart = values
    return StatementCash(
        line=line,
        time=datetime.fromisoformat(time),
        key=key,
        amount=Decimal(amount),
        currency=currency,
        kind=kind,
        cash_id=cash_id,
        trade_id=trade_id,
        is_apart=bool(is_apart),
    )


def position_of(key: PositionKey, values: Sequence[Any]) -> StatementPosition:
    """What a row says was held."""
    line, time, quantity, avg_px, begins = values
    return StatementPosition(
        line=line,
        time=datetime.fromisoformat(time),
        key=key,
        quantity=Decimal(quantity),
        avg_px=None if avg_px is None else Decimal(avg_px),
        begins=bool(begins),
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)
