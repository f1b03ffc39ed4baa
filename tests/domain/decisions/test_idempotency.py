from __future__ import annotations

from decimal import Decimal

import pytest

from domain.commands.base import Command
from domain.commands.order_requests import CorrectFill, RequestExit, RequestIncrease
from domain.commands.requests import (
    Activate,
    Close,
    FailEntry,
    RecordEntryFill,
    RecordEntryPlaced,
    Reduce,
    SetStopLoss,
    StartRollback,
)
from domain.errors import (
    EntryHasFills,
    IdempotencyMismatch,
    NotProtected,
    PositionAlreadyOpen,
    PositionNotOpen,
    VersionConflict,
)
from domain.events import (
    Activated,
    CashRecorded,
    EntryFilled,
    EntryPlaced,
    EntryRequested,
    PositionClosed,
    PositionReduced,
)
from domain.identifiers import client_order_id
from tests.spec import ENTERED, FILLED, PLACED, STOP, given, on, request, second

CLOSE = on(Close, command_id="close-1", exit_reason="stop", avg_px_close="3.298")

ONE_OF_EACH: list[tuple[tuple[Command, ...], Command]] = [
    ((), request(command_id="once")),
    (ENTERED[:1], on(RecordEntryPlaced, command_id="once", exchange_order_id="53190368")),
    (ENTERED[:2], on(RecordEntryFill, command_id="once", trade_id="t9", last_qty="61.8", last_px="3.2333")),
    (ENTERED[:2], on(FailEntry, command_id="once", reason="x", outcome="expired")),
    (ENTERED[:3], on(SetStopLoss, command_id="once", stop_price="3.3", exchange_order_id="s1", activate=True)),
    (ENTERED[:4], on(Activate, command_id="once")),
    (ENTERED, on(Reduce, command_id="once", trade_id="x1", last_qty="1", last_px="3.2")),
    (ENTERED, on(StartRollback, command_id="once", reason="x")),
    (ENTERED, on(Close, command_id="once", exit_reason="x")),
]


# -- command_id -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "command"), ONE_OF_EACH, ids=lambda each: getattr(each, "verb", ""))
def test_the_same_command_again_gets_the_first_answer(before: tuple[Command, ...], command: Command) -> None:
    story = given(*before, command)
    first = story.answer
    assert first is not None and first.events
    assert story.when(command).no_news().answer == first


def test_the_first_answer_is_given_after_all_that_came_later() -> None:
    placed = on(RecordEntryPlaced, command_id="once", exchange_order_id="53190368")
    story = given(ENTERED[0], placed, *ENTERED[2:], on(Close, exit_reason="x"))
    story.when(placed).no_news().answered(version=2, status="entry_placed", events=("EntryPlaced",))


def test_an_answer_without_news_says_how_the_cycle_stands() -> None:
    again = FILLED.model_copy(update={"command_id": "again"})
    name = client_order_id("APTUSDT.binance#1", "entry", "5483266")
    given(*ENTERED).when(again).no_news().answered(status="active", quantity="61.8", client_order_id=name)


def test_an_answer_of_two_events_is_given_again_with_both() -> None:
    both = on(SetStopLoss, command_id="once", stop_price="3.3", exchange_order_id="s1", activate=True)
    given(*ENTERED[:3], both).when(both).no_news().answered(
        version=5, status="active", events=("StopLossSet", "Activated")
    )


def test_a_rollback_answer_says_again_which_order_to_send() -> None:
    start = on(StartRollback, command_id="once", reason="x")
    first = given(*ENTERED, start)
    given(*ENTERED, start).when(start).no_news().answered(close_side="buy", close_quantity="61.8")
    assert first.answer is not None
    assert first.when(start).answer == first.answer


def test_the_same_id_at_another_time_from_another_source_is_the_same_command() -> None:
    again = request(command_id="once", at=second(9), source="recovery", metadata={"try": 2})
    given(request(command_id="once")).when(again).no_news().answered(version=1)


@pytest.mark.parametrize(
    "other",
    [request(command_id="once", quantity="61.9"), on(Activate, command_id="once")],
    ids=lambda command: command.verb,
)
def test_the_same_id_with_other_content_is_refused(other: Command) -> None:
    given(request(command_id="once")).when(other).refused(
        IdempotencyMismatch,
        "command_id once was accepted before with other content, as EntryRequested of APTUSDT.binance#1",
    )


def test_a_refused_command_leaves_its_id_free() -> None:
    activate = on(Activate, command_id="once")
    given(*ENTERED[:3]).when(activate).refused(NotProtected).when(STOP).when(activate).then(Activated)


