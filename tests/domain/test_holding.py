from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decisions.counting import EntryCount
from domain.holding import Holding
from domain.instrument import LINEAR
from domain.orders.order import Order
from domain.values import EXACT, Side, plain
from tests.spec import second
from tests.strategies import numbers

D = Decimal
Fill = tuple[Decimal, Decimal]
FILLS = st.lists(st.tuples(numbers(), numbers()), min_size=1, max_size=5)


class Book:
    """A cycle of one entry order: its totals, as fills, statements and exits are told one after the other."""

    def __init__(self) -> None:
        self.held, self.order = Holding(), Order(name="entry")

    def fill(self, qty: Decimal, px: Decimal) -> Self:
        with localcontext(EXACT):
            after = self.order.with_fill(qty, qty * px)
            self.held = EntryCount(self.order, after, self.held, Side.LONG, LINEAR).by_fill(qty, qty * px)
        self.order = after
        return self

    def statement(self, qty: Decimal, px: Decimal | None) -> Self:
        after = self.order.with_statement(qty, None if px is None else EXACT.multiply(qty, px), second(0))
        self.held = EntryCount(self.order, after, self.held, Side.LONG, LINEAR).by_statement()
        self.order = after
        return self

    def exit(self, side: Side, qty: Decimal, px: Decimal | None) -> Self:
        self.held = sold(self.held, side, qty, px)
        return self


def sold(held: Holding, side: Side, qty: Decimal, px: Decimal | None) -> Holding:
    return held.with_exit(side, qty, None if px is None else EXACT.multiply(qty, px), LINEAR)


def filled(*fills: tuple[str, str]) -> Holding:
    book = Book()
    for qty, px in fills:
        book.fill(D(qty), D(px))
    return book.held


def _total(held: Holding, name: str) -> Decimal | None:
    value: Decimal | None = held.avg_px_close(LINEAR) if name == "avg_px_close" else getattr(held, name)
    return value


def facts(held: Holding, *names: str) -> dict[str, str | None]:
    return {name: None if (value := _total(held, name)) is None else plain(value) for name in names}


def test_nothing_is_held_before_the_first_fill() -> None:
    assert facts(Holding(), "quantity", "filled_qty", "avg_px_open", "realized_pnl", "avg_px_close") == {
        "quantity": "0",
        "filled_qty": "0",
        "avg_px_open": None,
        "realized_pnl": "0",
        "avg_px_close": None,
    }


def test_the_average_price_is_weighed_by_quantity() -> None:
    assert facts(filled(("60", "3.23"), ("1.8", "3.24")), "quantity", "avg_px_open", "cost") == {
        "quantity": "61.8",
        "avg_px_open": "3.23029126213592233",
        "cost": "199.632",
    }


def test_a_partial_exit_leaves_the_average_entry_alone() -> None:
    held = sold(filled(("100", "10")), Side.LONG, D("40"), D("11"))
    assert facts(held, "quantity", "filled_qty", "closed_qty", "avg_px_open", "avg_px_close", "realized_pnl") == {
        "quantity": "60",
        "filled_qty": "100",
        "closed_qty": "40",
        "avg_px_open": "10",
        "avg_px_close": "11",
        "realized_pnl": "40",
    }


def test_a_partial_exit_releases_its_share_of_the_cost_and_not_of_a_rounded_average() -> None:
    held = sold(filled(("1", "1"), ("2", "2")), Side.LONG, D("2"), D("2"))
    assert facts(held, "cost", "realized_pnl") == {
        "cost": "1.666666666666666667",
        "realized_pnl": "0.666666666666666667",
    }


def test_a_short_earns_when_the_price_falls() -> None:
    assert sold(filled(("60", "1.75")), Side.SHORT, D("60"), D("1.616")).realized_pnl == D("8.04")


def test_an_exit_at_a_price_that_is_not_known_leaves_the_profit_unknown() -> None:
    held = sold(sold(filled(("100", "10")), Side.LONG, D("40"), None), Side.LONG, D("60"), D("11"))
    assert facts(held, "quantity", "closed_qty", "realized_pnl", "avg_px_close") == {
        "quantity": "0",
        "closed_qty": "100",
        "realized_pnl": None,
        "avg_px_close": None,
    }


