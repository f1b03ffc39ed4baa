"""Deribit: the transaction log, as `private/get_transaction_log` answers it, and the CSV of the website.

A trade has the position after it. A `commission` that is paid is above zero. Funding that is received is above zero:
`interest_pl` of each trade and each settlement is the funding since the one before. The rest of a settlement is the
profit of the session, which follows from the fills. The CSV names its currency only in the name of the file: it is that
in which the instrument is settled. Its first header called the amount `Size`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, CashKind, Leg
from infrastructure.transfer.statements.kinds.exchanges.deribit.deribit_trades import INSTRUMENT, deribit_key
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, in_utc
from infrastructure.transfer.statements.statement_facts import (
    StatementCash,
    StatementFill,
    StatementLine,
    StatementOmission,
)
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_NAMES: Final = MappingProxyType(
    {
        "instrument": INSTRUMENT,
        "time": ("timestamp", *in_utc("date")),
        "quantity": ("amount", "size", "base amount"),
        "fee": ("commission", "fee charged", "fee paid"),
        "funding": ("interest_pl", "funding"),
        "trade": ("trade_id", "trade id"),
        "order": ("order_id", "order id"),
    }
)
_TRADE: Final = "trade"
_DELIVERY: Final = "delivery"
_SETTLEMENT: Final = "settlement"
_PERPETUAL: Final = "-PERPETUAL"
"""What the names of instruments end in that have funding."""
_OF_CASH: Final[MappingProxyType[str, CashKind]] = MappingProxyType(
    {
        "correction": "correction",
        "negative_balance_fee": "interest",
        "transfer from insurance": "insurance",
        "socialized fund": "insurance",
    }
)
_LEFT_OUT: Final = ("deposit", "withdrawal", "transfer", "swap", "usdc_reward", "options_settlement_summary")
"""Transfers in and out, rewards, and summaries of options."""
_BUYS: Final = MappingProxyType({"open buy": True, "close buy": True, "open sell": False, "close sell": False})


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementLine]:
    kind, name = row.word("type"), row.text(*INSTRUMENT)
    key = None if name is None else deribit_key(whose, row)
    if kind in _LEFT_OUT or (name is not None and (key is None or key.leg is Leg.SPOT)):
        if kind == _TRADE and key is not None:
            yield StatementOmission(line=row.line, what="trades on spot", instead="deribit-trades")
        return
    if key is not None and kind in {_TRADE, _DELIVERY}:
        yield _fill(whose, row, key, is_delivery=kind == _DELIVERY)
    if key is not None and kind in {_TRADE, _DELIVERY, _SETTLEMENT}:
        interest = row.known if kind == _SETTLEMENT and row.needed(*INSTRUMENT).endswith(_PERPETUAL) else row.number
        yield from _cash(whose, row, key, interest(*_NAMES["funding"]), "funding")
    elif kind in _OF_CASH:
        yield from _cash(whose, row, key, row.known("change"), _OF_CASH[kind])
    elif row.some("change") or row.some(*_NAMES["quantity"]):
        known = ", ".join((_TRADE, _DELIVERY, _SETTLEMENT, *_OF_CASH, *_LEFT_OUT))
        raise ValueError(f"type {kind!r:.60} of {name or 'no instrument'} is unknown; known are: {known}")


def _cash(
    whose: Whose, row: StatementRow, key: PositionKey | None, amount: Decimal | None, kind: CashKind
) -> Iterator[StatementCash]:
    if amount:
        yield StatementCash(
            line=row.line,
            time=row.time(*_NAMES["time"], zone=whose.zone),
            key=key,
            amount=amount,
            currency=_currency(row, key),
            kind=kind,
            cash_id=f"{kind}:{row.needed('id')}",
        )


def _currency(row: StatementRow, key: PositionKey | None) -> str | None:
    return row.text("currency") or (None if key is None else key.settle)


def _fill(whose: Whose, row: StatementRow, key: PositionKey, *, is_delivery: bool) -> StatementFill:
    side, quantity, after = row.needed("side"), row.above_zero(*_NAMES["quantity"]), row.number("position")
    if side.lower() not in _BUYS:
        raise ValueError(f"side {side!r:.60} is unknown; known are: {', '.join(_BUYS)}")
    buys, number = _BUYS[side.lower()], row.needed("id")
    return StatementFill(
        line=row.line,
        time=row.time(*_NAMES["time"], zone=whose.zone),
        key=key,
        buys=buys,
        quantity=quantity,
        price=row.above_zero("price"),
        fee=row.number(*_NAMES["fee"]),
        fee_currency=_currency(row, key),
        trade_id=f"{_DELIVERY}-{number}" if is_delivery else row.needed(*_NAMES["trade"]),
        order_id=f"{_DELIVERY}-{number}" if is_delivery else row.needed(*_NAMES["order"]),
        reason="settlement" if is_delivery else None,
        closes=quantity if is_delivery else None,
        held=None if after is None else EXACT.subtract(after, quantity if buys else -quantity),
    )


DERIBIT_LOG: Final = StatementKind(
    name="deribit-transaction-log",
    form=FileForm.JSON,
    needs=(
        *("id", "type", "timestamp", "user_seq", "currency", "instrument_name", "side", "position", "change"),
        *("cashflow", "commission", "interest_pl"),
    ),
    exchange="deribit",
    read=row_by_row(_facts),
)
DERIBIT_LOG_CSV: Final = StatementKind(
    name="deribit-transaction-log-csv",
    form=FileForm.CSV,
    needs=(
        *("id", "userseq", "instrument", "type", "side", "position", "price", "cash flow", "funding", "change"),
        *("trade id", "order id", ("date", *in_utc("date")), ("amount", "size", "base amount")),
        ("fee charged", "fee paid"),
    ),
    exchange="deribit",
    read=row_by_row(_facts),
)
