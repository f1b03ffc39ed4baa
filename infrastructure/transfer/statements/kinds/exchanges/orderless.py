"""Fills without an order of the account: BitMEX and Phemex give all of them the same order id."""

from __future__ import annotations

from typing import Final

from infrastructure.transfer.statements.sources.statement_row import StatementRow

_NO_ORDER: Final = "00000000-0000-0000-0000-000000000000"


def order_or(row: StatementRow, otherwise: str) -> str:
    """The order id of a fill, or `otherwise` where it has no order: such fills must not count as fills of one order."""
    order_id = row.text("orderID")
    return otherwise if order_id is None or order_id == _NO_ORDER else order_id