def test_an_entry_at_a_price_that_is_not_known_leaves_the_profit_unknown() -> None:
    held = Book().statement(D("100"), None).exit(Side.LONG, D("100"), D("11")).held
    assert facts(held, "quantity", "avg_px_open", "realized_pnl") == {
        "quantity": "0",
        "avg_px_open": None,
        "realized_pnl": None,
    }


def test_a_statement_says_all_that_was_filled_until_then() -> None:
    held = Book().fill(D("20"), D("10")).statement(D("50"), D("10.6")).held
    assert facts(held, "quantity", "filled_qty", "avg_px_open") == {
        "quantity": "50",
        "filled_qty": "50",
        "avg_px_open": "10.6",
    }


def test_a_statement_that_knows_less_changes_nothing() -> None:
    held = filled(("20", "10"))
    for qty, px in (("10", D("99")), ("20", D("99")), ("0", None)):
        assert Book().fill(D("20"), D("10")).statement(D(qty), px).held == held


def test_a_statement_may_bring_the_price_that_was_not_known() -> None:
    held = Book().statement(D("20"), None).statement(D("20"), D("10")).held
    assert facts(held, "quantity", "avg_px_open", "cost") == {"quantity": "20", "avg_px_open": "10", "cost": "200"}


def test_the_fill_that_a_statement_counted_brings_the_price_that_was_not_known() -> None:
    held = Book().statement(D("61.8"), None).fill(D("61.8"), D("3.2333")).held
    assert facts(held, "quantity", "avg_px_open") == {"quantity": "61.8", "avg_px_open": "3.2333"}


def test_a_statement_after_a_partial_exit_adds_what_is_missing() -> None:
    held = Book().fill(D("20"), D("10")).exit(Side.LONG, D("5"), D("11")).statement(D("30"), D("10")).held
    assert facts(held, "quantity", "filled_qty", "closed_qty", "avg_px_open") == {
        "quantity": "25",
        "filled_qty": "30",
        "closed_qty": "5",
        "avg_px_open": "10",
    }


def test_a_fill_that_a_statement_counted_is_not_counted_again() -> None:
    book = Book().statement(D("61.8"), D("3.2333")).fill(D("61.8"), D("3.2333"))
    assert book.held.quantity == D("61.8")


def test_fills_beyond_a_statement_count_whatever_was_requested() -> None:
    assert Book().statement(D("20"), D("10")).fill(D("30"), D("11")).held.quantity == D("30")


def test_what_becomes_known_of_the_cost_after_an_exit_is_cost_of_what_is_left() -> None:
    book = Book().statement(D("2"), D("2000")).exit(Side.LONG, D("1"), D("2100")).fill(D("2"), D("1990"))
    assert facts(book.held, "cost", "realized_pnl") == {"cost": "1980", "realized_pnl": "100"}


def test_what_becomes_known_of_the_cost_when_all_is_sold_is_profit() -> None:
    book = Book().statement(D("2"), D("2000")).exit(Side.LONG, D("2"), D("2100")).fill(D("2"), D("1990"))
    assert facts(book.held, "cost", "realized_pnl") == {"cost": "0", "realized_pnl": "220"}


@given(st.lists(st.tuples(st.integers(1, 9), numbers()), min_size=1, max_size=6), st.integers(0, 6))
def test_in_the_end_statement_and_fills_add_up_to_what_was_requested(
    fills: list[tuple[int, Decimal]], seen: int
) -> None:
    requested = D(sum(qty for qty, _ in fills))
    book = Book().statement(D(sum(qty for qty, _ in fills[:seen])), D("10"))
    for qty, px in fills:
        book.fill(D(qty), px)
    assert book.held.quantity == book.held.filled_qty == requested
    with localcontext(EXACT):
        assert book.held.cost == sum(qty * px for qty, px in fills)


def test_what_was_closed_and_earned_stays_when_the_quantity_is_corrected() -> None:
    held = sold(filled(("61.8", "3.2333")), Side.SHORT, D("10"), D("3.2")).corrected(D("51"), D("3.2295"), LINEAR)
    assert facts(held, "quantity", "filled_qty", "closed_qty", "avg_px_open", "realized_pnl") == {
        "quantity": "51",
        "filled_qty": "61",
        "closed_qty": "10",
        "avg_px_open": "3.2295",
        "realized_pnl": "0.333",
    }


