"""Cost and proceeds that become known late, in parts, or when nothing is held any more: in the end profit is exact."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.errors import ExitBeforeEntry, ReduceExceedsPosition
from domain.events import OrderEnded, PositionReduced
from tests.spec import Story, given, on, request, second

LONG = request(side="long", quantity="10")


def entry(trade_id: str, qty: str, px: str, order: str = "A", at: float | None = None) -> c.RecordEntryFill:
    moment = None if at is None else second(at)
    return on(c.RecordEntryFill, exchange_order_id=order, trade_id=trade_id, last_qty=qty, last_px=px, at=moment)


def out(trade_id: str, qty: str, px: str, order: str = "X") -> c.Reduce:
    return on(c.Reduce, exchange_order_id=order, trade_id=trade_id, last_qty=qty, last_px=px)


def stated(qty: str, px: str | None = None) -> c.RecordEntryPlaced:
    return on(c.RecordEntryPlaced, exchange_order_id="A", filled_qty=qty, avg_px=px)


def test_the_average_is_known_again_once_all_orders_are_though_a_part_was_closed() -> None:
    story = given(LONG, stated("4", "100"), out("x1", "1", "110"))
    story.when(stated("10")).leaves(avg_px_open=None, realized_pnl="10")
    story.when(stated("10", "102")).leaves(quantity="9", avg_px_open="102.222222222222222222", realized_pnl="10")
    story.when(out("x2", "9", "110")).leaves(realized_pnl="80")


def test_what_was_closed_at_an_unknown_cost_leaves_the_average_unknown_until_nothing_is_held() -> None:
    story = given(LONG, stated("10"), out("x1", "4", "110"))
    story.when(stated("10", "102")).leaves(quantity="6", avg_px_open=None, realized_pnl=None)
    story.when(out("x2", "6", "110")).leaves(realized_pnl="80")


@pytest.mark.parametrize(("side", "earned"), [("long", "80"), ("short", "-80")])
def test_an_entry_that_cost_other_than_was_stated_counts_though_all_was_closed_at_no_price(
    side: str, earned: str
) -> None:
    story = given(request(side=side, quantity="10"), stated("10", "100"), on(c.Close, exit_reason="gone"))
    story.when(entry("t1", "10", "102")).leaves(realized_pnl=None, quantity="0")
    story.when(out("x1", "4", "110")).leaves(realized_pnl=None)
    story.when(out("x2", "6", "110")).leaves(realized_pnl=earned, quantity="0")


def test_a_corrected_entry_counts_though_all_was_closed_at_no_price() -> None:
    corrected = on(o.CorrectFill, trade_id="t1", last_px="101", reason="corrected by the exchange")
    story = given(LONG, entry("t1", "10", "100"), on(c.Close, exit_reason="gone"), corrected)
    story.when(out("x1", "10", "110")).leaves(realized_pnl="90")


def test_what_is_left_of_the_cost_when_a_correction_leaves_nothing_counts_as_profit() -> None:
    story = given(LONG, entry("t1", "6", "100"), entry("t2", "4", "110"), out("x1", "9", "120"))
    story.leaves(quantity="1", realized_pnl="144")
    fewer = on(o.CorrectFill, trade_id="t2", last_qty="3", reason="corrected by the exchange")
    story.when(fewer).leaves(quantity="0", realized_pnl="150")  # 9 · 120 less 6 · 100 and 3 · 110


def test_an_entry_that_never_was_leaves_no_profit() -> None:
    void = on(o.CorrectFill, trade_id="t1", void=True, reason="busted")
    given(LONG, entry("t1", "10", "100"), void).leaves(quantity="0", realized_pnl="0")


def stopped(*, more: Decimal) -> Story:
    """A cycle that was closed at no price, what came late to it, and a stop that closed all and so much more."""
    stop = on(c.SetStopLoss, stop_price="90", exchange_order_id="S", quantity="10")
    story = given(LONG, entry("t1", "6", "100"), stop, on(c.Close, exit_reason="gone"), entry("t2", "4", "100"))
    story.leaves(quantity="4")
    ended = on(o.EndOrder, exchange_order_id="S", outcome="filled", filled_qty=10 + more, avg_px="90")
    return story.when(ended)


def test_the_end_of_an_order_tells_what_was_closed_at_no_price_and_closes_what_came_late() -> None:
    stopped(more=Decimal(0)).then(OrderEnded).leaves(quantity="0", realized_pnl="-100")


def test_the_end_of_an_order_tells_no_more_than_was_closed_and_held() -> None:
    stopped(more=Decimal(1)).refused(ReduceExceedsPosition, "holds 4, less than the 11")


def test_a_fill_of_another_order_does_not_tell_what_a_statement_of_one_has_closed() -> None:
    increase = on(o.RequestIncrease, quantity="1", intent_id="2")
    story = given(LONG, entry("t1", "10", "100"), increase)
    story.when(on(o.RequestExit, quantity="8", intent_id="e1", reason="signal"))
    assert story.answer is not None and story.answer.client_order_id is not None
    ids = {"client_order_id": story.answer.client_order_id, "exchange_order_id": "X"}
    story.when(on(o.EndOrder, **ids, outcome="filled", filled_qty="8")).leaves(quantity="2", realized_pnl=None)
    by_hand = out("y1", "3", "110", order="Y")
    story.when(by_hand).refused(ExitBeforeEntry, "send it again after the fills of its entry")
    story.when(entry("t2", "1", "100", order="B")).leaves(quantity="3")
    story.when(by_hand).then(PositionReduced).leaves(quantity="0", realized_pnl=None)
    story.when(out("x1", "8", "120")).leaves(quantity="0", realized_pnl="190")


def test_what_a_statement_without_a_price_counts_costs_nothing_that_is_known_once_its_fill_never_was() -> None:
    busted = on(o.CorrectFill, trade_id="t1", void=True, reason="busted")
    story = given(LONG, entry("t1", "5", "100"), stated("6"), entry("t2", "2", "90"))
    story.leaves(quantity="7", avg_px_open="97.142857142857142857").when(busted).leaves(quantity="6", avg_px_open=None)
    story.when(entry("t3", "4", "120")).leaves(quantity="6", avg_px_open="110")


def test_a_fee_that_another_order_paid_in_kind_keeps_no_price_from_becoming_known() -> None:
    spot, coin = "APTUSDT.binance:SPOT#1", {"fee": "0.01", "fee_currency": "APT"}
    story = given(
        request(symbol="APT/USDT", leg="spot", side="long", quantity="1"),
        on(c.RecordEntryPlaced, spot, exchange_order_id="A", filled_qty="1"),
        on(o.RequestIncrease, spot, quantity="1", intent_id="s2"),
        on(c.RecordEntryFill, spot, trade_id="t1", last_qty="1", last_px="25.12", exchange_order_id="B", **coin),
    )
    story.leaves(spot, quantity="1.99", avg_px_open=None)
    story.when(on(c.RecordEntryPlaced, spot, exchange_order_id="A", filled_qty="1", avg_px="24.63"))
    story.leaves(spot, quantity="1.99", avg_px_open="25")
