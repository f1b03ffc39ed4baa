"""What was held before a file begins: it follows from what the file says of the fills that closed it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import chain
from typing import Final, NamedTuple

from domain.values import EXACT, Leg, plain, rounded
from infrastructure.transfer.statements.statement_fill import StatementFill, StatementRefused

FROM_FLAT: Final = "export from a moment when nothing was held"


class HeldBefore(NamedTuple):
    """A position of which no fill is known; `why` says from what it follows."""

    is_long: bool
    quantity: Decimal
    price: Decimal
    why: str


def tells_of_before(fill: StatementFill) -> bool:
    """Whether a fill says, while nothing is held by the fills before it, that something was."""
    if fill.held is not None:
        return fill.held != 0
    if fill.closes is not None:
        return fill.closes > 0
    if fill.key.leg is Leg.BOTH:
        return bool(fill.profit)
    return fill.profit is not None and fill.buys is (fill.key.leg is Leg.SHORT)


def held_before(first: StatementFill, ahead: Iterable[StatementFill]) -> HeldBefore:
    """What was held before a fill that tells of it; `ahead` are those that follow. Refuses: StatementRefused."""
    if first.key.is_inverse:
        raise StatementRefused.at(
            first.line,
            f"the file begins in the middle of a position of {first.key}, which is settled in its base; {FROM_FLAT}",
        )
    if first.held is None:
        held = _closed_in_a_row(first, ahead)
    else:
        held = _said(first, first.held, ahead)
    if held.price <= 0:
        raise StatementRefused.at(first.line, f"{held.why} would mean an opening price of {plain(held.price)}")
    return held


def _closed_in_a_row(first: StatementFill, ahead: Iterable[StatementFill]) -> HeldBefore:
    quantity, worth, profit = Decimal(0), Decimal(0), Decimal(0)
    for fill in chain([first], ahead):
        if fill.buys is not first.buys or not tells_of_before(fill):
            break
        if fill.profit is None:
            raise StatementRefused.at(
                first.line,
                f"this closes something of {first.key} that was opened before the file begins, and the file does not "
                f"say what it earned; {FROM_FLAT}",
            )
        closed = fill.quantity if fill.closes is None else fill.closes
        quantity, profit = EXACT.add(quantity, closed), EXACT.add(profit, fill.profit)
        worth = EXACT.add(worth, EXACT.multiply(closed, fill.price))
    opened = EXACT.add(worth, profit if first.buys else -profit)
    return HeldBefore(
        is_long=not first.buys,
        quantity=quantity,
        price=rounded(EXACT.divide(opened, quantity)),
        why=f"its opening price follows from the profit {plain(profit)} that the file says of the next "
        f"{plain(quantity)}; more may have been held",
    )


def _said(first: StatementFill, held: Decimal, ahead: Iterable[StatementFill]) -> HeldBefore:
    """What is said to be held: the average of all when something of it is closed says what it was before."""
    is_long, quantity = held > 0, held.copy_abs()
    total, added = quantity, Decimal(0)
    for fill in chain([first], ahead):
        if fill.buys is is_long:
            total = EXACT.add(total, fill.quantity)
            added = EXACT.add(added, EXACT.multiply(fill.quantity, fill.price))
            continue
        if fill.profit is None:
            break
        earned = EXACT.divide(fill.profit, min(fill.quantity, total))
        average = EXACT.subtract(fill.price, earned if is_long else -earned)
        opened = EXACT.subtract(EXACT.multiply(average, total), added)
        return HeldBefore(
            is_long=is_long,
            quantity=quantity,
            price=rounded(EXACT.divide(opened, quantity)),
            why=f"its opening price follows from the profit {plain(fill.profit)} that the file says of trade "
            f"{fill.trade_id}",
        )
    raise StatementRefused.at(
        first.line,
        f"{plain(held)} of {first.key} was held before the file begins, and nothing in it says at what price it was "
        f"opened; {FROM_FLAT}",
    )
