"""What an order closed is counted once, whether it is told in sum, fill by fill, after a guess, or after all of it."""

from __future__ import annotations

from typing import Any

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.errors import PositionNotOpen, ReduceExceedsPosition
from domain.events import OrderEnded, PositionClosed, PositionReduced
from domain.values import timestamp_text
from projections.event_time.past_rows import row_at
from tests.spec import Story, given, on, request, second

HELD = c.Adopt.of(symbol="APTUSDT", exchange="binance", side="long", quantity="10", avg_px_open="100", reason="found")
GONE = on(c.Close, exit_reason="not at the exchange any more")


def asked(**more: Any) -> o.RequestExit:
    return on(o.RequestExit, reason="signal", **more)


def sold(story: Story, trade_id: str, qty: str, px: str, **more: Any) -> Story:
    """A fill of the first order that closes."""
    return story.when(on(c.Reduce, trade_id=trade_id, last_qty=qty, last_px=px, client_order_id=_exit(story), **more))


def ended(story: Story, outcome: str = "filled", **stated: Any) -> Story:
    """The end of that order, with what the exchange states of it."""
    return story.when(on(o.EndOrder, outcome=outcome, client_order_id=_exit(story), **stated))


def _exit(story: Story) -> str | None:
    assert story.position is not None and story.position.row is not None
    return story.position.row.orders["exit.1"].client_order_id


def is_the_same_by_event_time(story: Story) -> None:
    row = story.rows["APTUSDT.binance#1"]
    told = row_at(story.history, second(3600))
    assert told is not None
    assert (told.quantity, told.realized_pnl) == (row.quantity, row.realized_pnl)


def test_fills_price_what_was_stated_without_a_price() -> None:
    story = ended(given(HELD, asked()), filled_qty="10").then(OrderEnded).leaves(quantity="0", realized_pnl=None)
    sold(story, "x1", "4", "110").leaves(quantity="0", realized_pnl=None)
    sold(story, "x2", "6", "105").leaves(quantity="0", realized_pnl="70", avg_px_close="107")
    is_the_same_by_event_time(story)


def test_fills_price_what_was_stated_without_a_price_after_the_end_as_well() -> None:
    story = ended(given(HELD, asked()), filled_qty="10").when(on(c.Close, exit_reason="signal"))
    sold(sold(story, "x1", "4", "110"), "x2", "6", "105").leaves(status="closed", realized_pnl="70", avg_px_close="107")


def test_a_price_that_is_stated_later_prices_what_no_fill_has_told() -> None:
    story = ended(given(HELD, asked()), "canceled", filled_qty="4")
    sold(story, "x1", "3", "111").leaves(quantity="6", realized_pnl=None)
    ended(story, "canceled", filled_qty="4", avg_px="112").leaves(quantity="6", realized_pnl="48")
    sold(story, "x2", "1", "115").leaves(quantity="6", realized_pnl="48")
    is_the_same_by_event_time(story)


def test_more_than_was_stated_without_a_price_closes_as_well() -> None:
    story = ended(given(HELD, asked()), "canceled", filled_qty="4")
    sold(story, "x1", "6", "111").then(PositionReduced, pnl=None).leaves(quantity="4", realized_pnl="66")
    is_the_same_by_event_time(story)


def test_a_total_without_a_price_says_nothing_of_the_price_of_an_earlier_one() -> None:
    def stated(*totals: tuple[str, str | None]) -> Story:
        story = given(HELD, asked())
        for filled_qty, avg_px in totals:
            story = ended(story, "canceled", filled_qty=filled_qty, **({} if avg_px is None else {"avg_px": avg_px}))
        return story

    early = ("2", "110"), ("5", None)
    stated(*early).leaves(quantity="5", realized_pnl=None)
    priced = stated(*early, ("5", "108")).leaves(quantity="5", realized_pnl="40", avg_px_close="108")
    is_the_same_by_event_time(priced)
    grown = stated(*early, ("8", "108"), ("10", "109")).leaves(quantity="0", realized_pnl="90", avg_px_close="109")
    is_the_same_by_event_time(grown)
    for first, second_fill in ((("2", "110"), ("3", "107")), (("3", "107"), ("2", "110"))):
        part = sold(stated(*early), "x1", *first).leaves(quantity="5", realized_pnl=None)
        told = sold(part, "x2", *second_fill).leaves(quantity="5", realized_pnl="41")
        is_the_same_by_event_time(told)


def test_the_fill_of_a_priced_statement_explains_nothing_else() -> None:
    story = ended(given(HELD, asked(quantity="4")), filled_qty="4", avg_px="110").when(GONE)
    sold(story, "x1", "4", "109").leaves(realized_pnl=None)
    story.when(on(c.Reduce, trade_id="x2", last_qty="6", last_px="90")).leaves(realized_pnl="-24")


