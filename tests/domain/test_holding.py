from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.holding import Holding
from domain.values import EXACT, Side, plain
from tests.strategies import numbers

D = Decimal
Fill = tuple[Decimal, Decimal]
FILLS = st.lists(st.tuples(numbers(), numbers()), min_size=1, max_size=5)


def filled(*fills: tuple[str, str], requested: str | None = None) -> Holding:
    held = Holding()
    for qty, px in fills:
        held = held.with_fill(D(qty), D(px), requested=None if requested is None else D(requested))
    return held


def facts(held: Holding, *names: str) -> dict[str, str | None]:
    return {name: None if (value := getattr(held, name)) is None else plain(value) for name in names}


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
    held = filled(("100", "10")).with_exit(Side.LONG, D("40"), D("11"))
    assert facts(held, "quantity", "filled_qty", "closed_qty", "avg_px_open", "avg_px_close", "realized_pnl") == {
        "quantity": "60",
        "filled_qty": "100",
        "closed_qty": "40",
        "avg_px_open": "10",
        "avg_px_close": "11",
        "realized_pnl": "40",
    }


def test_a_partial_exit_releases_its_share_of_the_cost_and_not_of_a_rounded_average() -> None:
    held = filled(("1", "1"), ("2", "2")).with_exit(Side.LONG, D("2"), D("2"))
    assert facts(held, "cost", "realized_pnl") == {
        "cost": "1.666666666666666667",
        "realized_pnl": "0.666666666666666667",
    }


def test_a_short_earns_when_the_price_falls() -> None:
    assert filled(("60", "1.75")).with_exit(Side.SHORT, D("60"), D("1.616")).realized_pnl == D("8.04")


def test_an_exit_at_a_price_that_is_not_known_leaves_the_profit_unknown() -> None:
    held = filled(("100", "10")).with_exit(Side.LONG, D("40"), None).with_exit(Side.LONG, D("60"), D("11"))
    assert facts(held, "quantity", "closed_qty", "realized_pnl", "avg_px_close") == {
        "quantity": "0",
        "closed_qty": "100",
        "realized_pnl": None,
        "avg_px_close": None,
    }


def test_an_entry_at_a_price_that_is_not_known_leaves_the_profit_unknown() -> None:
    held = Holding().with_statement(D("100"), None).with_exit(Side.LONG, D("100"), D("11"))
    assert facts(held, "quantity", "avg_px_open", "realized_pnl") == {
        "quantity": "0",
        "avg_px_open": None,
        "realized_pnl": None,
    }


def test_a_statement_says_all_that_was_filled_until_then() -> None:
    held = filled(("20", "10")).with_statement(D("50"), D("10.6"))
    assert facts(held, "quantity", "filled_qty", "avg_px_open") == {
        "quantity": "50",
        "filled_qty": "50",
        "avg_px_open": "10.6",
    }


def test_a_statement_that_knows_less_changes_nothing() -> None:
    held = filled(("20", "10"))
    assert held.with_statement(D("10"), D("99")) == held
    assert held.with_statement(D("20"), D("99")) == held
    assert held.with_statement(D("0"), None) == held


def test_a_statement_may_bring_the_price_that_was_not_known() -> None:
    held = Holding().with_statement(D("20"), None).with_statement(D("20"), D("10"))
    assert facts(held, "quantity", "avg_px_open", "cost") == {"quantity": "20", "avg_px_open": "10", "cost": "200"}


def test_the_fill_that_a_statement_counted_brings_the_price_that_was_not_known() -> None:
    held = Holding().with_statement(D("61.8"), None).with_fill(D("61.8"), D("3.2333"), requested=D("61.8"))
    assert facts(held, "quantity", "avg_px_open") == {"quantity": "61.8", "avg_px_open": "3.2333"}


def test_a_statement_after_a_partial_exit_adds_what_is_missing() -> None:
    held = filled(("20", "10")).with_exit(Side.LONG, D("5"), D("11")).with_statement(D("30"), D("10"))
    assert facts(held, "quantity", "filled_qty", "closed_qty", "avg_px_open") == {
        "quantity": "25",
        "filled_qty": "30",
        "closed_qty": "5",
        "avg_px_open": "10",
    }


def test_a_fill_that_a_statement_counted_is_not_counted_again_beyond_what_was_requested() -> None:
    stated = Holding().with_statement(D("61.8"), D("3.2333"))
    assert stated.with_fill(D("61.8"), D("3.2333"), requested=D("61.8")).quantity == D("61.8")


def test_a_fill_that_fits_within_what_was_requested_is_counted() -> None:
    stated = Holding().with_statement(D("20"), D("10"))
    assert stated.with_fill(D("30"), D("11"), requested=D("50")).quantity == D("50")


