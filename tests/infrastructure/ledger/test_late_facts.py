"""What is learned late, after a cycle was over or was judged: each with the right value, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.requests import Adjust, Adopt, ImportPosition, RecordEntryFill, Reduce
from domain.errors import ExitAlreadyRequested, PositionAlreadyOpen, UnknownFill
from infrastructure.integrity.verify import verify
from position_ledger.testing import memory_ledger
from projections.event_time.past_rows import row_at
from tests.infrastructure.ledger.told import BTC, Told, held

_LAST = {"trade_id": "x2", "last_qty": "3", "last_px": "110"}


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
