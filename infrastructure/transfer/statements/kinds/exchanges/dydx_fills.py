"""dYdX v4: fills and funding payments of a subaccount, as its indexer answers them.

A fee that is paid is above zero, and the fee of a builder is paid in addition; a funding payment that is paid is below
zero. The stated position before a fill is wrong after a fill that reversed the position, and is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Final

from domain.values import sum_of
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_REASONS: Final = MappingProxyType(
    {
        **dict.fromkeys(("limit", "market", "liquidation", "twap_suborder"), None),
        **dict.fromkeys(("liquidated", "deleveraged"), "liquidation"),
        "offsetting": "adl",
    }
)
"""In a `LIQUIDATION` an order of the account was the other side; `OFFSETTING` is the other side of a `DELEVERAGED`."""
_PERPETUAL: Final = "PERPETUAL"


def _fill(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    fill_type, market_type, trade_id = row.needed("type"), row.needed("marketType"), row.needed("id")
    if fill_type.lower() not in _REASONS:
        raise ValueError(f"type {fill_type!r:.60} is unknown; known are: {', '.join(_REASONS).upper()}")
    if market_type != _PERPETUAL:
        raise ValueError(f"marketType {market_type!r:.60} is unknown; known are: {_PERPETUAL}")
    key = whose.key(row.needed("market"))
    yield StatementFill(
        line=row.line,
        time=row.time("createdAt", zone=whose.zone),
        key=key,
        buys=row.buys("side"),
        quantity=row.above_zero("size"),
        price=row.above_zero("price"),
        fee=sum_of(row.number("fee"), row.number("builderFee") or Decimal(0)),
        fee_currency=key.settle,
        trade_id=trade_id,
        order_id=row.text("orderId") or trade_id,
        reason=_REASONS[fill_type.lower()],
    )


def _payment(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    key, amount = whose.key(row.needed("ticker")), row.known("payment")
    if amount:
        yield StatementCash(
            line=row.line,
            time=row.time("createdAt", zone=whose.zone),
            key=key,
            amount=amount,
            currency=key.settle,
            kind="funding",
            cash_id=f"{key.symbol}:{row.needed('createdAtHeight')}",
        )


_of_one_subaccount: Final = partial(of_one_account, column="subaccountNumber")

DYDX_FILLS: Final = StatementKind(
    name="dydx-fills",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=(
        *("id", "side", "liquidity", "type", "market", "marketType"),
        *("price", "size", "fee", "createdAt", "createdAtHeight", "subaccountNumber"),
    ),
    exchange="dydx",
    read=row_by_row(_fill, _of_one_subaccount),
)
DYDX_FUNDING: Final = StatementKind(
    name="dydx-funding-payments",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("createdAt", "createdAtHeight", "ticker", "oraclePrice", "size", "side", "rate", "payment"),
    exchange="dydx",
    read=row_by_row(_payment, _of_one_subaccount),
)
