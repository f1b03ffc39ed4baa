"""Fills that close what was held before a file begins: from what they earned follows how much it was, and its price.

The first of them say the average at which all was opened that they close. What is added to it then changes the average
by as much as there is left of it, and the next profit says the new one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from domain.values import EXACT, Leg, plain, rounded
from infrastructure.transfer.statements.statement_fill import StatementFill, StatementRefused

FROM_FLAT: Final = "export from a moment when nothing was held"
_NEAR: Final = Decimal("1e-7")
"""The share of a price by which averages differ that follow from rounded profits."""
_DOUBT: Final = Decimal("0.1")
"""The share of the least step of quantities by which what is left may miss one."""


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


def opened_before(fill: StatementFill) -> StatementRefused:
    """The refusal of a fill that closes what was held before, where nothing says at what price that was opened."""
    return StatementRefused.at(
        fill.line,
        f"this closes something of {fill.key} that was opened before the file begins, and the file does not say what "
        f"it earned; {FROM_FLAT}",
    )


class Closings:
    """Fills one behind the other: what adds, what closes, and what adds and closes again."""

    def __init__(self, *, is_long: bool, size: Decimal) -> None:
        """Begin before the first fill; a quantity counts contracts of a size."""
        self._size = size
        self.closed = Decimal(0)
        self._is_long, self._step = is_long, Decimal(1)
        self._first, self._then = _Sum(), _Sum()
        """What was added before the first close, and after the last one."""
        self._average, self._worth, self._profit = Decimal(0), Decimal(0), Decimal(0)
        self._left: Decimal | None = None
        """What was held beside what is closed; None while that is not known."""

    def held(self) -> HeldBefore:
        """What was held before the first fill, as far as it is known."""
        total = EXACT.add(self.closed, self._left or Decimal(0))
        quantity = EXACT.subtract(total, self._first.quantity)
        earned = EXACT.divide(self._profit, self._size)
        opened = EXACT.add(self._worth, -earned if self._is_long else earned)
        if quantity != self.closed:
            opened = EXACT.subtract(EXACT.multiply(EXACT.divide(opened, self.closed), total), self._first.worth)
        told = f"its opening price follows from the profit {plain(self._profit)} that the file says of the next "
        told += plain(self.closed)
        if self._left is None:
            told += "; more may have been held"
        elif quantity != self.closed:
            told += ", and its quantity from the profits that follow"
        price = rounded(EXACT.divide(opened, quantity)) if quantity > 0 else Decimal(0)
        return HeldBefore(self._is_long, quantity, price, told)

    def is_explained_by(self, fill: StatementFill) -> bool:
        """Whether a fill that closes earned what it does where only what was added is held, but for fees."""
        added = self._first
        if self.closed or not added.quantity or fill.buys is self._is_long or fill.profit is None:
            return False
        closes = min(fill.quantity, added.quantity)
        earned = EXACT.multiply(closes, EXACT.subtract(fill.price, EXACT.divide(added.worth, added.quantity)))
        earned = EXACT.multiply(earned if self._is_long else -earned, self._size)
        fees = EXACT.add(added.fees, abs(fill.fee or Decimal(0)))
        near = EXACT.multiply(_NEAR, EXACT.multiply(fill.price, EXACT.multiply(closes, self._size)))
        return EXACT.subtract(fill.profit, earned).copy_abs() <= EXACT.add(fees, near)

    def takes(self, fill: StatementFill) -> bool:
        """Look at the next fill; whether more has to be looked at."""
        if fill.held is not None:
            return False  # another file says what was held then, which is compared
        self._step = min(self._step, Decimal(1).scaleb(int(fill.quantity.normalize().as_tuple().exponent)))
        if fill.buys is self._is_long:
            if tells_of_before(fill):
                return False  # it closes the other side, so that nothing was left of this one
            (self._then if self.closed else self._first).add(fill)
            return True
        if not tells_of_before(fill):
            self._left = Decimal(0) if self.closed and not self._then.quantity else None
            return False
        if self._then.quantity:
            self._leave(fill)
            return False
        closes = self._closes(fill)
        self._average = self._average if self.closed else self._average_of(fill, closes)
        self.closed = EXACT.add(self.closed, closes)
        self._worth = EXACT.add(self._worth, EXACT.multiply(closes, fill.price))
        self._profit = EXACT.add(self._profit, fill.profit or Decimal(0))
        self._left = None if closes == fill.quantity else Decimal(0)
        return closes == fill.quantity

    def _closes(self, fill: StatementFill) -> Decimal:
        """How much a fill closes: all of it, unless it earned less than that would."""
        if fill.closes is not None:
            return fill.closes
        average = self._average_of(fill, fill.quantity)
        if not self.closed or fill.price == self._average or self._is_near(average, fill.price):
            return fill.quantity
        share = EXACT.divide(EXACT.subtract(fill.price, average), EXACT.subtract(fill.price, self._average))
        closes = EXACT.multiply(fill.quantity, share).quantize(self._step, context=EXACT)
        return closes if 0 < closes < fill.quantity else fill.quantity

    def _leave(self, fill: StatementFill) -> None:
        """What was left when it was added to says the average that this fill closed at."""
        average = self._average_of(fill, fill.quantity if fill.closes is None else fill.closes)
        if self._is_near(average, fill.price):
            return
        differs = EXACT.subtract(self._then.worth, EXACT.multiply(average, self._then.quantity))
        left = EXACT.divide(differs, EXACT.subtract(average, self._average))
        step = left.quantize(self._step, context=EXACT)
        if step >= 0 and EXACT.subtract(left, step).copy_abs() < EXACT.multiply(self._step, _DOUBT):
            self._left = step

    def _average_of(self, fill: StatementFill, closes: Decimal) -> Decimal:
        """At what it was opened on average, by what was earned. Refuses: StatementRefused where that is not said."""
        if fill.profit is None:
            raise opened_before(fill)
        earned = EXACT.divide(fill.profit, EXACT.multiply(closes, self._size))
        return EXACT.add(fill.price, earned if fill.buys else -earned)

    def _is_near(self, average: Decimal, price: Decimal) -> bool:
        return EXACT.subtract(average, self._average).copy_abs() <= EXACT.multiply(price, _NEAR)


class _Sum:
    def __init__(self) -> None:
        self.quantity, self.worth, self.fees = Decimal(0), Decimal(0), Decimal(0)

    def add(self, fill: StatementFill) -> None:
        self.quantity = EXACT.add(self.quantity, fill.quantity)
        self.worth = EXACT.add(self.worth, EXACT.multiply(fill.quantity, fill.price))
        self.fees = EXACT.add(self.fees, abs(fill.fee or Decimal(0)))