# -- intent_id --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", range(1, len(ENTERED) + 1))
def test_the_same_intent_again_is_one_entry_and_gets_the_first_answer(sent: int) -> None:
    given(*ENTERED[:sent]).when(request()).no_news().answered(
        position_id="APTUSDT.binance#1",
        version=1,
        status="pending_entry",
        events=("EntryRequested",),
        client_order_id="phj4bdbehtnowjiptjskodhosei",
    )


def test_the_same_intent_in_another_spelling_is_the_same_intent() -> None:
    given(request()).when(request(symbol="APT/USDT:USDT", exchange="Binance", side="sell", quantity="61.80")).no_news()


@pytest.mark.parametrize("other", [{"quantity": "61.9"}, {"stop_loss_percent": "2"}], ids=str)
def test_an_intent_that_comes_again_resized_is_told_which_position_it_has(other: dict[str, str]) -> None:
    given(request()).when(request(**other)).refused(
        IdempotencyMismatch,
        "intent_id 5483266 has APTUSDT.binance#1 already: short 61.8 was asked, which is pending_entry and holds 0",
    )


def test_the_same_intent_for_the_other_side_is_another_one() -> None:
    given(request()).when(request(side="long")).refused(PositionAlreadyOpen, "already holds this slot")


def test_the_same_intent_at_another_exchange_is_another_entry() -> None:
    given().when(request(exchange="bybit")).then(EntryRequested).answered(position_id="APTUSDT.bybit#1")


def test_an_intent_that_was_acknowledged_after_the_fact_is_one_entry_too() -> None:
    placed = RecordEntryPlaced.of(
        symbol="APTUSDT", exchange="binance", side="short", quantity="61.8", exchange_order_id="1", intent_id="5483266"
    )
    given(placed).when(placed).no_news()
    given(placed).when(request(intent_id="2")).refused(PositionAlreadyOpen, "opened by intent 5483266")


# -- trade_id ---------------------------------------------------------------------------------------------------


def test_the_same_fill_again_is_no_news() -> None:
    given(*ENTERED[:3]).when(FILLED).no_news().answered(events=()).leaves(quantity="61.8")


def test_the_same_exit_fill_again_is_no_news() -> None:
    sold = on(Reduce, trade_id="x1", last_qty="1", last_px="3.2")
    given(*ENTERED, sold).when(sold).no_news().leaves(quantity="60.8")


def test_an_exit_fill_that_was_counted_is_no_news_after_the_close_either() -> None:
    sold = on(Reduce, trade_id="x1", last_qty="61.8", last_px="3.2")
    given(*ENTERED, sold, on(Close, exit_reason="x")).when(sold).no_news()


@pytest.mark.parametrize(
    "other",
    [
        on(RecordEntryFill, trade_id="t1", last_qty="61.7", last_px="3.2333"),
        on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2334"),
    ],
    ids=["quantity", "price"],
)
def test_a_fill_never_changes(other: Command) -> None:
    given(*ENTERED[:3]).when(other).refused(IdempotencyMismatch, "trade_id t1", "a fill never changes")


def test_a_fee_that_was_not_known_is_added_by_sending_the_fill_again() -> None:
    again = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", fee="0.1")
    other = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", fee="0.2")
    story = given(*ENTERED[:3]).when(again).then(CashRecorded, kind="commission", trade_id="t1").leaves(fees="0.1")
    story.when(again).no_news().when(other).refused(IdempotencyMismatch, "for a fee of 0.1", "a fill never changes")


def test_a_fill_that_comes_again_with_its_order_is_the_same_fill() -> None:
    named = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="3.2333", exchange_order_id="53190368")
    story = given(request(), FILLED).when(named).no_news().leaves(quantity="61.8")
    story.when(on(RequestIncrease, quantity="5", intent_id="2")).when(named).no_news().leaves(quantity="61.8")
    corrected = on(CorrectFill, trade_id="t1", last_qty="60", reason="corrected")
    given(request(), FILLED, corrected).when(named).no_news().leaves(quantity="60")
    other = on(RecordEntryFill, trade_id="t1", last_qty="61", last_px="3.2333")
    given(request(), FILLED, corrected).when(other).refused(IdempotencyMismatch, "trade_id t1", "60 at 3.2333")


def test_an_exit_fill_that_comes_again_with_its_order_is_the_same_fill() -> None:
    told = {"trade_id": "x1", "last_qty": "6", "last_px": "3.2"}
    story = given(*ENTERED, on(RequestExit, quantity="10", reason="signal"), on(Reduce, **told))
    story.when(on(Reduce, **told, exchange_order_id="9")).no_news().leaves(quantity="55.8")
    story.when(on(Reduce, **told, fee="0.1", exchange_order_id="9")).then(CashRecorded).leaves(fees="0.1")


