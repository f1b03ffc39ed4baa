"""Binance, futures: trades of an account, as `GET /fapi/v1/userTrades` and `/dapi/v1/userTrades` answer them.

A commission that is paid is above zero, and `realizedPnl` is before fees. For symbols that are settled in their base,
quantities count contracts of 10 or 100 dollars; the answer does not say which.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    key = whose.key(row.needed("symbol"), row.leg("positionSide"))
    yield StatementFill(
        line=row.line,
        time=row.time("time", zone=whose.zone),
        key=key,
        buys=row.buys("side"),
        quantity=row.above_zero("qty"),
        price=row.above_zero("price"),
        fee=row.number("commission"),
        fee_currency=row.text("commissionAsset"),
        profit=row.number("realizedPnl"),
        trade_id=row.needed("id"),
        order_id=row.needed("orderId"),
        in_contracts=key.is_inverse,
        names_leg=row.text("positionSide") is not None,
    )


BINANCE_USER_TRADES: Final = StatementKind(
    name="binance-futures-user-trades",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("id", "orderId", "price", "qty", "realizedPnl", "commission", "commissionAsset"),
    exchange="binance",
    read=row_by_row(_facts),
)