def test_a_statement_explains_an_end_that_nobody_saw() -> None:
    story = ended(given(HELD, asked(), GONE), filled_qty="10", avg_px="110").then(OrderEnded, late=True)
    story.leaves(realized_pnl="100", avg_px_close="110")
    sold(story, "x1", "10", "111").leaves(realized_pnl="110")


def test_a_statement_without_a_price_explains_nothing_until_its_fills_do() -> None:
    story = ended(given(HELD, asked(), GONE), filled_qty="10").leaves(realized_pnl=None)
    sold(story, "x1", "10", "111").leaves(realized_pnl="110")


def test_what_an_adjustment_saw_closed_is_not_closed_by_a_statement() -> None:
    seen = on(c.Adjust, quantity="6", reason="seen", at=timestamp_text(second(2)))
    at = timestamp_text(second(1))
    story = ended(given(HELD, asked(quantity="4"), seen), filled_qty="4", avg_px="110", at=at)
    sold(story.leaves(quantity="6", realized_pnl="40"), "x1", "4", "111", at=at).leaves(quantity="6", realized_pnl="44")
    unpriced = ended(given(HELD, asked(quantity="4"), seen), filled_qty="4", at=at).leaves(quantity="6")
    sold(unpriced, "x1", "4", "111", at=at).leaves(quantity="6", realized_pnl="44")


def test_what_was_seen_gone_of_an_entry_without_a_price_brings_a_profit_that_is_not_known() -> None:
    entered = on(c.RecordEntryPlaced, exchange_order_id="E", filled_qty="10", at=timestamp_text(second(1)))
    seen = on(c.Adjust, quantity="6", reason="seen", source="sync", at=timestamp_text(second(3)))
    sold_before = on(c.Reduce, trade_id="x1", last_qty="4", last_px="110", at=timestamp_text(second(2)))
    story = given(request(side="long", quantity="10"), entered, seen).when(sold_before)
    story.leaves(quantity="6", filled_qty="10", realized_pnl=None, avg_px_close="110")
    is_the_same_by_event_time(story)


def test_an_exit_leaves_the_average_entry_as_it_was_to_the_last_decimal() -> None:
    third = on(c.RecordEntryFill, trade_id="t1", last_qty="1", last_px="33")
    rest = on(c.RecordEntryFill, trade_id="t2", last_qty="2", last_px="33.5")
    story = given(request(side="long", quantity="3"), third, rest).leaves(avg_px_open="33.333333333333333333")
    story.when(on(c.Reduce, trade_id="x1", last_qty="1", last_px="34")).leaves(avg_px_open="33.333333333333333333")


def test_a_fill_of_what_was_gone_and_what_came_late_is_one_fill() -> None:
    late = on(c.RecordEntryFill, trade_id="t1", last_qty="2", last_px="102", exchange_order_id="A")
    whole = on(c.Reduce, trade_id="x1", last_qty="12", last_px="110", exchange_order_id="X")
    story = given(HELD, GONE).when(whole).refused(PositionNotOpen, "10 are not told by fills yet")
    story.when(late).when(whole).then(PositionReduced, last_qty="12").leaves(quantity="0", realized_pnl="116")
    was = {"trade_id": "x1", "reason": "said the exchange"}
    story.when(on(o.CorrectFill, **was, last_px="111")).leaves(quantity="0", realized_pnl="128")
    story.when(on(o.CorrectFill, **was, last_qty="11")).leaves(quantity="1", realized_pnl="119")
    story.when(on(o.CorrectFill, **was, void=True)).leaves(quantity="2", avg_px_open="102", realized_pnl=None)
    again = on(c.Reduce, trade_id="x2", last_qty="12", last_px="110", exchange_order_id="X")
    story.when(again).leaves(quantity="0", realized_pnl="116")


def test_a_fill_of_more_than_both_is_refused() -> None:
    late = on(c.RecordEntryFill, trade_id="t1", last_qty="2", last_px="102", exchange_order_id="A")
    more = on(c.Reduce, trade_id="x1", last_qty="13", last_px="110", exchange_order_id="X")
    given(HELD, GONE, late).when(more).refused(ReduceExceedsPosition, "holds 2, and 10")


def test_the_price_of_a_later_end_is_kept_until_the_first_end_is_explained() -> None:
    late = on(c.RecordEntryFill, trade_id="t1", last_qty="5", last_px="102", exchange_order_id="A")
    priced = on(c.Close, exit_reason="stop", avg_px_close="104")
    story = given(HELD, GONE, late).when(priced).then(PositionClosed, rest_px="104").leaves(realized_pnl=None)
    first = on(c.Reduce, trade_id="x0", last_qty="4", last_px="99", exchange_order_id="X")
    story.when(first).leaves(quantity="0", realized_pnl=None)
    rest = on(c.Reduce, trade_id="x1", last_qty="6", last_px="99", exchange_order_id="X")
    story.when(rest).leaves(quantity="0", realized_pnl="0")  # 5 of +2 and 10 of -1
    second_one = on(c.Reduce, trade_id="x2", last_qty="5", last_px="105", exchange_order_id="Y")
    story.when(second_one).leaves(quantity="0", realized_pnl="5")
    is_the_same_by_event_time(story)
    given(HELD).when(priced).then(PositionClosed, rest_px=None, avg_px_close="104")


