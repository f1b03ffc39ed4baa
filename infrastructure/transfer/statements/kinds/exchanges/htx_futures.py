"""HTX, futures: trades of an account, as `POST /linear-swap-api/v3/swap_matchresults` and its like answer them.

`direction` is the side of a trade, and `offset` whether it opens or closes. A quantity counts contracts; the contract
size follows from the turnover, which is in quote, also for contracts that are settled in their base. A fee that is paid
is below zero, and `offset_profitloss` is before fees.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from domain.values import EXACT
from infrastructure.exchanges.contract_units import size_by_worth
from infrastructure.transfer.statements.kinds.opening_sides import opening_side
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    key, opening = whose.key(row.needed("contract_code")), opening_side("htx", row)
    quantity, price = row.above_zero("trade_volume"), row.above_zero("trade_price")
    turnover = row.some("trade_turnover")
    units = turnover if turnover is None or key.is_inverse else EXACT.divide(turnover, price)
    size, closes = size_by_worth(quantity, units), None
    if opening is not None:
        closes = quantity if opening.closes else Decimal(0)
    yield StatementFill(
        line=row.line,
        time=row.time("create_date", zone=whose.zone),
        key=key,
        buys=row.buys("direction"),
        quantity=quantity,
        price=price,
        fee=row.minus("trade_fee"),
        fee_currency=row.text("fee_asset"),
        profit=row.number("offset_profitloss"),
        trade_id=row.needed("id"),
        order_id=row.needed("order_id_str", "order_id"),
        in_contracts=size != 1,
        contract_size=size,
        closes=closes,
        names_leg=opening is None,
        sequence=row.sequence("match_id"),
    )


HTX_FILLS: Final = StatementKind(
    name="htx-futures-fills",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("id", "contract_code", "direction", "offset", "trade_volume", "trade_price", "trade_turnover", "trade_fee"),
    exchange="htx",
    read=row_by_row(_facts),
)
