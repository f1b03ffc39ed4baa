"""MEXC, futures: trades of an account, as `GET /api/v1/private/order/list/order_deals` answers them.

`side` is one number for the side of a trade and for whether it opens or closes. A quantity counts contracts; the answer
does not have their size. A fee that is paid is above zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from infrastructure.transfer.statements.kinds.opening_sides import opening_side
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_REASONS: Final = MappingProxyType({"2": "liquidation", "4": "adl"})
"""Categories of orders that the account did not place."""


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    key, opening = whose.key(row.needed("symbol")), opening_side("mexc", row)
    if opening is None:
        raise ValueError(f"side {row.text('side') or ''!r:.60} is unknown; known are: 1, 2, 3, 4")
    quantity = row.above_zero("vol")
    yield StatementFill(
        line=row.line,
        time=row.time("timestamp", zone=whose.zone),
        key=key,
        buys=opening.buys,
        quantity=quantity,
        price=row.above_zero("price"),
        fee=row.number("fee"),
        fee_currency=row.text("feeCurrency"),
        trade_id=row.needed("id"),
        order_id=row.needed("orderId"),
        in_contracts=True,
        closes=quantity if opening.closes else Decimal(0),
        names_leg=False,
        reason=_REASONS.get(row.word("category")),
    )


MEXC_FILLS: Final = StatementKind(
    name="mexc-futures-fills",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("id", "symbol", "side", "vol", "price", "feeCurrency", "fee", "timestamp", "category", "orderId"),
    exchange="mexc",
    read=row_by_row(_facts),
)
