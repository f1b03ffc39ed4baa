"""Orders, exits and stops that users of bots reported, each with the right value, on both databases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.errors import (
    ExitAlreadyRequested,
    ExitBeforeEntry,
    IdempotencyMismatch,
    OrderAmbiguous,
    OrderHasFills,
    ReduceExceedsPosition,
    StaleCycle,
)
from tests.infrastructure.ledger.told import BTC, ETH, Told, held


@pytest.mark.parametrize("adjusted", [None, {"avg_px_open": "2000.5"}, {"quantity": "1", "avg_px_open": "2000.5"}])
def test_fills_of_other_orders_count_on_top_of_what_was_acknowledged(told: Told, adjusted: dict[str, str]) -> None:
    told.send("request_entry", **ETH, quantity="1", intent_id="s1", at="2026-01-05T10:00:00Z")
    at = "2026-01-05T10:00:01Z"
    told.send("record_entry_placed", exchange_order_id="e1", filled_qty="1", avg_px="2000", at=at)
    if adjusted:
        told.send("adjust", **adjusted, reason="seen", at="2026-01-05T11:00:00Z")
    told.send("record_entry_fill", trade_id="dca1", last_qty="1", last_px="1800", at="2026-01-05T12:00:00Z")
    told.send("record_entry_fill", trade_id="dca2", last_qty="2", last_px="1600", at="2026-01-05T14:00:00Z")
    told.says(quantity="4", avg_px_open="1750.125" if adjusted else "1750")
    told.send("reduce", trade_id="x1", last_qty="4", last_px="1900", at="2026-01-05T16:00:00Z")
    told.says(quantity="0", realized_pnl="599.5" if adjusted else "600")


def test_a_sale_between_an_acknowledgement_and_another_order_keeps_its_profit(told: Told) -> None:
    told.send("request_entry", **ETH, quantity="2", intent_id="s1", at="2026-01-05T10:00:00Z")
    at = "2026-01-05T10:00:01Z"
    told.send("record_entry_placed", exchange_order_id="e1", filled_qty="2", avg_px="2000", at=at)
    told.send("reduce", trade_id="x1", last_qty="1", last_px="2100", at="2026-01-05T11:00:00Z")
    told.send("record_entry_fill", trade_id="dca1", last_qty="1", last_px="1800", at="2026-01-05T12:00:00Z")
    told.send("close", exit_reason="signal", avg_px_close="1900")
    told.says(realized_pnl="100")


def test_an_acknowledgement_after_a_fill_of_another_order_counts_its_own_order_alone(told: Told) -> None:
    told.send("request_entry", **ETH, quantity="10", intent_id="s1")
    told.send("record_entry_fill", trade_id="1", last_qty="4", last_px="2000", exchange_order_id="A")
    told.send("record_entry_fill", trade_id="2", last_qty="5", last_px="1900", exchange_order_id="B")
    told.send("record_entry_placed", exchange_order_id="A", filled_qty="10", avg_px="2000")
    told.says(quantity="15", avg_px_open="1966.666666666666666667")


@pytest.mark.parametrize("asked", ["61.8", "70"])
def test_a_fill_without_a_time_is_the_acknowledged_one(told: Told, asked: str) -> None:
    told.send("request_entry", symbol="APTUSDT", exchange="binance", side="short", quantity=asked, intent_id="s1")
    told.send("record_entry_placed", exchange_order_id="1", filled_qty="61.0", avg_px="3.2295")
    told.send("record_entry_fill", trade_id="881", last_qty="61.0", last_px="3.2295")
    told.says(quantity="61", filled_qty="61")
    stop = told.send("set_stop_loss", stop_price="3.3", quantity="61", exchange_order_id="s1", activate=True)
    assert stop.status == "active"


def test_order_and_trade_id_together_are_what_a_fill_is_known_by(told: Told) -> None:
    told.send("request_entry", symbol="YES123/USDC", exchange="polymarket", side="long", quantity="10", intent_id="s1")
    fill = {"trade_id": "4f42", "last_qty": "5", "last_px": "0.32"}
    told.send("record_entry_fill", **fill, exchange_order_id="A")
    assert told.send("record_entry_fill", **fill, exchange_order_id="A").outcome == "replayed"
    told.send("record_entry_fill", **fill, exchange_order_id="B")
    assert str(told.send("record_entry_fill", **fill).quantity) == "10"
    told.says(quantity="10")


def test_an_increase_is_an_order_of_its_own_and_is_promised_once(told: Told) -> None:
    held(told)
    asked = told.send("request_increase", quantity="5", intent_id="dca1")
    assert asked.may_order and asked.client_order_id
    again = told.send("request_increase", quantity="5", intent_id="dca1")
    assert (again.outcome, again.may_order, again.client_order_id) == ("replayed", False, asked.client_order_id)
    told.restart()
    told.send("record_entry_fill", trade_id="9", last_qty="5", last_px="90", client_order_id=asked.client_order_id)
    told.says(quantity="15", avg_px_open="96.666666666666666667", requested_qty="10")
    assert (told.order("entry.2")["filled_qty"], told.order("entry")["filled_qty"]) == ("5", "10")


def test_a_fill_that_may_be_one_of_several_orders_is_refused_with_their_names(told: Told) -> None:
    told.send("request_entry", **BTC, quantity="10", intent_id="s1")
    told.send("request_increase", quantity="10", intent_id="dca1")
    refusal = told.refused(OrderAmbiguous, "record_entry_fill", trade_id="1", last_qty="1", last_px="1")
    assert "entry (p" in refusal.message and "entry.2 (p" in refusal.message
    told.says(quantity="0")


def test_a_replaced_order_keeps_its_fills_under_both_ids(told: Told) -> None:
    held(told, "10")
    told.send("request_increase", quantity="10", intent_id="dca1")
    told.send("record_entry_placed", exchange_order_id="A")
    told.send("record_entry_fill", trade_id="1", last_qty="4", last_px="90", exchange_order_id="A")
    told.send("replace_order", exchange_order_id="A", new_exchange_order_id="B", quantity="9", price="89")
    told.send("record_entry_fill", trade_id="2", last_qty="1", last_px="90", exchange_order_id="A")
    told.restart()
    told.send("record_entry_fill", trade_id="3", last_qty="4", last_px="89", exchange_order_id="B")
    told.says(quantity="19")
    assert told.order("entry.2") | {"exchange_order_id": "B", "filled_qty": "9"} == told.order("entry.2")
    refusal = told.refused(OrderHasFills, "end_order", exchange_order_id="B", outcome="canceled", filled_qty="8")
    assert "has 9 of entry.2 on record" in refusal.message
    told.send("end_order", exchange_order_id="B", outcome="canceled", filled_qty="9")
    assert told.order("entry.2")["ended"] == "canceled"


def test_an_entry_by_cost_has_no_made_up_quantity(told: Told) -> None:
    told.send("request_entry", symbol="SHIB/USDT", exchange="binance", side="long", cost="50", intent_id="s1")
    told.says(requested_qty=None)
    told.send("record_entry_placed", exchange_order_id="1", filled_qty="2000000", avg_px="0.000025")
    told.send("record_entry_fill", trade_id="t1", last_qty="2000000", last_px="0.000025")
    told.says(quantity="2000000", avg_px_open="0.000025")


def test_of_two_that_decide_to_exit_one_sends_the_order(told: Told) -> None:
    held(told)
    first = told.send("request_exit", reason="signal", intent_id="a")
    assert first.may_order and (first.close_side, str(first.close_quantity)) == ("sell", "10")
    again = told.send("request_exit", reason="in other words", intent_id="a")
    assert (again.outcome, again.may_order, again.client_order_id) == ("replayed", False, first.client_order_id)
    refusal = told.refused(ExitAlreadyRequested, "request_exit", reason="stop", intent_id="b")
    assert refusal.details["client_order_id"] == first.client_order_id
    told.send("end_order", client_order_id=first.client_order_id, outcome="canceled")
    assert told.send("request_exit", reason="stop", intent_id="b").may_order


def test_an_intent_to_close_a_part_closes_it_once_however_often_it_is_delivered(told: Told) -> None:
    held(told)
    part: dict[str, Any] = {"reason": "half out", "quantity": "4", "intent_id": "half"}
    first = told.send("request_exit", **part)
    told.send("reduce", trade_id="x1", last_qty="4", last_px="2100", client_order_id=first.client_order_id)
    told.send("end_order", client_order_id=first.client_order_id, outcome="filled", filled_qty="4")
    told.restart()
    again = told.send("request_exit", **part)
    assert (again.outcome, again.may_order, again.client_order_id) == ("replayed", False, first.client_order_id)
    assert told.send("request_exit", **part | {"intent_id": "another half"}).may_order


def test_an_intent_whose_order_closed_nothing_or_not_all_is_asked_for_anew(told: Told) -> None:
    held(told)
    first = told.send("request_exit", reason="half out", quantity="4", intent_id="half")
    told.send("end_order", client_order_id=first.client_order_id, outcome="rejected")
    second = told.send("request_exit", reason="half out", quantity="4", intent_id="half")
    assert second.may_order and second.client_order_id != first.client_order_id
    told.send("end_order", client_order_id=second.client_order_id, outcome="rejected")
    all_of_it = told.send("request_exit", reason="out", intent_id="out")
    told.send("reduce", trade_id="x1", last_qty="3", last_px="2100", client_order_id=all_of_it.client_order_id)
    told.send("end_order", client_order_id=all_of_it.client_order_id, outcome="canceled", filled_qty="3")
    rest = told.send("request_exit", reason="out", intent_id="out")
    assert rest.may_order and str(rest.close_quantity) == "7"


def test_what_goes_beyond_a_position_closes_it_and_opens_the_other_side_in_one_append(told: Told) -> None:
    place = {"symbol": "ETH/USDC:USDC", "exchange": "hyperliquid"}
    told.send("adopt", **place, side="long", quantity="1", avg_px_open="2000", reason="x", at="2026-01-05T10:00:00Z")
    fill = {"trade_id": "flip9", "last_qty": "3", "last_px": "1900", "fee": "0.3", "at": "2026-01-05T11:00:00Z"}
    refusal = told.refused(ReduceExceedsPosition, "reduce", **fill)
    assert "split it: reduce the 1" in refusal.message and "flip: true" in refusal.message
    assert "adjust" not in refusal.message
    receipt = told.send("reduce", **fill, flip=True)
    assert receipt.events == ("PositionReduced", "PositionClosed", "PositionAdopted")
    told.says("ETHUSDC.hyperliquid#1", status="closed", realized_pnl="-100", fees="0.1", quantity="0")
    told.says("ETHUSDC.hyperliquid#2", side="short", quantity="2", avg_px_open="1900", fees="0.2", protected=False)
    again = told.send("reduce", **fill, flip=True, position_id="ETHUSDC.hyperliquid#1")
    assert again.outcome == "replayed"


def test_the_rest_of_a_fill_that_turned_a_position_is_in_the_cycle_that_came_after_it(told: Told) -> None:
    held(told)
    told.send("close", exit_reason="not at the exchange")
    told.send("adopt", **BTC | {"side": "short"}, quantity="3", avg_px_open="110", reason="seen")
    fill = {"trade_id": "x1", "last_qty": "13", "last_px": "110", "fee": "0.13", "position_id": "BTCUSDT.binance#1"}
    assert told.send("reduce", **fill, flip=True).events == ("PositionReduced",)
    told.says("BTCUSDT.binance#1", status="closed", realized_pnl="100", fees="0.13")
    told.says("BTCUSDT.binance#2", quantity="3", fees="0")
    assert told.send("reduce", **fill, flip=True).outcome == "replayed"
    told.refused(StaleCycle, "reduce", **fill | {"trade_id": "x2"}, flip=True)


def test_a_fill_that_only_opened_the_other_side_is_known_when_it_is_told_again(told: Told) -> None:
    held(told)
    told.send("reduce", trade_id="x1", last_qty="10", last_px="110")
    fill = {"trade_id": "x2", "last_qty": "3", "last_px": "110", "position_id": "BTCUSDT.binance#1"}
    assert told.send("reduce", **fill, flip=True).events == ("PositionClosed", "PositionAdopted")
    assert told.send("reduce", **fill, flip=True).outcome == "replayed"
    told.refused(StaleCycle, "reduce", **fill | {"trade_id": "x3"}, flip=True)
    told.says("BTCUSDT.binance#2", quantity="3")


def test_the_fee_of_a_fill_that_turned_a_position_is_learned_of_later(told: Told) -> None:
    held(told)
    fill = {"trade_id": "x1", "last_qty": "13", "last_px": "110", "position_id": "BTCUSDT.binance#1", "flip": True}
    told.send("reduce", **fill)
    assert told.send("reduce", **fill, fee="0.13").events == ("CashRecorded",)
    told.says("BTCUSDT.binance#1", quantity="0", fees="0.13")
    refusal = told.refused(IdempotencyMismatch, "reduce", **fill | {"last_px": "111"})
    assert "10 at 110" in refusal.message


def test_an_exit_before_its_entry_is_refused_in_a_class_that_says_retry(told: Told) -> None:
    told.send("request_entry", **BTC, quantity="10", intent_id="s1")
    refusal = told.refused(ExitBeforeEntry, "reduce", trade_id="x", last_qty="10", last_px="1")
    assert refusal.details["retry"] is True


def test_stops_with_quantities_add_up(told: Told) -> None:
    held(told)
    told.send("set_stop_loss", stop_price="90", quantity="6", exchange_order_id="s1")
    told.says(protected=False)
    told.send("set_stop_loss", stop_price="85", quantity="4", exchange_order_id="s2", activate=True)
    told.says(protected=True, status="active")
    told.refused(OrderAmbiguous, "lose_stop_loss", reason="gone")
    told.send("lose_stop_loss", reason="gone", exchange_order_id="s1")
    told.says(protected=False, stop_price="85")
    told.send("set_stop_loss", stop_price="91", exchange_order_id="s3")
    told.says(protected=True)


def test_a_stop_that_belongs_to_the_position_has_no_order(told: Told) -> None:
    held(told, "10", "140")
    told.send("set_stop_loss", stop_price="130", activate=True)
    told.says(protected=True, status="active", stop_price="130", stop_order_id=None)
    assert told.order("stop.1")["attached"] is True


def test_a_bot_that_keeps_its_stop_itself_is_active_and_no_alarm(told: Told) -> None:
    held(told, protection="bot")
    told.send("activate")
    told.says(status="active", protected=False, protection="bot", unprotected_since=None)
    assert told.ledger.positions(unprotected=True) == []


def test_a_replay_says_what_was_and_what_is(told: Told) -> None:
    alert = {**BTC, "quantity": "0.01", "intent_id": "alert-1"}
    assert told.send("request_entry", **alert).may_order
    told.send("record_entry_fill", trade_id="t1", last_qty="0.01", last_px="93000")
    told.send("close", exit_reason="exit alert", avg_px_close="94000")
    again = told.send("request_entry", **alert)
    assert (again.outcome, again.status, again.current_status, again.may_order) == (
        *("replayed", "pending_entry", "closed", False),
    )
    refusal = told.refused(IdempotencyMismatch, "request_entry", **alert | {"quantity": "0.02"})
    assert "has BTCUSDT.binance#1 already: long 0.01 was asked, which is closed" in refusal.message


def test_a_stop_that_filled_is_ended_with_what_it_closed(told: Told) -> None:
    held(told)
    told.send("set_stop_loss", stop_price="90", exchange_order_id="s1", activate=True)
    told.send("end_order", exchange_order_id="s1", outcome="filled", filled_qty="10", avg_px="89.5")
    told.says(quantity="0", realized_pnl="-105", protected=False)
    told.send("reduce", trade_id="x1", last_qty="10", last_px="89", exchange_order_id="s1")
    told.says(quantity="0", realized_pnl="-110")


def test_no_event_and_no_row_grows_with_the_number_of_fills(told: Told) -> None:
    held(told, "1000", "100")
    sizes = []
    for number in range(100, 160):
        fill = {"trade_id": f"x{number}", "last_qty": "1", "last_px": "101", "fee": "0.1"}
        told.send("reduce", **fill, exchange_order_id="tp")
        if number in (110, 159):
            (*_, last) = told.ledger.store.history("BTCUSDT.binance")
            sizes.append((len(last.state), len(json.dumps(told.row()))))
    (event, row), (later_event, later_row) = sizes
    assert abs(later_event - event) <= 6, "but for the digits of its totals"
    assert abs(later_row - row) <= 30
