from __future__ import annotations

from typing import Any

import pytest

from domain.commands.requests import Close, FailEntry, FailRollback, ImportPosition, SetStopLoss, StartRollback
from domain.errors import (
    IdempotencyMismatch,
    InvalidCommand,
    PositionAlreadyOpen,
    PositionNotOpen,
    StaleCycle,
    WrongStatus,
)
from domain.events import EntryRequested, PositionImported, RollbackStarted
from tests.spec import ENTERED, given, on, request

ROW = {"id": "2549", "symbol": "APTUSDT", "exchange": "binance", "side": "short", "pnl": None}


def imported(status: str = "active", **fields: object) -> ImportPosition:
    known = {
        "symbol": "APTUSDT", "exchange": "binance", "status": status, "side": "short", "quantity": "61",
        "avg_px_open": "3.2295", "legacy_id": "2549", "opened_at": "2025-10-22T18:50:44Z", "row": ROW,
    }  # fmt: skip
    return ImportPosition.of(**{**known, **fields})


def test_an_open_row_becomes_the_open_cycle_as_it_stands() -> None:
    given().when(imported(stop_price="3.2941", stop_confirmed=True, exchange_order_id="7", intent_id="5483266")).then(
        PositionImported, cycle=1, legacy_id="2549", source="import", row=ROW, beside=False
    ).leaves(
        status="active",
        side="short",
        quantity="61",
        avg_px_open="3.2295",
        stop_price="3.2941",
        protected=True,
        exchange_order_id="7",
        intent_id="5483266",
        legacy_id="2549",
    ).when(request(intent_id="2")).refused(PositionAlreadyOpen, "opened by intent 5483266")


def test_every_doubtful_value_is_named_and_kept() -> None:
    found = ("stop 3.1 stands on the profit side of the entry 3.2295",)
    given().when(imported(stop_price="3.1", stop_confirmed=True, findings=found)).then(
        PositionImported, findings=found, stop_price="3.1"
    ).leaves(stop_price="3.1", protected=False)


def test_a_stop_that_nobody_confirmed_protects_nothing() -> None:
    given().when(imported(stop_price="3.2941")).leaves(stop_price="3.2941", stop_confirmed=False, protected=False)


def test_a_closed_row_is_history_with_the_profit_that_it_says() -> None:
    given().when(imported("closed", realized_pnl="-0.42", exit_reason="stop", closed_at="2025-10-22T19:00:00Z")).leaves(
        status="closed",
        quantity="0",
        filled_qty="61",
        realized_pnl="-0.42",
        exit_reason="stop",
        closed_at="2025-10-22T19:00:00.000000Z",
        avg_px_close=None,
    ).when(request()).then(EntryRequested, cycle=2)


def test_a_closed_row_without_price_or_profit_says_that_they_are_not_known() -> None:
    given().when(imported("closed", avg_px_open=None)).leaves(avg_px_open=None, realized_pnl=None, closed_at=None)


@pytest.mark.parametrize("status", ["failed", "canceled", "rolled_back"])
def test_a_row_that_came_to_nothing_says_nothing_of_fills(status: str) -> None:
    given().when(imported(status)).leaves(
        status=status, quantity="0", requested_qty="61", filled_qty=None, realized_pnl=None
    ).when(on(Close, exit_reason="x")).refused(PositionNotOpen)


def test_a_second_open_row_of_one_key_is_refused() -> None:
    given(imported()).when(imported(legacy_id="2550", row={"id": "2550"})).refused(PositionAlreadyOpen)


def test_a_row_of_the_past_is_filed_beside_the_open_cycle() -> None:
    story = given(imported()).when(imported("closed", legacy_id="2500", row={"id": "2500"}))
    story.then(PositionImported, cycle=2, beside=True).answered(position_id="APTUSDT.binance#2", status="closed")
    story.leaves("APTUSDT.binance#2", status="closed").leaves("APTUSDT.binance#1", status="active", quantity="61")
    story.when(on(SetStopLoss, stop_price="3.2941", exchange_order_id="1")).leaves(protected=True)


def test_a_new_cycle_follows_all_that_were_filed_beside() -> None:
    given(imported(), imported("closed", row={"id": "1"}), on(Close, exit_reason="x")).when(request()).then(
        EntryRequested, cycle=3
    )


def test_a_command_on_a_cycle_that_was_filed_beside_is_refused() -> None:
    given(imported(), imported("closed", row={"id": "1"})).when(
        on(Close, "APTUSDT.binance#2", exit_reason="x")
    ).refused(StaleCycle, "APTUSDT.binance#2 is over; the current cycle is #1")


def test_a_row_may_be_imported_twice_and_is_filed_once() -> None:
    given(imported(command_id="row-2549")).when(
        imported(command_id="row-2549", findings=("read better this time",))
    ).no_news()


def test_a_row_that_changed_is_another_row() -> None:
    given(imported(command_id="row-2549")).when(imported(command_id="row-2549", row=ROW | {"pnl": "1"})).refused(
        IdempotencyMismatch
    )


@pytest.mark.parametrize(
    "fields",
    [{"row": {"id": "\ud800"}}, {"row": {"\ud800": "1"}}, {"row": {"id": "\x00"}}, {"findings": ("\ud800",)}],
    ids=ascii,
)
def test_what_could_not_be_stored_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidCommand, match="cannot be stored"):
        imported(**fields)


def test_an_import_takes_nothing_from_a_position_that_is_open_here() -> None:
    given(*ENTERED).when(imported()).refused(PositionAlreadyOpen, "APTUSDT.binance#1")


def test_an_imported_open_row_of_no_quantity_can_still_be_ended() -> None:
    given(imported(quantity="0")).when(on(Close, exit_reason="nothing was ever there")).leaves(status="closed")


def test_an_imported_active_row_of_no_quantity_has_no_entry_that_failed() -> None:
    failed = on(FailEntry, outcome="rejected", reason="no such order")
    given(imported(quantity="0")).when(failed).refused(WrongStatus, "is active: its entry did not fail")
    given(imported("pending_entry", quantity="0")).when(failed).leaves(status="failed")


def test_a_stop_that_has_no_price_is_not_a_confirmed_one() -> None:
    given().when(imported(stop_price=None, stop_confirmed=True)).leaves(stop_confirmed=False, protected=False)


def test_a_rollback_that_was_promised_elsewhere_is_not_promised_again() -> None:
    again = on(StartRollback, reason="no stop")
    given(imported("rolling_back")).when(again).refused(WrongStatus, "say roll_back or fail_rollback how it went")
    failed = on(FailRollback, reason="order rejected", residual_qty="61")
    given(imported("rolling_back"), failed).when(again).then(RollbackStarted, close_side="buy")
