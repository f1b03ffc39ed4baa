"""Gate, futures: trades, as `GET /api/v4/futures/{settle}/my_trades` and `/my_trades_timerange` answer them.

`size` counts contracts, below zero for a sale; the answer does not have the contract size. A fee that is paid is above
zero, in the settlement currency or in points. `close_size`, which may be missing, is how much the fill closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from infrastructure.transfer.statements.kinds.other_fees import other_fees
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_ID: Final = ("id", "trade_id")
"""The second is what `my_trades_timerange` calls it."""
_POINTS: Final = "POINT"


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    size, closes, points = row.number("size"), row.number("close_size"), row.some("point_fee")
    if not size:
        raise ValueError(f"size {row.text('size') or ''!r:.60} is not a traded quantity")
    key = whose.key(row.needed("contract"))
    fill = StatementFill(
        line=row.line,
        time=row.time("create_time_ms", "create_time", zone=whose.zone),
        key=key,
        buys=size > 0,
        quantity=size.copy_abs(),
        price=row.above_zero("price"),
        fee=row.number("fee"),
        fee_currency=key.settle,
        trade_id=row.needed(*_ID),
        order_id=row.needed("order_id"),
        in_contracts=True,
        closes=None if closes is None else closes.copy_abs(),
        names_leg=closes is None,
    )
    yield fill
    yield from other_fees(fill, [] if points is None else [(points, _POINTS)])


GATE_TRADES: Final = StatementKind(
    name="gate-futures-trades",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("contract", "create_time", _ID, "order_id", "size", "price", "role", "fee"),
    exchange="gate",
    read=row_by_row(_facts),
)
