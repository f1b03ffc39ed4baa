"""The netting of fills, compared with an independent count."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from domain.instrument import LINEAR
from domain.values import Leg
from infrastructure.simulation.books.leg_book import HeldLeg

FILLS = st.lists(st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 50), st.integers(1, 9)), max_size=12)


@given(FILLS)
def test_what_is_held_and_its_average_are_those_of_lots_taken_first_in_average(
    fills: list[tuple[str, int, int]],
) -> None:
    held = HeldLeg(Leg.BOTH, LINEAR)
    exposure, average = 0, Fraction(0)
    for number, (side, quantity, price) in enumerate(fills):
        held.take(str(number), side, Decimal(quantity), Decimal(price))
        change = quantity if side == "buy" else -quantity
        after = exposure + change
        if exposure * change >= 0:
            average = (average * abs(exposure) + price * quantity) / abs(after)
        elif exposure * after < 0:
            average = Fraction(price)
        exposure = after
    assert held.exposure == exposure
    if exposure:
        assert held.holding.avg_px_open is not None
        assert abs(Fraction(held.holding.avg_px_open) - average) < Fraction(1, 10**15)


def test_who_adds_to_what_another_one_opened_is_told() -> None:
    held = HeldLeg(Leg.BOTH, LINEAR)
    assert not held.take("a", "buy", Decimal(1), Decimal(1))
    assert not held.take("a", "buy", Decimal(1), Decimal(1))
    assert held.take("b", "buy", Decimal(1), Decimal(1))
    assert not held.take("c", "sell", Decimal(4), Decimal(1))
    assert held.entries == ["c"]
