"""Counted by the clocks, a cycle comes to what the decisions counted, whatever was learned of it late or put right."""

from __future__ import annotations

from typing import Any

import pytest

from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.commands.base import Command
from domain.values import timestamp_text
from projections.event_time.past_rows import row_at, versions_at
from tests.spec import CYCLE, Story, given, on, request, second

HELD = c.Adopt.of(symbol="APTUSDT", exchange="binance", side="long", quantity="10", avg_px_open="100", reason="found")
SPOT = "APTUSDT.binance:SPOT#1"
HELD_SPOT = c.Adopt.of(**HELD.model_dump(exclude_none=True, mode="json") | {"leg": "SPOT"})
START_ROLLBACK = on(c.StartRollback, reason="no stop")


def at(number: float) -> dict[str, Any]:
    return {"at": timestamp_text(second(number))}


def sold(trade_id: str, qty: str, px: str, position_id: str = CYCLE, **more: Any) -> c.Reduce:
    return on(c.Reduce, position_id, trade_id=trade_id, last_qty=qty, last_px=px, **more)


def was(trade_id: str, position_id: str = CYCLE, **right: Any) -> o.CorrectFill:
    return on(o.CorrectFill, position_id, trade_id=trade_id, reason="said the exchange", **right)


def seen(quantity: str, **more: Any) -> c.Adjust:
    return on(c.Adjust, quantity=quantity, avg_px_open="100", reason="seen", source="sync", **more)


def proof(*fills: tuple[str, str, str]) -> c.RollBack:
    return on(c.RollBack, evidence=[{"trade_id": id_, "last_qty": qty, "last_px": px} for id_, qty, px in fills])


def is_counted_alike(story: Story, position_id: str = CYCLE) -> None:
    row, told = story.rows[position_id], row_at(story.history, second(3600))
    assert told is not None
    names = ("quantity", "filled_qty", "avg_px_open", "avg_px_close", "realized_pnl", "residual_qty")
    assert {name: getattr(told, name) for name in names} == {name: getattr(row, name) for name in names}


TOLD_IN_PART = (START_ROLLBACK, on(c.FailRollback, reason="partly", residual_qty="4", **at(2)), sold("x1", "8", "110"))
"""A fill that tells of the six that a failed rollback closed, and closes two more."""
STORIES: dict[str, tuple[Command, ...]] = {
    "an exit that came before an end at a stated price": (
        on(c.Close, exit_reason="target", avg_px_close="105", **at(5)),
        sold("x1", "4", "110", **at(3)),
    ),
    "a rollback proven by fills, of which one was recorded before": (
        START_ROLLBACK,
        sold("x1", "4", "110"),
        proof(("x1", "4", "110"), ("x2", "6", "90")),
        was("x2", last_qty="5"),
    ),
    "an exit that an adjustment had counted, corrected": (sold("x1", "8", "110"), seen("3"), was("x1", last_qty="9")),
    "the same, by what was said before the adjustment": (
        sold("x1", "8", "110", **at(3)),
        seen("3", **at(10)),
        was("x1", last_qty="9", **at(3)),
    ),
    "an exit that was seen gone, busted after that": (
        seen("6", **at(5)),
        sold("x1", "4", "110", **at(3)),
        was("x1", void=True, **at(7)),
    ),
    "an exit of more than was held, corrected": (seen("8"), sold("x1", "10", "110"), was("x1", last_qty="7")),
    "an exit that told of a guess as well, corrected": (*TOLD_IN_PART, was("x1", last_qty="7")),
    "the same, once an adjustment had counted it": (*TOLD_IN_PART, seen("3", **at(10)), was("x1", void=True, **at(3))),
}


@pytest.mark.parametrize("sent", STORIES.values(), ids=STORIES)
def test_in_the_end_it_comes_to_what_was_decided(sent: tuple[Command, ...]) -> None:
    is_counted_alike(given(HELD, *sent))


def test_dust_and_what_was_sold_of_it_come_to_what_was_decided() -> None:
    story = given(HELD_SPOT, sold("x1", "9.995", "110", SPOT), on(c.Close, SPOT, exit_reason="target", dust=True))
    is_counted_alike(story.leaves(SPOT, filled_qty="9.995", residual_qty="0.005"), SPOT)
    story.when(sold("x2", "0.002", "110", SPOT)).when(was("x2", SPOT, last_qty="0.001"))
    is_counted_alike(story.leaves(SPOT, filled_qty="9.996", residual_qty="0.004"), SPOT)


def test_a_second_rollback_closes_though_its_fill_has_the_time_of_before_the_first_one_failed() -> None:
    failed = on(c.FailRollback, reason="rejected", residual_qty="10", **at(5))
    story = given(HELD, START_ROLLBACK, failed, on(c.StartRollback, reason="again"))
    assert story.answer is not None
    story.when(sold("x1", "10", "110", client_order_id=story.answer.client_order_id, **at(4.5))).leaves(quantity="0")
    is_counted_alike(story)


def test_a_corrected_entry_is_what_a_total_of_its_order_is_compared_with() -> None:
    entered = on(c.RecordEntryFill, trade_id="t1", last_qty="4", last_px="100")
    total = on(c.RecordEntryPlaced, exchange_order_id="E", filled_qty="10", avg_px="100")
    story = given(request(side="long", quantity="10"), entered, was("t1", last_qty="6"), total).leaves(quantity="10")
    is_counted_alike(story)


def test_the_definition_of_an_instrument_had_happened_by_its_time_though_it_is_of_no_cycle() -> None:
    define = o.DefineInstrument.of(symbol="APTUSDT", exchange="binance", price_tick="0.1", **at(-30))
    told = given(define, HELD).history
    assert [versions_at(told, second(number)) for number in (-31, -30, 60)] == [set(), {1}, {1, 2}]
