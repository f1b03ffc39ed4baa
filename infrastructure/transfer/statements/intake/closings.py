"""Fills that close a position from before a file begins: their profits give its opening price and its quantity.

The profits of the first closing fills give the average price at which the position was opened. A fill that adds to the
position changes that average, by how much depends on what is left, and the next profit gives the new average. If the
first closing fill also opened the other side, the first profit of that side gives how much it opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain
from typing import Final, NamedTuple

from domain.values import EXACT, Leg, plain, rounded
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.transfer_errors import StatementRefused

FROM_FLAT: Final = "export from a moment when nothing was held"
_NEAR: Final = Decimal("1e-7")
"""By which share of a price averages may differ that were computed from rounded profits."""
_ROUNDED: Final = Decimal("1e-8")
"""What exchanges round profits to."""
_CENT: Final = Decimal("0.01")
"""What a stated profit is rounded to at most."""
_DOUBT: Final = Decimal("0.1")
"""By which share of the least step of quantities a computed quantity may miss a multiple of it."""


class HeldBefore(NamedTuple):
    """A position without known fills; `why` says how it was derived, `may_be_more` whether it is only a least one."""

    is_long: bool
    quantity: Decimal
    price: Decimal
    why: str
    may_be_more: bool = False


def tells_of_before(fill: StatementFill) -> bool:
    """Whether a fill shows that there was a position before it, although the fills before it leave none."""
    if fill.held is not None:
        return fill.held != 0
    if fill.closes is not None:
        return fill.closes > 0
    if fill.key.leg is Leg.BOTH or fill.on_margin:
        return bool(fill.profit)
    return fill.profit is not None and fill.buys is (fill.key.leg is Leg.SHORT)


def stated_closing(fill: StatementFill) -> Decimal | None:
    """How much of a fill closes a position; None where neither its file nor its leg says it other than by a profit."""
    if fill.closes is not None:
        return fill.closes
    if fill.key.leg in (Leg.LONG, Leg.SHORT):
        return fill.quantity if fill.buys is (fill.key.leg is Leg.SHORT) else Decimal(0)
    return fill.quantity if fill.meant_to_close else None


def opened_before(fill: StatementFill) -> StatementRefused:
    """The refusal of a fill that closes what was held before, where nothing says at what price that was opened."""
    return StatementRefused.at(
        fill.line,
        f"this closes something of {fill.key} that was opened before the file begins, and the file does not say what "
        f"it earned; {FROM_FLAT}",
    )


def fits(held: HeldBefore, fills: Sequence[StatementFill], further: Iterable[StatementFill], size: Decimal) -> bool:
    """Whether a position before some fills explains the profits of half of the `further` fills, or of more of them.

    It was derived from the profits of the former, so that these agree with it whatever it is.
    """
    is_long, quantity, worth = held.is_long, held.quantity, EXACT.multiply(held.quantity, held.price)
    said = explained = 0
    for number, fill in enumerate(chain(fills, further)):
        closes = min(fill.quantity, quantity) if fill.buys is not is_long else Decimal(0)
        if closes:
            average = EXACT.divide(worth, quantity)
            if fill.profit is not None and number >= len(fills):
                said += 1
                explained += _is_earned(fill, closes, average, fill.profit, fees=Decimal(0), size=size)
            quantity, worth = EXACT.subtract(quantity, closes), EXACT.subtract(worth, EXACT.multiply(average, closes))
        if opens := EXACT.subtract(fill.quantity, closes):
            is_long, worth = fill.buys, worth if quantity else Decimal(0)
            quantity, worth = EXACT.add(quantity, opens), EXACT.add(worth, EXACT.multiply(opens, fill.price))
    return 2 * explained >= said


def _is_earned(
    fill: StatementFill, closes: Decimal, average: Decimal, profit: Decimal, *, fees: Decimal, size: Decimal
) -> bool:
    """Whether closing so much at an average earned a profit: before fees, after that of the fill, or after all of them.

    `fees` are those of the opening.
    """
    earned = EXACT.multiply(closes, EXACT.subtract(fill.price, average))
    differs = EXACT.subtract(EXACT.multiply(-earned if fill.buys else earned, size), profit)
    fee = fill.fee or Decimal(0)
    near = EXACT.multiply(_NEAR, EXACT.multiply(fill.price, EXACT.multiply(closes, size)))
    near = EXACT.add(near, min(_CENT, Decimal(1).scaleb(int(profit.as_tuple().exponent))))
    return any(EXACT.subtract(differs, paid).copy_abs() <= near for paid in (Decimal(0), fee, EXACT.add(fee, fees)))


class Closings:
    """Consecutive fills of a position: some that add, some that close, and some that add and close again."""

    def __init__(self, *, is_long: bool, size: Decimal) -> None:
        """Begin before the first fill; quantities count contracts of `size`."""
        self._size = size
        self.closed = Decimal(0)
        self._is_long, self._step = is_long, Decimal(1)
        self._first, self._then, self._over = _Sum(), _Sum(), _Sum()
        """The sums of fills that added before the first close, or after the last one, or opened the other side."""
        self._only: StatementFill | None = None
        """The only closing fill so far, if it may have opened the other side as well."""
        self._average, self._worth, self._profit = Decimal(0), Decimal(0), Decimal(0)
        self._left: Decimal | None = None
        """What is left of the position beside the closed part; None while it is not known."""

    def held(self) -> HeldBefore:
        """The position before the first fill, as far as it is known."""
        total = EXACT.add(self.closed, self._left or Decimal(0))
        quantity = EXACT.subtract(total, self._first.quantity)
        earned = EXACT.divide(self._profit, self._size)
        opened = EXACT.add(self._worth, -earned if self._is_long else earned)
        if quantity != self.closed:
            opened = EXACT.subtract(EXACT.multiply(EXACT.divide(opened, self.closed), total), self._first.worth)
        why = f"its opening price follows from the profit {plain(self._profit)} that the file says of the next "
        why += plain(self.closed)
        if self._left is None:
            why += "; more may have been held"
        elif quantity != self.closed:
            why += ", and its quantity from the profits that follow"
        price = rounded(EXACT.divide(opened, quantity)) if quantity > 0 else Decimal(0)
        return HeldBefore(self._is_long, quantity, price, why, self._left is None)

    def is_explained_by(self, fill: StatementFill) -> bool:
        """Whether the profit of a closing fill fits a position of the added quantity alone, before or after fees."""
        added = self._first
        if self.closed or not added.quantity or fill.buys is self._is_long or fill.profit is None:
            return False
        if fill.closes is not None and fill.closes > added.quantity:
            return False
        closes = min(fill.quantity, added.quantity)
        average = EXACT.divide(added.worth, added.quantity)
        fees = EXACT.divide(EXACT.multiply(added.fees, closes), added.quantity)
        return _is_earned(fill, closes, average, fill.profit, fees=fees, size=self._size)

    def takes(self, fill: StatementFill) -> bool:
        """Take the next fill; returns whether further fills are needed."""
        if fill.held is not None:
            return False  # another file states the position, which is compared with it
        self._step = min(self._step, Decimal(1).scaleb(int(fill.quantity.normalize().as_tuple().exponent)))
        if fill.buys is self._is_long:
            if tells_of_before(fill) or self._over.quantity:
                self._turn(fill)
                return False  # it closes the other side, so nothing was left of this one
            (self._then if self.closed else self._first).add(fill)
            return True
        if not tells_of_before(fill):
            self._left = Decimal(0) if self.closed and not self._then.quantity else None
            self._over.add(fill)
            return self._left is not None and self._only is not None
        if self._then.quantity:
            self._left = self._beside(self._then, self._average, fill)
            return False
        closes = self._closes(fill)
        self._only = fill if not self.closed and fill.closes is None else None
        self._average = self._average if self.closed else self._average_of(fill, closes)
        self.closed = EXACT.add(self.closed, closes)
        self._worth = EXACT.add(self._worth, EXACT.multiply(closes, fill.price))
        self._profit = EXACT.add(self._profit, fill.profit or Decimal(0))
        self._left = None if closes == fill.quantity else Decimal(0)
        return closes == fill.quantity

    def _closes(self, fill: StatementFill) -> Decimal:
        """How much of a fill closes: all of it, unless its profit is less than that of all of it."""
        if fill.closes is not None:
            return fill.closes
        average = self._average_of(fill, fill.quantity)
        if not self.closed or fill.price == self._average or self._are_near(average, self._average, fill):
            return fill.quantity
        share = EXACT.divide(EXACT.subtract(fill.price, average), EXACT.subtract(fill.price, self._average))
        closes = EXACT.multiply(fill.quantity, share).quantize(self._step, context=EXACT)
        return closes if 0 < closes < fill.quantity else fill.quantity

    def _turn(self, fill: StatementFill) -> None:
        """Compute how much the only closing fill opened of the other side, from the first profit of that side."""
        turned = self._only
        opened = None if turned is None or fill.profit is None else self._beside(self._over, turned.price, fill)
        if turned is not None and opened is not None and opened < turned.quantity:
            self.closed = EXACT.subtract(turned.quantity, opened)
            self._worth = EXACT.multiply(self.closed, turned.price)

    def _beside(self, added: _Sum, price: Decimal, fill: StatementFill) -> Decimal | None:
        """How much was held at a price beside what was added, by the profit of a fill that closes a part or all of it.

        None if the profit does not say it.
        """
        closes = fill.quantity if fill.closes is None else fill.closes
        earned = EXACT.divide(fill.profit or Decimal(0), self._size)
        of_part = self._average_of(fill, closes), Decimal(0), False
        of_all = fill.price, -earned if fill.buys else earned, True
        for average, more, closes_all in (of_part, of_all):
            if self._are_near(average, price, fill):
                continue
            differs = EXACT.add(EXACT.subtract(added.worth, EXACT.multiply(average, added.quantity)), more)
            held = EXACT.divide(differs, EXACT.subtract(average, price))
            step = held.quantize(self._step, context=EXACT)
            is_step = step >= 0 and EXACT.subtract(held, step).copy_abs() < EXACT.multiply(self._step, _DOUBT)
            if is_step and closes_all is (closes > EXACT.add(added.quantity, step)):
                return step
        return None

    def _average_of(self, fill: StatementFill, closes: Decimal) -> Decimal:
        """The average opening price, by the profit of a fill. Refuses: StatementRefused where it states none."""
        if fill.profit is None:
            raise opened_before(fill)
        earned = EXACT.divide(fill.profit, EXACT.multiply(closes, self._size))
        return EXACT.add(fill.price, earned if fill.buys else -earned)

    def _are_near(self, average: Decimal, other: Decimal, fill: StatementFill) -> bool:
        """Whether averages differ by no more than the rounding of the profit of a fill, and of those before it."""
        rounded_by = EXACT.divide(_ROUNDED, EXACT.multiply(fill.quantity, self._size))
        near = EXACT.add(EXACT.multiply(fill.price, _NEAR), rounded_by)
        return EXACT.subtract(average, other).copy_abs() <= near


class _Sum:
    def __init__(self) -> None:
        self.quantity, self.worth, self.fees = Decimal(0), Decimal(0), Decimal(0)

    def add(self, fill: StatementFill) -> None:
        self.quantity = EXACT.add(self.quantity, fill.quantity)
        self.worth = EXACT.add(self.worth, EXACT.multiply(fill.quantity, fill.price))
        self.fees = EXACT.add(self.fees, fill.fee or Decimal(0))