def test_more_than_was_requested_is_counted_when_no_statement_can_have_counted_it() -> None:
    assert filled(("30", "10"), ("30", "10"), requested="50").quantity == D("60")


@given(st.lists(st.tuples(st.integers(1, 9), numbers()), min_size=1, max_size=6), st.integers(0, 6))
def test_in_the_end_statement_and_fills_add_up_to_what_was_requested(
    fills: list[tuple[int, Decimal]], seen: int
) -> None:
    requested = D(sum(qty for qty, _ in fills))
    stated = D(sum(qty for qty, _ in fills[:seen]))
    held = Holding().with_statement(stated, D("10"))
    for qty, px in fills:
        held = held.with_fill(D(qty), px, requested=requested)
    assert held.quantity == held.filled_qty == requested


def test_what_was_closed_and_earned_stays_when_the_quantity_is_corrected() -> None:
    held = filled(("61.8", "3.2333")).with_exit(Side.SHORT, D("10"), D("3.2")).corrected(D("51"), D("3.2295"))
    assert facts(held, "quantity", "filled_qty", "closed_qty", "avg_px_open", "realized_pnl") == {
        "quantity": "51",
        "filled_qty": "61",
        "closed_qty": "10",
        "avg_px_open": "3.2295",
        "realized_pnl": "0.333",
    }


def test_a_correction_that_changes_nothing_leaves_the_exact_cost_alone() -> None:
    held = filled(("60", "3.2333"), ("1.8", "3.2433"))
    corrected = held.corrected(held.quantity, held.avg_px_open)
    assert facts(corrected, "quantity", "avg_px_open", "cost") == facts(held, "quantity", "avg_px_open", "cost")


def test_a_fill_never_makes_a_position_smaller() -> None:
    more_than_requested = Holding().with_statement(D("86"), D("0.1358"))
    assert more_than_requested.with_fill(D("1"), D("0.1358"), requested=D("43")).quantity >= D("86")


@given(numbers(), numbers(), numbers(), st.none() | numbers())
def test_a_fill_adds_at_most_itself_and_never_takes_away(
    stated: Decimal, qty: Decimal, px: Decimal, requested: Decimal | None
) -> None:
    before = Holding().with_statement(stated, px)
    after = before.with_fill(qty, px, requested=requested)
    with localcontext(EXACT):
        assert before.quantity <= after.quantity <= before.quantity + qty


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


def _worth(fills: Sequence[Fill]) -> Decimal:
    return sum((qty * px for qty, px in fills), D(0))


@given(round_trips())
def test_profit_over_a_whole_cycle_is_exactly_proceeds_minus_cost(trip: tuple[Side, list[Fill], list[Fill]]) -> None:
    side, entries, exits = trip
    held = Holding()
    for qty, px in entries:
        held = held.with_fill(qty, px, requested=None)
    for qty, px in exits:
        held = held.with_exit(side, qty, px)
    with localcontext(EXACT):
        assert held.realized_pnl == side.sign * (_worth(exits) - _worth(entries))
    assert (held.quantity, held.cost, held.closed_qty) == (D(0), D(0), held.filled_qty)


@given(round_trips())
def test_the_profits_of_the_exits_add_up_to_that_of_the_cycle(trip: tuple[Side, list[Fill], list[Fill]]) -> None:
    side, entries, exits = trip
    held = Holding()
    for qty, px in entries:
        held = held.with_fill(qty, px, requested=None)
    gained = D(0)
    with localcontext(EXACT):
        for qty, px in exits:
            after = held.with_exit(side, qty, px)
            gained += after.gained_since(held) or 0
            held = after
        assert gained == held.realized_pnl


@given(FILLS)
def test_the_average_lies_between_the_cheapest_and_the_dearest_fill(fills: list[Fill]) -> None:
    held = Holding()
    for qty, px in fills:
        held = held.with_fill(qty, px, requested=None)
    prices = [px for _, px in fills]
    assert held.avg_px_open is not None
    assert min(prices) <= held.avg_px_open <= max(prices)


@given(round_trips(), st.integers(2, 9))
@pytest.mark.filterwarnings("error")
def test_a_bot_that_rounds_its_own_numbers_does_not_round_ours(
    trip: tuple[Side, list[Fill], list[Fill]], precision: int
) -> None:
    def total() -> Holding:
        held = Holding()
        for qty, px in trip[1]:
            held = held.with_fill(qty, px, requested=None)
        for qty, px in trip[2]:
            held = held.with_exit(trip[0], qty, px)
        return held

    expected = total()
    with localcontext() as context:
        context.prec = precision
        assert total() == expected
