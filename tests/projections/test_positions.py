from __future__ import annotations

from contextlib import suppress
from dataclasses import fields
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given as tried_on

from domain.aggregate.position import Position
from domain.alteration import altered
from domain.commands.base import Command
from domain.commands.requests import (
    Activate,
    Adjust,
    Close,
    FailEntry,
    LoseStopLoss,
    RecordEntryFill,
    Reduce,
    SetStopLoss,
)
from domain.errors import CommandRefused, HistoryDamaged
from domain.events import Activated, PositionEvent
from domain.orders.cycle_orders import covers
from infrastructure.event_store.codec import decode, encode
from projections.exposure import needs_stop
from projections.positions import COLUMNS, PositionRow, fees_text, orders_text, project, row_from
from tests.spec import ENTERED, FILLED, PLACED, STOP, given, on, request, second
from tests.strategies import KEY, conversations


def history(sent: list[Command]) -> tuple[Position, list[PositionEvent]]:
    position = Position.track(KEY)
    for command in sent:
        with suppress(CommandRefused):
            position.decide(command)
    return position, cast("list[PositionEvent]", list(position.collect_events()))


def folded(events: list[PositionEvent]) -> dict[int, PositionRow]:
    rows: dict[int, PositionRow] = {}
    for event in events:
        rows[event.cycle] = project(None if event.opens_cycle else rows[event.cycle], event)
    return rows


@tried_on(conversations())
def test_a_row_that_is_folded_event_by_event_is_that_of_the_position(sent: list[Command]) -> None:
    position, events = history(sent)
    if position.cycle:
        assert folded(events)[position.cycle] == position.row


@tried_on(conversations())
def test_the_row_after_every_event_says_what_the_position_says(sent: list[Command]) -> None:
    position, rows = Position.track(KEY), dict[int, PositionRow]()
    for event in history(sent)[1]:
        event.mutate(position)
        rows[event.cycle] = project(rows.get(event.cycle), event)
        row = rows[position.cycle]
        assert (row.status, row.side, row.quantity) == (
            position.status,
            position.state.side,
            position.state.holding.quantity,
        )
        held = position.state.holding
        is_covered = covers(position.state.orders, row.side, held.quantity, held.avg_px_open)
        assert row.protected == (position.is_open and is_covered)
        is_bare = position.is_open and bool(row.quantity) and not row.protected and row.protection == "exchange"
        assert (row.unprotected_since is not None) == is_bare


@tried_on(conversations())
def test_at_most_one_row_of_a_key_is_open(sent: list[Command]) -> None:
    position, events = history(sent)
    is_open = [cycle for cycle, row in folded(events).items() if row.status.is_open]
    assert is_open == ([position.cycle] if position.is_open else [])


@tried_on(conversations())
def test_the_row_can_be_folded_from_what_is_stored(sent: list[Command]) -> None:
    events = history(sent)[1]
    assert folded([decode(encode(event)) for event in events]) == folded(events)


@tried_on(conversations())
def test_a_row_comes_back_from_its_columns(sent: list[Command]) -> None:
    for row in folded(history(sent)[1]).values():
        texts = {"fees_other": fees_text(row.fees_other), "cash": fees_text(row.cash)}
        stored = row.as_json() | texts | {"orders": orders_text(row.orders)}
        assert row_from([stored[column] for column in COLUMNS]) == row


@tried_on(conversations())
def test_what_comes_later_never_changes_the_row_of_an_earlier_cycle(sent: list[Command]) -> None:
    rows: dict[int, PositionRow] = {}
    for event in history(sent)[1]:
        others = {cycle: row for cycle, row in rows.items() if cycle != event.cycle}
        rows[event.cycle] = project(rows.get(event.cycle), event)
        assert {cycle: row for cycle, row in rows.items() if cycle != event.cycle} == others


def test_a_row_has_every_column_of_the_contract_in_its_order() -> None:
    contract = (
        "position_id symbol exchange account leg cycle side status quantity requested_qty filled_qty avg_px_open"
        " signal_price stop_price protected realized_pnl fees exit_reason avg_px_close intent_id client_order_id"
        " exchange_order_id version opened_at activated_at closed_at updated_at"
    )
    row = given(*ENTERED).rows["APTUSDT.binance#1"].as_json()
    assert [*row][:27] == contract.split()
    assert [*row] == [*COLUMNS] == [column.name for column in fields(PositionRow)]


def test_an_interrupt_while_a_row_is_printed_is_an_interrupt() -> None:
    class Interrupted(Decimal):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    row = altered(given(*ENTERED).rows["APTUSDT.binance#1"], quantity=Interrupted(1))
    with pytest.raises(KeyboardInterrupt):
        row.as_json()


