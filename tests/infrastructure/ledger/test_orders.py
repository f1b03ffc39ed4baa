"""Situations that users of bots reported, sent to a ledger: each with the right value, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.requests import Adjust, Adopt, ImportPosition, RecordEntryFill, Reduce, command_from_json
from domain.errors import (
    CommandRefused,
    ExitAlreadyRequested,
    ExitBeforeEntry,
    IdempotencyMismatch,
    OrderAmbiguous,
    OrderHasFills,
    PositionAlreadyOpen,
    ReduceExceedsPosition,
    StaleCycle,
    UnknownFill,
)
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from position_ledger.testing import memory_ledger
from projections.event_time.past_rows import row_at


class Told:
    """A ledger that is told things, and may be looked at afterwards, by a process that never saw it before."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ledger = PositionLedger.connect(url)
        self.position_id = ""

    def send(self, verb: str, **fields: Any) -> Receipt:
        if verb not in _ABOUT_A_STREAM:
            fields = {"position_id": self.position_id} | fields
        receipt = self.ledger.handle(command_from_json(json.dumps({"command": verb, **fields})))
        self.position_id = receipt.position_id
        return receipt

    def refused(self, rule: type[CommandRefused], verb: str, **fields: Any) -> CommandRefused:
        with pytest.raises(rule) as refusal:
            self.send(verb, **fields)
        return refusal.value

    def row(self, position_id: str | None = None) -> dict[str, Any]:
        return self.ledger.position(position_id or self.position_id).as_json()

    def says(self, position_id: str | None = None, /, **expected: object) -> None:
        row = self.row(position_id)
        assert {name: row[name] for name in expected} == expected

    def restart(self) -> None:
        self.ledger.disconnect()
        self.ledger = PositionLedger.connect(self.url)

    def order(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(order for order in self.row()["orders"] if order["name"] == name)
        return found


_ABOUT_A_STREAM = {"request_entry", "adopt", "define_instrument"}


@pytest.fixture
def told(ledger_url: str) -> Iterator[Told]:
    told = Told(ledger_url)
    yield told
    report = verify(told.ledger.store)
    assert report.ok, report.findings
    assert told.ledger.rebuild().differences == 0
    told.ledger.disconnect()


ETH: dict[str, Any] = {"symbol": "ETH/USDT:USDT", "exchange": "bybit", "side": "long"}
BTC: dict[str, Any] = {"symbol": "BTC/USDT:USDT", "exchange": "binance", "side": "long"}
INVERSE: dict[str, Any] = {"symbol": "BTC/USD:BTC", "exchange": "bybit"}


_LAST = {"trade_id": "x2", "last_qty": "3", "last_px": "110"}


def held(told: Told, quantity: str = "10", px: str = "100", **fields: Any) -> None:
    told.send("request_entry", **BTC | fields, quantity=quantity, intent_id="s1")
    told.send("record_entry_placed", exchange_order_id="e1")
    told.send("record_entry_fill", trade_id="t1", last_qty=quantity, last_px=px, exchange_order_id="e1")


# -- orders and their fills -------------------------------------------------------------------------------------------


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


# -- exits ------------------------------------------------------------------------------------------------------------


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


# -- what is learned late ---------------------------------------------------------------------------------------------


def test_a_late_exit_explains_a_close_that_nobody_could_price_once(told: Told) -> None:
    told.send("adopt", **BTC, quantity="0.5", avg_px_open="90000", reason="x")
    told.send("close", exit_reason="nightly: not at the exchange")
    told.says(realized_pnl=None, net_pnl=None)
    told.restart()
    fill = {"trade_id": "991", "last_qty": "0.5", "last_px": "87950", "fee": "21.98"}
    told.send("reduce", **fill)
    assert told.send("reduce", **fill).outcome == "replayed"
    told.says(status="closed", realized_pnl="-1025", fees="21.98", net_pnl="-1046.98", avg_px_close="87950")


@pytest.mark.parametrize("proof", [{"position_quantity": "0"}, {"fills": [_LAST]}])
def test_what_a_failed_rollback_closed_is_explained_beside_exits_that_are_known(
    told: Told, proof: dict[str, Any]
) -> None:
    held(told)
    told.send("start_rollback", reason="no stop")
    told.send("fail_rollback", reason="partly filled", residual_qty="6")
    told.send("reduce", trade_id="x1", last_qty="3", last_px="110")
    if "fills" not in proof:
        told.send("reduce", **_LAST)
    told.send("roll_back", evidence=proof)
    told.says(realized_pnl=None)
    told.send("reduce", trade_id="x3", last_qty="4", last_px="105")
    told.says(realized_pnl="80", avg_px_close="108", quantity="0")


def test_a_late_fill_takes_its_slot_back_and_can_be_closed(told: Told) -> None:
    told.send("request_entry", symbol="V2XG26", exchange="ibkr", side="short", quantity="1", intent_id="s1")
    told.send("fail_entry", outcome="canceled", reason="10349")
    told.send("record_entry_fill", trade_id="e798", last_qty="1", last_px="21.6")
    told.says(status="entry_placed", quantity="1", protected=False, late_fill=True)
    assert [row.position_id for row in told.ledger.positions(unprotected=True)] == ["V2XG26.ibkr#1"]
    told.restart()
    told.send("set_stop_loss", stop_price="22", exchange_order_id="s", activate=True)
    told.send("reduce", trade_id="x", last_qty="1", last_px="21.5")
    told.send("close", exit_reason="late")
    told.says(status="closed", realized_pnl="0.1")


@pytest.mark.parametrize("verb", ["record_entry_placed", "end_order"])
def test_what_is_stated_late_of_an_entry_takes_its_slot_back(told: Told, verb: str) -> None:
    sent = told.send("request_entry", symbol="V2XG26", exchange="ibkr", side="short", quantity="1", intent_id="s1")
    told.send("fail_entry", outcome="canceled", reason="timed out")
    named = {"client_order_id": sent.client_order_id, "filled_qty": "1", "avg_px": "21.6"}
    more = {"exchange_order_id": "9"} if verb == "record_entry_placed" else {"outcome": "filled"}
    told.send(verb, **named, **more)
    told.says(status="entry_placed", quantity="1", stray=False)
    told.restart()
    with pytest.raises(PositionAlreadyOpen):
        told.send("request_entry", symbol="V2XG26", exchange="ibkr", side="short", quantity="1", intent_id="s2")
    told.send("set_stop_loss", stop_price="22", exchange_order_id="s", activate=True)
    told.send("close", exit_reason="late", avg_px_close="21.5")
    told.says(status="closed", realized_pnl="0.1")


def test_what_is_stated_late_beside_another_cycle_is_a_stray(told: Told) -> None:
    told.send("request_entry", symbol="V2XG26", exchange="ibkr", side="short", quantity="1", intent_id="s1")
    late = told.position_id
    told.send("fail_entry", outcome="canceled", reason="timed out")
    told.send("request_entry", symbol="V2XG26", exchange="ibkr", side="short", quantity="1", intent_id="s2")
    told.send("record_entry_placed", position_id=late, exchange_order_id="9", filled_qty="1", avg_px="21.6")
    told.says(status="canceled", quantity="1", stray=True)


def test_a_late_fill_of_a_row_that_was_imported_beside_an_open_cycle_is_a_stray(told: Told) -> None:
    told.send("request_entry", **BTC, quantity="1", intent_id="s1")
    row = {"status": "closed", "side": "long", "quantity": "2", "avg_px_open": "90", "row": {"id": "7"}}
    command = ImportPosition.of(**BTC | row, opened_at="2025-10-22T18:50:44Z", command_id="legacy 7")
    told.position_id = told.ledger.handle(command).position_id
    told.send("record_entry_fill", trade_id="late", last_qty="3", last_px="100", exchange_order_id="9")
    told.says(stray=True, status="closed")
    told.restart()
    told.says("BTCUSDT.binance#1", status="pending_entry", quantity="0")
    told.send("fail_entry", position_id="BTCUSDT.binance#1", outcome="canceled", reason="x")
    told.send(
        "record_entry_fill",
        position_id="BTCUSDT.binance#2",
        trade_id="t2",
        last_qty="1",
        last_px="100",
        exchange_order_id="9",
    )
    told.says(stray=True, status="closed")
    told.send("request_entry", **BTC, quantity="1", intent_id="s2")
    assert verify(told.ledger.store).ok


def test_a_late_fill_beside_another_cycle_is_a_stray_that_can_be_closed(told: Told) -> None:
    told.send("request_entry", **BTC, quantity="1", intent_id="s1")
    told.send("fail_entry", outcome="canceled", reason="x")
    told.send("request_entry", **BTC, quantity="1", intent_id="s2")
    stray = "BTCUSDT.binance#1"
    told.send("record_entry_fill", position_id=stray, trade_id="late", last_qty="1", last_px="100")
    told.says(stray, stray=True, status="canceled", quantity="1")
    assert [row.position_id for row in told.ledger.positions(open=True)] == [stray, "BTCUSDT.binance#2"]
    assert [row.position_id for row in told.ledger.positions(unprotected=True)] == [stray, "BTCUSDT.binance#2"]
    told.restart()
    told.send("reduce", position_id=stray, trade_id="x", last_qty="0.4", last_px="110")
    told.send("close", position_id=stray, exit_reason="stray", avg_px_close="90")
    told.says(stray, stray=False, status="closed", quantity="0", realized_pnl="-2")
    told.send("record_entry_fill", position_id="BTCUSDT.binance#2", trade_id="t", last_qty="1", last_px="100")
    told.says("BTCUSDT.binance#2", quantity="1", status="pending_entry")


def test_of_two_that_decide_to_close_a_stray_one_sends_the_order(told: Told) -> None:
    told.send("request_entry", **BTC, quantity="1", intent_id="s1")
    told.send("fail_entry", outcome="canceled", reason="x")
    told.send("request_entry", **BTC, quantity="1", intent_id="s2")
    stray = "BTCUSDT.binance#1"
    told.send("record_entry_fill", position_id=stray, trade_id="late", last_qty="1", last_px="100")
    first = told.send("request_exit", position_id=stray, reason="stray", intent_id="a")
    told.restart()
    refusal = told.refused(ExitAlreadyRequested, "request_exit", position_id=stray, reason="stray", intent_id="b")
    assert refusal.details["client_order_id"] == first.client_order_id
    told.send("reduce", position_id=stray, trade_id="x", last_qty="1", last_px="98")
    told.says(stray, stray=False, quantity="0", realized_pnl="-2")
    (closing,) = (order for order in told.row(stray)["orders"] if order["role"] == "exit")
    assert (closing["client_order_id"], closing["filled_qty"]) == (first.client_order_id, "1")


def test_a_fill_that_the_exchange_corrected_counts_as_corrected(told: Told) -> None:
    held(told, "10", "100")
    told.send("correct_fill", trade_id="t1", last_px="101", reason="exchange")
    told.says(avg_px_open="101", quantity="10")
    told.send("reduce", trade_id="x1", last_qty="4", last_px="111")
    told.send("correct_fill", trade_id="x1", last_px="110", reason="exchange")
    told.says(realized_pnl="36")
    told.send("correct_fill", trade_id="x1", void=True, reason="busted")
    told.says(quantity="10", realized_pnl="0", avg_px_open="101")
    told.refused(UnknownFill, "correct_fill", trade_id="nobody", void=True, reason="x")


# -- money ------------------------------------------------------------------------------------------------------------


def test_funding_is_cash_and_is_taken_once(told: Told) -> None:
    place = {"symbol": "DOT/USDT:USDT", "exchange": "binance"}
    told.send("adopt", **place, side="short", quantity="100", avg_px_open="5", reason="x")
    funding = {"kind": "funding", "amount": "-0.35", "cash_id": "funding-1", "currency": "USDT"}
    told.send("record_cash", **funding)
    assert told.send("record_cash", **funding).outcome == "replayed"
    told.refused(IdempotencyMismatch, "record_cash", **funding | {"amount": "-0.36"})
    told.says(quantity="100", cash={"funding": "-0.35"}, net_pnl="-0.35")
    told.send("close", exit_reason="x", avg_px_close="4.9", fee="0.5")
    told.says(realized_pnl="10", net_pnl="9.15")
    told.send("record_cash", kind="rebate", amount="0.05", cash_id="r1")
    told.says(net_pnl="9.2", status="closed")


def test_a_fee_that_comes_later_is_added_to_its_fill_once(told: Told) -> None:
    told.send("request_entry", **BTC, quantity="1", intent_id="s1")
    fill = {"trade_id": "a.1", "last_qty": "1", "last_px": "6000.25"}
    told.send("record_entry_fill", **fill)
    told.send("record_entry_fill", **fill, fee="2.25", fee_currency="USDT")
    assert told.send("record_entry_fill", **fill, fee="2.25", fee_currency="USDT").outcome == "replayed"
    told.refused(IdempotencyMismatch, "record_entry_fill", **fill, fee="2.26", fee_currency="USDT")
    told.refused(IdempotencyMismatch, "record_cash", kind="commission", amount="-9", cash_id="c", trade_id="a.1")
    told.says(fees="2.25", quantity="1")


def test_an_instrument_says_what_a_contract_is_worth(told: Told) -> None:
    place = {"symbol": "DOGE/USDT:USDT", "exchange": "okx"}
    told.send("define_instrument", **place, contract_size="1000")
    told.restart()
    told.send("adopt", **place, side="long", quantity="2", avg_px_open="0.06367", reason="contracts")
    told.send("close", exit_reason="target", avg_px_close="0.08176", fee="0.14543", fee_currency="USDT")
    told.says(realized_pnl="36.18", net_pnl="36.03457", contract_size="1000", settle_currency="USDT")


def test_a_definition_changes_no_cycle_of_the_past_and_is_known_after_a_restart(told: Told) -> None:
    place = {"symbol": "DOGE/USDT:USDT", "exchange": "okx"}
    told.send("adopt", **place, side="long", quantity="2", avg_px_open="1", reason="x")
    told.refused(CommandRefused, "define_instrument", **place, contract_size="10")
    told.position_id = "DOGEUSDT.okx#1"
    told.send("close", exit_reason="x", avg_px_close="2")
    told.send("define_instrument", **place, contract_size="10")
    told.restart()
    told.send("adopt", **place, side="long", quantity="2", avg_px_open="1", reason="x")
    told.restart()
    told.send("close", exit_reason="x", avg_px_close="2")
    told.says("DOGEUSDT.okx#1", realized_pnl="2", contract_size="1")
    told.says("DOGEUSDT.okx#2", realized_pnl="20", contract_size="10")


def test_an_inverse_contract_is_counted_in_what_it_is_settled_in(told: Told) -> None:
    told.send("request_entry", **INVERSE, side="long", quantity="20000", intent_id="s1")
    fee = {"fee_currency": "BTC"}
    told.send("record_entry_fill", trade_id="t1", last_qty="10000", last_px="50000", fee="0.00011", **fee)
    told.send("record_entry_fill", trade_id="t2", last_qty="10000", last_px="25000", fee="0.00022", **fee)
    told.says(avg_px_open="33333.333333333333333333")
    told.send("close", exit_reason="target", avg_px_close="40000")
    told.says(realized_pnl="0.1", fees="0.00033", net_pnl="0.09967", settle_currency="BTC")


def test_an_inverse_short_loses_when_the_price_rises(told: Told) -> None:
    told.send("adopt", **INVERSE, side="short", quantity="100000", avg_px_open="10000", reason="x")
    told.send("close", exit_reason="x", avg_px_close="11000")
    told.says(realized_pnl="-0.909090909090909091")


def test_what_expired_worthless_was_closed_at_zero(told: Told) -> None:
    option = {"symbol": "BTC/USD:BTC-260130-120000-C", "exchange": "deribit"}
    told.send("adopt", **option, side="long", quantity="2", avg_px_open="0.02", reason="x")
    told.send("close", exit_reason="expired worthless", avg_px_close="0")
    told.says(realized_pnl="-0.04", settle_currency="BTC")


def test_a_fee_in_what_was_bought_shrinks_a_spot_position_and_dust_stays_at_cost(told: Told) -> None:
    spot = {"symbol": "SHIB/USDT", "exchange": "binance", "leg": "spot"}
    told.send("request_entry", **spot, side="long", quantity="60864", intent_id="s1")
    fee = {"fee": "60.864", "fee_currency": "SHIB"}
    told.send("record_entry_fill", trade_id="t1", last_qty="60864", last_px="0.000025", **fee)
    told.says(quantity="60803.136", fees="0", fees_other={})
    told.send("reduce", trade_id="x1", last_qty="60803", last_px="0.000026")
    told.send("close", exit_reason="target")
    row = told.row()
    assert (row["status"], row["residual_qty"], row["quantity"]) == ("closed", "0.136", "0")
    assert row["realized_pnl"].startswith("0.05928140")
    assert told.send("request_entry", **spot, side="long", quantity="1", intent_id="s2").outcome == "recorded"


def test_dust_may_be_left_wherever_it_is_said(told: Told) -> None:
    place = {"symbol": "DNT/BTC", "exchange": "binance", "side": "long"}
    told.send("adopt", **place, quantity="51.30696933", avg_px_open="0.00000442", reason="x")
    told.send("reduce", trade_id="x1", last_qty="51", last_px="0.00000443")
    told.send("close", exit_reason="sold, dust is kept", dust=True)
    told.says(realized_pnl="0.00000051", residual_qty="0.30696933", quantity="0", settle_currency="BTC")


def test_spot_and_its_swap_are_two_slots(told: Told) -> None:
    pair: dict[str, Any] = {"exchange": "binance", "quantity": "1.3"}
    told.send("request_entry", symbol="UNFI/USDT", side="long", leg="spot", intent_id="a", **pair)
    swap = told.send("request_entry", symbol="UNFI/USDT:USDT", side="short", intent_id="b", **pair)
    assert swap.outcome == "recorded"


def test_the_quote_of_a_pair_is_kept_so_that_a_fee_in_it_is_known(told: Told) -> None:
    told.send("request_entry", symbol="XRP/RLUSD", exchange="kraken", side="long", quantity="1", intent_id="s1")
    told.send("record_entry_fill", trade_id="1", last_qty="1", last_px="2", fee="0.01", fee_currency="RLUSD")
    told.says(fees="0.01", fees_other={}, settle_currency="RLUSD")


# -- protection and answers -------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("word", "fill"),
    [
        (Adjust, RecordEntryFill),
        (Adjust, Reduce),
        (Adopt, Reduce),
    ],
)
def test_what_says_no_time_is_told_after_a_correction_that_the_clock_has_not_left(
    word: type[Adjust | Adopt], fill: type[RecordEntryFill | Reduce]
) -> None:
    key, corrected = {"symbol": "BTCUSDT", "exchange": "binance"}, "BTCUSDT.binance#1"
    told: list[Command] = [Adopt.of(**key, side="long", quantity="10", avg_px_open="100", reason="found")]
    if word is Adjust:
        told.append(Adjust.of(position_id=corrected, quantity="9", reason="seen"))
    told.append(fill.of(position_id=corrected, exchange_order_id="X", trade_id="x1", last_qty="4", last_px="110"))
    with memory_ledger() as ledger:  # whose clock stands still, as that of a batch
        ledger.handle_many(told)
        before = 10 if word is Adopt else 9
        held = before + 4 if fill is RecordEntryFill else before - 4
        assert ledger.position(corrected).quantity == held
        history = [entry.event for entry in ledger.history("BTCUSDT.binance")]
        by_event_time = row_at(history, history[-1].ts_event)
        assert by_event_time is not None and by_event_time.quantity == held