def test_the_fee_of_an_end_is_not_paid_again_by_the_fills_that_tell_of_it() -> None:
    end = on(c.Close, exit_reason="target", avg_px_close="105", fee="1", fee_currency="USDT")
    part = on(c.Reduce, trade_id="x1", last_qty="4", last_px="105", exchange_order_id="X", fee="0.5")
    rest = on(c.Reduce, trade_id="x2", last_qty="6", last_px="105", exchange_order_id="X", fee="0.7")
    story = given(HELD, end).leaves(fees="1", net_pnl="49").when(part).leaves(fees="1.1", net_pnl="48.9")
    story.when(rest).leaves(fees="1.2", net_pnl="48.8")
    story.when(on(o.CorrectFill, trade_id="x2", void=True, reason="busted")).leaves(fees="1.1")
    other = on(c.Reduce, trade_id="x3", last_qty="6", last_px="105", exchange_order_id="X", fee="1", fee_currency="BNB")
    story.when(other).leaves(fees="1.1", fees_other={"BNB": "1"})


def test_a_fill_that_never_was_gives_back_what_it_had_told_of_the_fee_of_an_end() -> None:
    end = on(c.Close, exit_reason="target", avg_px_close="105", fee="1", fee_currency="USDT")
    void = on(o.CorrectFill, trade_id="x1", void=True, reason="busted")

    def told(trade_id: str, qty: str, fee: str | None = None) -> c.Reduce:
        return on(c.Reduce, trade_id=trade_id, last_qty=qty, last_px="105", fee=fee)

    given(HELD, end, told("x1", "6", "0.7"), void, told("x2", "6", "0.8")).leaves(fees="1.2")
    given(HELD, end, told("x1", "6"), void, told("x2", "10", "0.9")).leaves(fees="0.9")


def test_the_fee_of_an_end_is_told_by_fills_where_the_symbol_does_not_say_where_its_quote_begins() -> None:
    cycle = "APTARS.binance#1"
    held = c.Adopt.of(
        symbol="APTARS", exchange="binance", side="long", quantity="10", avg_px_open="100", reason="found"
    )
    end = on(c.Close, cycle, exit_reason="target", avg_px_close="105", fee="1", fee_currency="ARS")
    part = on(c.Reduce, cycle, trade_id="x1", last_qty="4", last_px="105", fee="0.5", fee_currency="ARS")
    given(held, end).leaves(fees="1").when(part).leaves(fees="1.1", fees_other={})


def test_a_total_without_a_price_of_which_an_adjustment_saw_a_part_gone_is_told_by_its_fills() -> None:
    seen = on(c.Adjust, quantity="6", avg_px_open="100", reason="seen", source="sync", at=timestamp_text(second(3)))
    story = ended(given(HELD, asked(), seen), filled_qty="10", at=timestamp_text(second(4)))
    story.leaves(quantity="0", filled_qty="10", realized_pnl=None)
    sold(story, "x1", "4", "110", at=timestamp_text(second(2))).leaves(realized_pnl=None)
    sold(story, "x2", "6", "95", at=timestamp_text(second(4))).leaves(quantity="0", filled_qty="10", realized_pnl="10")
    is_the_same_by_event_time(story)


def test_a_fill_of_before_an_adjustment_explains_an_end_once_nothing_more_was_seen_gone() -> None:
    seen = on(c.Adjust, quantity="4", avg_px_open="100", reason="seen", source="sync", at=timestamp_text(second(3)))
    story = ended(given(HELD, asked(quantity="7"), seen), filled_qty="7", at=timestamp_text(second(5)))
    story.when(GONE).leaves(quantity="0", realized_pnl=None)
    story.when(
        on(c.Reduce, trade_id="x1", last_qty="3", last_px="90", exchange_order_id="X", at=timestamp_text(second(2)))
    ).leaves(quantity="0", realized_pnl=None)
    sold(story, "x2", "7", "110", at=timestamp_text(second(4))).leaves(quantity="0", filled_qty="10", realized_pnl="40")


def test_a_total_of_before_a_failed_rollback_explains_what_that_closed() -> None:
    at = timestamp_text(second(1))
    story = given(HELD, on(c.StartRollback, reason="no stop"), on(c.FailRollback, reason="part", residual_qty="4"))
    assert story.position is not None and story.position.row is not None
    order = story.position.row.orders["rollback"].client_order_id
    story.when(on(o.EndOrder, outcome="canceled", client_order_id=order, filled_qty="6", avg_px="110", at=at))
    story.leaves(quantity="4", filled_qty="10", realized_pnl="60")