def test_a_row_as_a_program_reads_it() -> None:
    row = given(*ENTERED, on(Close, exit_reason="stop", avg_px_close="3.298", fee="0.1")).rows["APTUSDT.binance#1"]
    assert dict([*row.as_json().items()][:27]) == {
        "position_id": "APTUSDT.binance#1",
        "symbol": "APTUSDT",
        "exchange": "binance",
        "account": None,
        "leg": "BOTH",
        "cycle": 1,
        "side": "short",
        "status": "closed",
        "quantity": "0",
        "requested_qty": "61.8",
        "filled_qty": "61.8",
        "avg_px_open": "3.2333",
        "signal_price": "3.2333",
        "stop_price": "3.298",
        "protected": False,
        "realized_pnl": "-3.99846",
        "fees": "0.1",
        "exit_reason": "stop",
        "avg_px_close": "3.298",
        "intent_id": "5483266",
        "client_order_id": "phj4bdbehtnowjiptjskodhosei",
        "exchange_order_id": "53190368",
        "version": 6,
        "opened_at": "2025-10-22T18:50:40.000000Z",
        "activated_at": "2025-10-22T18:50:44.000000Z",
        "closed_at": "2025-10-22T18:50:45.000000Z",
        "updated_at": "2025-10-22T18:50:45.000000Z",
    }


def test_the_parts_of_the_key_stand_in_the_row() -> None:
    row = (
        given()
        .when(request(symbol="BTC/USD:BTC", account="Sub1", leg="short"))
        .rows["BTC/USD:BTC.binance.sub1:SHORT#1"]
    )
    assert (row.symbol, row.exchange, row.account, row.leg, row.stream) == (
        "BTC/USD:BTC",
        "binance",
        "sub1",
        "SHORT",
        "BTC/USD:BTC.binance.sub1:SHORT",
    )


def test_an_event_of_a_cycle_that_was_never_opened_is_damage() -> None:
    activated = next(event for event in given(*ENTERED).history if isinstance(event, Activated))
    with pytest.raises(HistoryDamaged, match="Activated of a cycle that was never opened"):
        project(None, activated)


def test_when_a_position_became_unprotected_is_the_time_of_the_event_and_not_of_the_writing() -> None:
    lost = on(LoseStopLoss, reason="gone", at=second(-600))
    given(*ENTERED).when(lost).leaves(unprotected_since="2025-10-22T18:40:40.000000Z")


def test_a_position_is_unprotected_from_its_first_fill_until_its_stop_is_confirmed() -> None:
    story = given(request(), PLACED).leaves(unprotected_since=None)
    story.when(FILLED).leaves(unprotected_since="2025-10-22T18:50:42.000000Z")
    story.when(on(RecordEntryFill, trade_id="t2", last_qty="1", last_px="3.2333")).leaves(
        unprotected_since="2025-10-22T18:50:42.000000Z"
    )
    story.when(STOP).leaves(unprotected_since=None, protected=True)


def test_a_correction_may_take_the_cover_away_and_give_it_back() -> None:
    story = given(
        *ENTERED[:3], on(SetStopLoss, stop_price="3.298", exchange_order_id="s1", quantity="61.8", activate=True)
    )
    story.when(on(Adjust, quantity="62", reason="x")).leaves(protected=False)
    story.when(on(Adjust, quantity="61.8", reason="x")).leaves(protected=True, unprotected_since=None)


@pytest.mark.parametrize(
    ("sent", "needs"),
    [
        ((request(),), True),
        ((request(), FILLED), True),
        ((request(), PLACED), True),
        ((request(), PLACED, STOP), True),
        (ENTERED[:3], True),
        (ENTERED[:4], False),
        (ENTERED, False),
        ((*ENTERED, on(LoseStopLoss, reason="x")), True),
        ((*ENTERED, on(Close, exit_reason="x")), False),
        ((request(), on(FailEntry, reason="x", outcome="expired")), False),
    ],
)
def test_what_is_or_may_be_at_the_exchange_without_a_stop_needs_one(sent: tuple[Command, ...], *, needs: bool) -> None:
    assert needs_stop(given(*sent).rows["APTUSDT.binance#1"]) is needs


def test_exits_show_their_average_price_while_the_position_is_open() -> None:
    given(*ENTERED, on(Reduce, trade_id="x1", last_qty="1", last_px="3.2")).leaves(avg_px_close="3.2", exit_reason=None)


def test_the_row_remembers_when_it_was_activated() -> None:
    given(*ENTERED[:4]).when(on(Activate, at=second(100))).leaves(activated_at="2025-10-22T18:52:20.000000Z").when(
        on(Close, exit_reason="x")
    ).leaves(activated_at="2025-10-22T18:52:20.000000Z")
