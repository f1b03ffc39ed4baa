"""Bybit, spot: the trade history that its website exports in CSV.

A fee is taken from what is received: from the base of a purchase, from the quote currency of a sale. A newer header has
it in `ExecFeeV2`, and its currency in `feeCoin`. Times are `09:24 2026-03-17`, without seconds, or with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.transfer.statements.kinds.exchanges.bybit.spot_fee_currency import spot_fee_currency
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, in_utc
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_NAMES: Final = MappingProxyType(
    {
        "time": in_utc("timestamp"),
        "trade": ("transaction id", "trasaction id"),
        "currency": ("feecoin", "fee coin"),
    }
)


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    key, buys = whose.key(row.needed("spot pairs"), Leg.SPOT), row.buys("direction")
    fee, currency = _fee(row, key, buys=buys)
    yield StatementFill(
        line=row.line,
        time=row.time(*_NAMES["time"], zone=whose.zone),
        key=key,
        buys=buys,
        quantity=row.above_zero("filled quantity"),
        price=row.above_zero("filled price"),
        fee=fee,
        fee_currency=currency,
        trade_id=row.needed(*_NAMES["trade"]),
        order_id=row.text("order no.", "order id") or row.needed(*_NAMES["trade"]),
    )


def _fee(row: StatementRow, key: PositionKey, *, buys: bool) -> tuple[Decimal | None, str | None]:
    currency = row.text(*_NAMES["currency"])
    if currency is not None:
        return row.number("execfeev2", "fees"), currency
    fee = row.number("fees")
    return fee, spot_fee_currency(key, fee, buys=buys)


BYBIT_SPOT: Final = StatementKind(
    name="bybit-spot-trades-csv",
    form=FileForm.CSV,
    needs=("spot pairs", "direction", "filled price", "filled quantity", "fees", _NAMES["trade"], _NAMES["time"]),
    exchange="bybit",
    read=row_by_row(_facts, of_one_account),
)