@pytest.mark.parametrize(
    ("at", "gained"), [(None, None), ("2025-10-22T18:00:20Z", None), ("2025-10-22T18:01:00Z", "-100")]
)
def test_profit_is_not_known_while_something_is_held_that_the_fill_which_turned_the_position_closed(
    told: Told, at: str | None, gained: str | None
) -> None:
    told.send("request_entry", **BTC, quantity="2", intent_id="s1", at="2025-10-22T18:00:00Z")
    first, entry = told.position_id, {"exchange_order_id": "A", "last_qty": "1", "last_px": "2000"}
    told.send("record_entry_fill", **entry, trade_id="t1", at="2025-10-22T18:00:10Z")
    turned = {"trade_id": "x1", "last_qty": "3", "last_px": "1900", "at": "2025-10-22T18:00:30Z"}
    told.send("reduce", **turned, flip=True)
    told.restart()
    lost = {"trade_id": "t0", "last_qty": "0.5", "last_px": "1990", "exchange_order_id": "A"}
    told.send("record_entry_fill", position_id=first, **lost, **({} if at is None else {"at": at}))
    told.says(stray=True, quantity="0.5", realized_pnl=gained)
    by_event_time = told.ledger.position(first, as_of="2100-01-01T00:00:00Z", by="event-time")
    assert by_event_time.as_json()["realized_pnl"] == gained
    if gained is None:
        told.send("correct_fill", position_id=first, trade_id="x1", last_qty="1.5", reason="t0 was lost")
        told.says(stray=False, quantity="0", realized_pnl="-145")


def test_profit_stays_unknown_while_a_part_is_held_that_the_fill_which_turned_the_position_closed(told: Told) -> None:
    told.send("request_entry", **BTC, quantity="2", intent_id="s1")
    first, entry = told.position_id, {"exchange_order_id": "A"}
    told.send("record_entry_fill", **entry, trade_id="t1", last_qty="1", last_px="2000")
    told.send("reduce", trade_id="x1", last_qty="3", last_px="1900", flip=True)
    told.send("record_entry_fill", position_id=first, **entry, trade_id="t0", last_qty="0.5", last_px="1990")
    told.send("reduce", position_id=first, trade_id="x2", last_qty="0.2", last_px="1950")
    told.says(quantity="0.3", realized_pnl=None)
    told.send("correct_fill", position_id=first, trade_id="x1", last_qty="1.2", reason="t0 was lost")
    told.says(quantity="0.1", realized_pnl=None)
    told.send("correct_fill", position_id=first, trade_id="x1", last_qty="1.3", reason="t0 was lost")
    told.says(quantity="0", realized_pnl="-135")
