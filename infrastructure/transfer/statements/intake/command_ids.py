"""The ids of commands that follow from statements: each follows from its fact alone, so that none is recorded twice."""

from __future__ import annotations

from typing import Final

from infrastructure.transfer.statements.statement_cash import StatementCash
from infrastructure.transfer.statements.statement_fill import StatementFill

PREFIX: Final = "statement:"
OPENS: Final = ":opens"
"""At the end of the id of what begins a cycle."""
CLOSES: Final = ":closes"
TURNS: Final = ":turns"
BEFORE: Final = ":before"
"""At the end of the id of what was held before the file that has the fill."""

HELD: Final = f"{PREFIX}held"
"""Of what begins the first cycle of a key that no fill tells of."""


def side_of(*, buys: bool) -> str:
    """The side of a fill, as ids have it."""
    return "buy" if buys else "sell"


def command_id_of(fill: StatementFill) -> str:
    """Of what records a fill."""
    return id_of_fill(fill.trade_id, buys=fill.buys)


def id_of_fill(trade_id: str, *, buys: bool) -> str:
    """Of what records the fill of a side that has an id."""
    return f"{PREFIX}{side_of(buys=buys)}:{trade_id}"


def is_sum(fill: StatementFill) -> bool:
    """Whether a fill is all that was filled of its order: kinds that sum up an order name its only fill so."""
    return fill.trade_id == f"order-{fill.order_id}"


def sum_id_of(fill: StatementFill) -> str:
    """Of what would record all that was filled of the order of a fill."""
    return f"{PREFIX}{side_of(buys=fill.buys)}:order-{fill.order_id}"


def turned_id_of(fill: StatementFill) -> str:
    """Of what records the part of a fill that closes, where the rest opens the other side."""
    return command_id_of(fill) + TURNS


def fill_id_of(command_id: str) -> str:
    """Of what records a fill, from that of either part of one that turned the position."""
    return command_id.removesuffix(TURNS)


def cash_id_of(cash: StatementCash) -> str:
    """Of what records a payment."""
    return f"{PREFIX}cash:{cash.cash_id}"