def test_a_correction_that_changes_nothing_leaves_the_exact_cost_alone() -> None:
    held = filled(("60", "3.2333"), ("1.8", "3.2433"))
    corrected = held.corrected(held.quantity, held.avg_px_open, LINEAR)
    assert facts(corrected, "quantity", "avg_px_open", "cost") == facts(held, "quantity", "avg_px_open", "cost")


@given(numbers(), numbers(), numbers())
def test_a_fill_adds_at_most_itself_and_never_takes_away(stated: Decimal, qty: Decimal, px: Decimal) -> None:
    before = Book().statement(stated, px)
    quantity = before.held.quantity
    after = before.fill(qty, px).held
    with localcontext(EXACT):
        assert quantity <= after.quantity <= quantity + qty


def test_fees_are_added_and_a_rebate_is_taken_off() -> None:
    held = Holding().with_fee(D("0.1"), None).with_fee(D("-0.02"), None).with_fee(None, None)
    assert (held.fees, held.fees_other) == (D("0.08"), {})


def test_a_fee_in_another_currency_is_kept_apart() -> None:
    held = (
        Holding()
        .with_fee(D("0.1"), None)
        .with_fee(D("0.001"), "BNB")
        .with_fee(D("7"), "APT")
        .with_fee(D("0.002"), "BNB")
    )
    assert (held.fees, held.fees_other) == (D("0.1"), {"BNB": D("0.003"), "APT": D("7")})


def _split(draw: st.DrawFn, whole: Decimal) -> list[Decimal]:
    """Any way to take `whole` apart; the last part is what is left."""
    parts: list[Decimal] = []
    left = int(whole.scaleb(18, EXACT))
    while left and len(parts) < 5:
        parts.append(D(draw(st.integers(1, left))).scaleb(-18, EXACT))
        left -= int(parts[-1].scaleb(18, EXACT))
    return [*parts, D(left).scaleb(-18, EXACT)] if left else parts


@st.composite
def round_trips(draw: st.DrawFn) -> tuple[Side, list[Fill], list[Fill]]:
    """Entry fills, and exit fills that close exactly as much."""
    entries = draw(FILLS)
    with localcontext(EXACT):
        whole = sum((qty for qty, _ in entries), D(0))
    return draw(st.sampled_from(Side)), entries, [(qty, draw(numbers())) for qty in _split(draw, whole)]


def _entered(fills: Sequence[Fill]) -> Holding:
    book = Book()
    for qty, px in fills:
        book.fill(qty, px)
    return book.held


def _worth(fills: Sequence[Fill]) -> Decimal:
    return sum((qty * px for qty, px in fills), D(0))


@given(round_trips())
def test_profit_over_a_whole_cycle_is_exactly_proceeds_minus_cost(trip: tuple[Side, list[Fill], list[Fill]]) -> None:
    side, entries, exits = trip
    held = _entered(entries)
    for qty, px in exits:
        held = sold(held, side, qty, px)
    with localcontext(EXACT):
        assert held.realized_pnl == side.sign * (_worth(exits) - _worth(entries))
    assert (held.quantity, held.cost, held.closed_qty) == (D(0), D(0), held.filled_qty)


@given(round_trips())
def test_the_profits_of_the_exits_add_up_to_that_of_the_cycle(trip: tuple[Side, list[Fill], list[Fill]]) -> None:
    side, entries, exits = trip
    held = _entered(entries)
    gained = D(0)
    with localcontext(EXACT):
        for qty, px in exits:
            after = sold(held, side, qty, px)
            gained += after.gained_since(held) or 0
            held = after
        assert gained == held.realized_pnl


@given(FILLS)
def test_the_average_lies_between_the_cheapest_and_the_dearest_fill(fills: list[Fill]) -> None:
    held = _entered(fills)
    prices = [px for _, px in fills]
    assert held.avg_px_open is not None
    assert min(prices) <= held.avg_px_open <= max(prices)


@given(round_trips(), st.integers(2, 9))
@pytest.mark.filterwarnings("error")
def test_a_bot_that_rounds_its_own_numbers_does_not_round_ours(
    trip: tuple[Side, list[Fill], list[Fill]], precision: int
) -> None:
    def total() -> Holding:
        held = _entered(trip[1])
        for qty, px in trip[2]:
            held = sold(held, trip[0], qty, px)
        return held

    expected = total()
    with localcontext() as context:
        context.prec = precision
        assert total() == expected
