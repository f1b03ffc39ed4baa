"""KuCoin, spot and margin: filled orders that its website exports in CSV, one line each, or split into their fills.

A fee that is paid is above zero, in the currency of its own column. The name of the time column may have the zone. A
trading bot has a header of its own, and so have its contracts, which are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import MappingProxyType
from typing import Final

from domain.values import Leg
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, in_utc
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, per_file

_NAMES: Final = MappingProxyType(
    {
        "time": in_utc("filled time", "time filled"),
        "price": ("avg. filled price", "filled price"),
        "quantity": ("filled amount",),
    }
)
_BETWEEN: Final = "-"
"""What stands between the two currencies of a pair; the name of a contract has none."""
_OF_ORDERS: Final = "status"
"""A column that only the file with one line per order has."""


def _facts(whose: Whose, ids: RowIds, row: StatementRow) -> Iterator[StatementFact]:
    order_id, symbol, is_order = row.needed("order id"), row.needed("symbol"), _OF_ORDERS in row.named
    if _BETWEEN not in symbol:
        raise ValueError(
            f"symbol {symbol!r:.60} is that of a contract, not of a pair like BTC-USDT; import kucoin-futures-fills "
            "instead"
        )
    if is_order and row.some(*_NAMES["quantity"]) is None:
        return
    yield StatementFill(
        line=row.line,
        time=row.time(*_NAMES["time"], zone=whose.zone),
        key=whose.key(symbol, Leg.SPOT),
        buys=row.buys("side"),
        quantity=row.above_zero(*_NAMES["quantity"]),
        price=row.above_zero(*_NAMES["price"]),
        fee=row.number("fee"),
        fee_currency=row.text("fee currency"),
        trade_id=f"order-{order_id}" if is_order else ids.of(row, row.needed(*_NAMES["time"])),
        order_id=order_id,
        on_margin="margin" in row.word("account type"),
    )


KUCOIN_SPOT: Final = StatementKind(
    name="kucoin-spot-orders-csv",
    form=FileForm.CSV,
    needs=("account type", "order id", "symbol", "side", "fee", "fee currency", *_NAMES.values()),
    exchange="kucoin",
    read=per_file(lambda whose: partial(_facts, whose, RowIds()), of_one_account),
)
