from __future__ import annotations

from decimal import Decimal

import pytest

from domain.stop import Stop, is_losing_side
from domain.values import Side


@pytest.mark.parametrize(
    ("side", "stop", "entry", "loses"),
    [
        (Side.LONG, "99.99", "100", True),
        (Side.LONG, "100", "100", False),
        (Side.LONG, "100.01", "100", False),
        (Side.SHORT, "100.01", "100", True),
        (Side.SHORT, "100", "100", False),
        (Side.SHORT, "99.99", "100", False),
    ],
)
def test_a_stop_stands_where_the_position_loses(side: Side, stop: str, entry: str, *, loses: bool) -> None:
    assert is_losing_side(side, Decimal(stop), Decimal(entry)) is loses


def _stop(price: str, quantity: str | None = None, *, locks_profit: bool = False) -> Stop:
    return Stop(Decimal(price), None if quantity is None else Decimal(quantity), "s1", locks_profit)


@pytest.mark.parametrize(
    ("stop", "protects"),
    [
        (_stop("98"), True),
        (_stop("98", "10"), True),
        (_stop("98", "10.000000000000000001"), True),
        (_stop("98", "9.999999999999999999"), False),
        (_stop("102"), False),
        (_stop("100"), False),
        (_stop("102", locks_profit=True), True),
        (_stop("102", "9", locks_profit=True), False),
    ],
    ids=str,
)
def test_a_stop_protects_all_of_a_position_or_none_of_it(stop: Stop, *, protects: bool) -> None:
    assert stop.protects(Side.LONG, Decimal(10), Decimal(100)) is protects


def test_no_stop_protects_at_an_average_price_that_is_not_known() -> None:
    assert not _stop("98", locks_profit=True).protects(Side.LONG, Decimal(10), None)
