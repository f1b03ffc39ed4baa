"""Fills that no order of the account made: BitMEX and Phemex give all of them the same id of an order."""

from __future__ import annotations

from typing import Final

from infrastructure.transfer.statements.sources.statement_row import StatementRow

_NO_ORDER: Final = "00000000-0000-0000-0000-000000000000"


def order_or(row: StatementRow, otherwise: str) -> str:
    """The id of its order; another name where it has none, so that such fills are not taken for one order's."""
    said = row.text("orderID")
    return otherwise if said is None or said == _NO_ORDER else said
