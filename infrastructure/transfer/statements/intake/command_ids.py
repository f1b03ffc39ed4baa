"""The ids of commands that record facts of statements: an id depends on its fact only, so no fact is recorded twice."""

from __future__ import annotations

from typing import Final

from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFill

PREFIX: Final = "statement:"
OPENS: Final = ":opens"
"""The suffix of the id of a command that begins a cycle."""
CLOSES: Final = ":closes"
TURNS: Final = ":turns"
BEFORE: Final = ":before"
"""The suffix of the id of a command for what was held before the file with the fill begins."""

HELD: Final = f"{PREFIX}held"
"""The id of the command that begins the first cycle of a key without fills."""


FEE_OF: Final = "fee of "
"""With this begins the id of a payment that is the fee of a fill on record; the id of the fill's command follows."""


def side_of(*, buys: bool) -> str:
    """The side of a fill as it is written in ids."""
    return "buy" if buys else "sell"


def command_id_of(fill: StatementFill) -> str:
    """The id of the command that records a fill."""
    return id_of_fill(fill.trade_id, buys=fill.buys)


def id_of_fill(trade_id: str, *, buys: bool) -> str:
    """The same, by trade id and side."""
    return f"{PREFIX}{side_of(buys=buys)}:{trade_id}"


def is_sum(fill: StatementFill) -> bool:
    """Whether a fill sums up its order: kinds of files that do so give the only fill of an order such an id."""
    return fill.trade_id == f"order-{fill.order_id}"


def sum_id_of(fill: StatementFill) -> str:
    """The id of the command that would record the order of a fill as one sum."""
    return f"{PREFIX}{side_of(buys=fill.buys)}:order-{fill.order_id}"


def turned_id_of(fill: StatementFill) -> str:
    """The id of the command that records the closing part of a fill that reversed the position."""
    return command_id_of(fill) + TURNS


def fill_id_of(command_id: str) -> str:
    """The id of the command of a whole fill, from the id of either part of a fill that reversed the position."""
    return command_id.removesuffix(TURNS)


def is_fee_of_fill(command_id: str) -> bool:
    """Whether a command records the fee of a fill that was on record without one."""
    return command_id.startswith(f"{PREFIX}cash:{FEE_OF}")


def cash_id_of(cash: StatementCash) -> str:
    """The id of the command that records a payment."""
    return f"{PREFIX}cash:{cash.cash_id}"
