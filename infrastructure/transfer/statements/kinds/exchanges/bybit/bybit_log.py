"""Bybit: transaction log of a unified account, as `GET /v5/account/transaction-log` answers it, and CSV of the website.

The profit of a trade is its cash flow, before fees; funding that is received is above zero. A fee that is paid is above
zero in the answer, and below it in the CSV. The answer has the position after a trade, short below zero; the CSV has
its size, and whether the trade opens or closes: an opening trade that is larger than the position after it has reversed
the position. A trade on spot has two lines, one of each currency. The CSV of an account of derivatives says what opens
and closes in its direction (`Open Long`), and has what is paid above zero: the change of the balance shows the signs.

Trades on spot and of options are left out and counted. The cash flow of an option is the premium and no profit, and
what is delivered has the price of what it is of. Both kinds of trades are among the executions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, CashKind
from infrastructure.transfer.statements.kinds.exchanges.bybit.stock_split import refuse_split
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, in_utc, made_up
from infrastructure.transfer.statements.statement_facts import (
    StatementCash,
    StatementFill,
    StatementLine,
    StatementOmission,
)
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, per_file

_NAMES: Final = MappingProxyType(
    {
        "symbol": ("symbol", "contract"),
        "side": ("side", "direction"),
        "quantity": ("qty", "quantity"),
        "price": ("tradePrice", "filled price"),
        "profit": ("cashFlow", "cash flow"),
        "change": ("change",),
        "time": ("transactionTime", *in_utc("time")),
        "trade": ("tradeId", "tradeid", "trade id"),
        "order": ("orderId", "orderid", "order id"),
    }
)
_OPTION: Final = re.compile(r".+-[\d.]+-[CP](?:-[A-Z]+)?", re.ASCII)
_FUNDING: Final = ("settlement", "funding")
_DIVIDENDS: Final = ("dividend", "dividend_settlement")
"""What longs of a stock receive and shorts pay."""
_OF_NO_POSITION: Final = (
    *("transfer", "currency_", "convert", "otc_trade", "exchange", "spot_repayment_", "earning_", "tokens_"),
    *("bonus", "airdrop", "auto_deduction", "borrow", "repay"),
)
"""How the types begin of transfers, conversions and rewards, which may name a pair."""
_REASONS: Final = MappingProxyType(
    {"trade": None, "liquidation": "liquidation", "adl": "adl", "delivery": "settlement", "block_trade": None}
)
_OF_NO_SYMBOL: Final[MappingProxyType[str, CashKind]] = MappingProxyType(
    {"interest": "interest", "fixed_interest": "interest", "fixed_interest_refund": "interest"}
)
_REFUND: Final = "fee_refund"
_DERIVATIVES: Final = ("linear", "inverse")
"""The categories of which a fee that is given back has a position; the CSV does not say the category."""
_ON_SPOT: Final = ("trades on spot, two for each", "bybit-spot-trades-csv, or bybit-executions of the category spot")
_OF_OPTIONS: Final = ("trades of options", "bybit-executions of the category option")
_OPENS: Final = "open"
_ACTIONS: Final = (_OPENS, "close")
_DIRECTIONS: Final = MappingProxyType(
    {"open long": True, "close short": True, "open short": False, "close long": False}
)


class _LogLines:
    """The reader of one file."""

    def __init__(self, whose: Whose) -> None:
        self._whose, self._ids = whose, RowIds()

    def facts(self, row: StatementRow) -> Iterator[StatementLine]:
        kind, symbol = row.word("type"), row.text(*_NAMES["symbol"])
        refuse_split("type", kind)
        if kind in _OF_NO_SYMBOL:
            yield from self._cash(row, None, row.known(*_NAMES["change"]), _OF_NO_SYMBOL[kind])
        elif kind == _REFUND:
            key = self._whose.key(symbol) if symbol and row.word("category") in _DERIVATIVES else None
            yield from self._cash(row, key, row.known(*_NAMES["change"]), "rebate")
        elif symbol is None or kind.startswith(_OF_NO_POSITION):
            return
        elif (is_spot := self._is_spot(row)) or _OPTION.fullmatch(symbol):
            if kind in _REASONS:
                what, instead = _ON_SPOT if is_spot else _OF_OPTIONS
                yield StatementOmission(line=row.line, what=what, instead=instead)
        elif kind in _FUNDING:
            yield from self._cash(row, self._whose.key(symbol), _in_change(row, row.known("funding")), "funding")
        elif kind in _DIVIDENDS:
            yield from self._cash(row, self._whose.key(symbol), row.known(*_NAMES["change"]), "funding")
        elif kind in _REASONS:
            yield self._fill(row, self._whose.key(symbol), _REASONS[kind])
        elif row.known(*_NAMES["change"]):
            raise ValueError(
                f"type {kind!r:.60} is unknown; known are: {', '.join((*_REASONS, *_FUNDING, *_DIVIDENDS))}"
            )

    @staticmethod
    def _is_spot(row: StatementRow) -> bool:
        category = row.word("category")
        return category == "spot" if category else row.word("type") == "trade" and _action(row) not in _ACTIONS

    def _cash(
        self, row: StatementRow, key: PositionKey | None, amount: Decimal, kind: CashKind
    ) -> Iterator[StatementCash]:
        if amount:
            yield StatementCash(
                line=row.line,
                time=row.time(*_NAMES["time"], zone=self._whose.zone),
                key=key,
                amount=amount,
                currency=row.needed("currency"),
                kind=kind,
                cash_id=row.text(*_NAMES["trade"], "id") or self._ids.of(row, row.needed(*_NAMES["time"])),
            )

    def _fill(self, row: StatementRow, key: PositionKey, reason: str | None) -> StatementFill:
        direction, quantity = row.word(*_NAMES["side"]), row.above_zero(*_NAMES["quantity"])
        buys = _DIRECTIONS[direction] if direction in _DIRECTIONS else row.buys(*_NAMES["side"])
        time, paid = row.needed(*_NAMES["time"]), row.number("fee paid")
        held = _held(row, quantity, buys=buys)
        return StatementFill(
            line=row.line,
            time=row.time(*_NAMES["time"], zone=self._whose.zone),
            key=key,
            buys=buys,
            quantity=quantity,
            price=row.above_zero(*_NAMES["price"]),
            fee=row.number("fee") if paid is None else EXACT.minus(_in_change(row, paid)),
            fee_currency=row.text("currency"),
            profit=row.number(*_NAMES["profit"]),
            trade_id=row.text(*_NAMES["trade"]) or self._ids.of(row, time),
            order_id=row.text(*_NAMES["order"]) or made_up(time, key.stream, str(buys)),
            reason=reason,
            closes=_closes(row, quantity, held, buys=buys),
            held=held,
            names_leg=False,
        )


def _held(row: StatementRow, quantity: Decimal, *, buys: bool) -> Decimal | None:
    """The position before a trade, short below zero; None where the file does not say what is held after it."""
    after, left = row.number("size"), row.number("position")
    if after is None:
        opens = _action(row) == _OPENS
        if left is None or (opens and not left):
            return None
        is_long = buys is opens
        after = left.copy_abs() if is_long else -left.copy_abs()
    return EXACT.subtract(after, quantity if buys else -quantity)


def _closes(row: StatementRow, quantity: Decimal, held: Decimal | None, *, buys: bool) -> Decimal | None:
    if held is not None:
        return min(quantity, held.copy_abs()) if held and buys is (held < 0) else Decimal(0)
    return None if _action(row) == _OPENS else quantity


def _action(row: StatementRow) -> str:
    """What a trade did in the CSV: its action, or else the beginning of its direction; empty for a trade on spot."""
    direction = row.word(*_NAMES["side"])
    if direction in _DIRECTIONS:
        return direction.partition(" ")[0]
    if "action" not in row.named:
        raise ValueError(
            f"direction {direction!r:.60} does not say whether this opens or closes, and there is no column action; "
            "import bybit-executions instead"
        )
    return row.word("action")


def _in_change(row: StatementRow, amount: Decimal) -> Decimal:
    """An amount with the sign that it has in the change of the balance; as it is written, if that has no such part.

    The change may be rounded, and is of such a part if it differs from it by less than a tenth.
    """
    change, earned = row.number(*_NAMES["change"]), row.number(*_NAMES["profit"])
    if change is None or earned is None:
        return amount
    differs = EXACT.add(EXACT.subtract(change, earned), amount)
    return -amount if EXACT.multiply(10, differs.copy_abs()) < amount.copy_abs() else amount


_read: Final = per_file(lambda whose: _LogLines(whose).facts)
BYBIT_LOG: Final = StatementKind(
    name="bybit-transaction-log",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("symbol", "type", "side", "transactionTime", "qty", "size", "funding", "cashFlow", "tradeId"),
    exchange="bybit",
    read=_read,
)
BYBIT_LOG_CSV: Final = StatementKind(
    name="bybit-transaction-log-csv",
    form=FileForm.CSV,
    needs=(
        *("currency", "contract", "type", "direction", "quantity", "filled price", "funding", "fee paid", "cash flow"),
        *("change", ("time", *in_utc("time"))),
    ),
    exchange="bybit",
    read=_read,
)
