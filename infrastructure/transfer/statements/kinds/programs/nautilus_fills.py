"""nautilus_trader: `generate_fills_report` and `generate_order_fills_report`, saved as CSV or as JSON.

The second has one line per order: all that was filled of an order is one fill, at its average price and at the time of
its last fill.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from functools import partial
from typing import Final

from infrastructure.transfer.statements.kinds.other_fees import with_fees
from infrastructure.transfer.statements.kinds.programs.nautilus_rows import counts_contracts, key_of, money_of, reported
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row


def _fill(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    fee = money_of(row, "commission")
    currency, key = next(iter(fee), None), key_of(whose, row)
    yield StatementFill(
        line=row.line,
        time=row.time("ts_event", zone=UTC),
        key=key,
        buys=row.buys("order_side"),
        quantity=row.above_zero("last_qty"),
        price=row.above_zero("last_px"),
        fee=None if currency is None else fee[currency],
        fee_currency=currency,
        trade_id=row.needed("trade_id"),
        order_id=row.needed("venue_order_id", "client_order_id"),
        in_contracts=counts_contracts(key),
    )


def _order(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    fees, order_id = money_of(row, "commissions"), row.needed("venue_order_id", "client_order_id")
    paid = [(amount, currency) for currency, amount in fees.items()]
    key = key_of(whose, row)
    fill = StatementFill(
        line=row.line,
        time=row.time("ts_last", zone=UTC),
        key=key,
        buys=row.buys("side"),
        quantity=row.above_zero("filled_qty"),
        price=row.above_zero("avg_px"),
        trade_id=f"order-{order_id}",
        order_id=order_id,
        sums_up=True,
        in_contracts=counts_contracts(key),
    )
    yield from with_fees(fill, paid)


_by_order: Final = partial(reported, index="client_order_id")
NAUTILUS_FILLS: Final = StatementKind(
    name="nautilus-fills",
    form=FileForm.CSV,
    also=FileForm.JSON,
    needs=("instrument_id", "venue_order_id", "trade_id", "order_side", "last_qty", "last_px", "commission"),
    read=row_by_row(_fill, _by_order),
)
NAUTILUS_ORDERS: Final = StatementKind(
    name="nautilus-order-fills",
    form=FileForm.CSV,
    also=FileForm.JSON,
    needs=("instrument_id", "venue_order_id", "last_trade_id", "side", "filled_qty", "avg_px", "commissions"),
    read=row_by_row(_order, _by_order),
)