def test_one_trade_of_two_orders_that_are_known_apart_is_two_fills() -> None:
    first = on(RecordEntryFill, trade_id="4f42", last_qty="5", last_px="3.2", exchange_order_id="A")
    other = on(RecordEntryFill, trade_id="4f42", last_qty="5", last_px="3.2", exchange_order_id="B")
    given(request(), first).when(other).then(EntryFilled, order="entry.2").leaves(quantity="10")


def test_an_entry_and_an_exit_of_one_trade_are_two_fills() -> None:
    given(*ENTERED[:3]).when(on(Reduce, trade_id="t1", last_qty="61.8", last_px="3.2333")).then(PositionReduced).leaves(
        quantity="0", realized_pnl="0"
    )


def test_a_late_fill_again_is_no_news() -> None:
    given(request(), PLACED, on(FailEntry, reason="x", outcome="canceled"), FILLED).when(FILLED).no_news()


def test_a_trade_number_may_come_again_in_another_cycle() -> None:
    reentry = (on(Close, exit_reason="x"), request(intent_id="2"))
    again = on(RecordEntryFill, "APTUSDT.binance#2", trade_id="t1", last_qty="7", last_px="3")
    given(*ENTERED, *reentry).when(again).then(EntryFilled, cycle=2).leaves(quantity="7")


# -- expected_version -------------------------------------------------------------------------------------------


def test_a_decision_on_the_version_that_the_caller_saw_is_accepted() -> None:
    given(request()).when(on(RecordEntryPlaced, exchange_order_id="1", expected_version=1)).then(EntryPlaced)
    given().when(request(expected_version=0)).then(EntryRequested)


@pytest.mark.parametrize("version", [0, 2])
def test_a_decision_on_another_version_is_refused(version: int) -> None:
    story = given(request()).when(on(RecordEntryPlaced, exchange_order_id="1", expected_version=version))
    story.refused(VersionConflict, f"APTUSDT.binance is at version 1, not {version} as expected; look again")
    assert story.refusal is not None
    assert story.refusal.details == {"version": 1, "expected_version": version}


def test_two_events_in_one_append_need_one_expected_version() -> None:
    both = on(SetStopLoss, stop_price="3.3", exchange_order_id="s1", activate=True, expected_version=3)
    given(*ENTERED[:3]).when(both).answered(version=5)


def test_a_rule_that_says_no_is_named_before_a_stale_version() -> None:
    given(request()).when(request(intent_id="2", expected_version=0)).refused(PositionAlreadyOpen)
    given(*ENTERED[:3]).when(on(FailEntry, reason="x", outcome="expired", expected_version=0)).refused(EntryHasFills)


def test_the_first_answer_is_given_whatever_version_the_retry_expects() -> None:
    given(request()).when(request(expected_version=0)).no_news()


# -- one close --------------------------------------------------------------------------------------------------


def test_a_close_that_is_sent_again_is_answered_and_a_second_one_refused() -> None:
    given(*ENTERED).when(CLOSE).then(PositionClosed).when(CLOSE).no_news().answered(events=("PositionClosed",)).when(
        CLOSE.model_copy(update={"command_id": "close-2"})
    ).refused(PositionNotOpen)


def test_the_answer_to_a_repeated_entry_is_that_of_the_open_cycle() -> None:
    given(*ENTERED, on(Close, exit_reason="x"), request(intent_id="2")).when(request(intent_id="2")).no_news().answered(
        position_id="APTUSDT.binance#2"
    )


# -- intents of orders beside the first -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked", [on(RequestIncrease, quantity="5", intent_id="2"), on(RequestExit, reason="signal", intent_id="2")]
)
def test_an_intent_that_comes_again_once_its_cycle_is_over_gets_its_first_answer(asked: Command) -> None:
    story = given(*ENTERED, asked)
    first = story.answer
    story.when(CLOSE).leaves(status="closed")
    assert story.when(asked).no_news().answer == first
    other = asked.model_copy(update={"intent_id": "3"})
    story.when(other).refused(PositionNotOpen, "is closed")
    story.when(request(intent_id="4")).then(EntryRequested)


def test_a_signal_that_increased_a_cycle_opens_no_other_one_when_it_is_delivered_again() -> None:
    story = given(*ENTERED, on(RequestIncrease, quantity="5", intent_id="2"), CLOSE)
    same_side = request(intent_id="2")
    story.when(same_side).refused(IdempotencyMismatch, "as IncreaseRequested of APTUSDT.binance#1, which is closed now")
    story.when(request(intent_id="2", side="long", stop_price=None)).then(EntryRequested)


def test_an_increase_that_comes_again_resized_once_its_cycle_is_over_is_told_so() -> None:
    asked = on(RequestIncrease, quantity="5", intent_id="2")
    resized = asked.model_copy(update={"quantity": Decimal(6)})
    given(*ENTERED, asked, CLOSE).when(resized).refused(IdempotencyMismatch, "which is closed now")
