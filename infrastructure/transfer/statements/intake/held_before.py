"""The position before a file begins: it is derived from what the file says about the fills that closed it.

What is settled in its base is looked at in a mirror: the gain of a long there is that of a short here, of as many
contracts at one divided by the prices.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import chain, islice
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from domain.values import EXACT, Leg, plain, rounded
from infrastructure.transfer.statements.intake.closings import (
    FROM_FLAT,
    Closings,
    HeldBefore,
    fits,
    opened_before,
    stated_closing,
)
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.transfer_errors import StatementRefused

_OTHER_LEG: Final = MappingProxyType({Leg.LONG: Leg.SHORT, Leg.SHORT: Leg.LONG})
_LOOKED_AT: Final = 1_000
"""How many fills are searched for one that closes; without one the position before the file stays unknown."""
_FITTED: Final = 100
"""To how many further fills a position is fitted to which the first fill may have added."""


def held_before(first: StatementFill, ahead: Iterable[StatementFill], size: Decimal) -> HeldBefore:
    """The position before a fill that shows that there was one, in contracts of `size`. Refuses: StatementRefused."""
    if not first.key.is_inverse:
        return _above_zero(first, _held_before(first, ahead, size), size)
    try:
        held = _held_before(_mirrored(first), map(_mirrored, ahead), size)
    except StatementRefused:  # in its words long is short
        raise (opened_before(first) if first.held is None else _of_no_price(first, first.held)) from None
    return _seen_in_mirror(_above_zero(first, held, size))


def added_to(first: StatementFill, ahead: Iterable[StatementFill], size: Decimal) -> HeldBefore | None:
    """The position to which the first fill of a key added, by the profits of later fills; None if there was none."""
    if first.key.is_inverse:
        held = _added_to(_mirrored(first), map(_mirrored, ahead), size)
        return None if held is None else _seen_in_mirror(held)
    return _added_to(first, ahead, size)


def quantity_before(first: StatementFill, ahead: Iterable[StatementFill]) -> Decimal:
    """By how much fills close more than they open, until nothing is held, by what they say that they close.

    So much was held before the first one. Zero where they do not say it, or close no more than they open.
    """
    held, before, is_long = Decimal(0), Decimal(0), first.buys is not bool(stated_closing(first))
    for fill in chain([first], islice(ahead, _LOOKED_AT)):
        closes = stated_closing(fill)
        if closes is None or (fill.buys is is_long) is bool(closes) or (before and not held and not closes):
            break  # what it opens, or closes, is not of this position
        more = max(EXACT.subtract(closes, held), Decimal(0))
        before = EXACT.add(before, more)
        held = EXACT.add(held, EXACT.subtract(more, closes) if closes else fill.quantity)
        if closes and (closes < fill.quantity or not (before or held)):
            break
    return before


def _mirrored(fill: StatementFill) -> StatementFill:
    key = fill.key.on(_OTHER_LEG[fill.key.leg]) if fill.key.leg in _OTHER_LEG else fill.key
    held = None if fill.held is None else -fill.held
    return replace(fill, key=key, buys=not fill.buys, price=EXACT.divide(Decimal(1), fill.price), held=held)


def _seen_in_mirror(held: HeldBefore) -> HeldBefore:
    return held._replace(is_long=not held.is_long, price=rounded(EXACT.divide(Decimal(1), held.price)))


def _held_before(first: StatementFill, ahead: Iterable[StatementFill], size: Decimal) -> HeldBefore:
    if first.held is not None:
        return _priced(first, first.held, ahead, size)
    closings = Closings(is_long=not first.buys, size=size)
    for fill in chain([first], ahead):
        if not closings.takes(fill):
            break
    return closings.held()


def _added_to(first: StatementFill, ahead: Iterable[StatementFill], size: Decimal) -> HeldBefore | None:
    if first.profit is None or first.held is not None:
        return None
    closings, fills = Closings(is_long=first.buys, size=size), chain([first], islice(ahead, _LOOKED_AT))
    looked_at = list[StatementFill]()
    for fill in fills:
        looked_at.append(fill)
        if closings.is_explained_by(fill) or not closings.takes(fill):
            break
    held = closings.held() if closings.closed else None
    if held is None or not held.quantity > 0 < held.price:
        return None
    return held if fits(held, looked_at, islice(fills, _FITTED), size) else None


def _above_zero(first: StatementFill, held: HeldBefore, size: Decimal) -> HeldBefore:
    if held.price <= 0:
        unit = "units" if size == 1 else f"contracts of {plain(size)}"
        raise StatementRefused.at(
            first.line,
            f"{first.key} was held before the file begins, and {held.why}, which no price above zero gives: perhaps "
            f"the file does not count {unit}, as it is read; else {FROM_FLAT}",
        )
    return held


def _priced(first: StatementFill, held: Decimal, ahead: Iterable[StatementFill], size: Decimal) -> HeldBefore:
    """A stated position with its opening price, which follows from the average at the first fill that closes."""
    is_long, quantity = held > 0, held.copy_abs()
    total, added = quantity, Decimal(0)
    for fill in chain([first], ahead):
        if fill.buys is is_long:
            total = EXACT.add(total, fill.quantity)
            added = EXACT.add(added, EXACT.multiply(fill.quantity, fill.price))
            continue
        if fill.profit is None:
            break
        earned = EXACT.divide(fill.profit, EXACT.multiply(min(fill.quantity, total), size))
        average = EXACT.subtract(fill.price, earned if is_long else -earned)
        opened = EXACT.subtract(EXACT.multiply(average, total), added)
        return HeldBefore(
            is_long=is_long,
            quantity=quantity,
            price=rounded(EXACT.divide(opened, quantity)),
            why=f"its opening price follows from the profit {plain(fill.profit)} that the file says of trade "
            f"{fill.trade_id}",
        )
    raise _of_no_price(first, held)


def _of_no_price(first: StatementFill, held: Decimal) -> StatementRefused:
    return StatementRefused.at(
        first.line,
        f"by the file {plain(held)} of {first.key} was held before this, and nothing in it says at what price it was "
        f"opened; {FROM_FLAT}",
    )
