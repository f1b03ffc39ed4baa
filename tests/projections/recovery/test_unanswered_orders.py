"""Requested orders without an answer: how long they have, and what the evidence leads to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.commands.base import Command
from domain.commands.order_requests import EndOrder, RequestExit, RequestIncrease
from domain.commands.requests import Adjust, Close, LoseStopLoss, RecordEntryFill, RecordEntryPlaced, Reduce
from domain.errors import OrderAlreadyEnded
from domain.events import OrderEnded
from projections.account_snapshot import AccountSnapshot, OrderReport, PositionReport
from projections.health.diagnosis import Cycles
from projections.recovery.proposals import Action, Proposal
from projections.recovery.unanswered_orders import unanswered
from tests.projections.recovery.proposed import APT, ITS_STOP, OTHER, look, verbs
from tests.projections.seen import LATER, held, limit, seen
from tests.spec import ENTERED, Story, given, on, request, second

EXIT = on(RequestExit, reason="signal")
INCREASE = on(RequestIncrease, intent_id="dca", quantity="10")
IN_TIME = 64.999
"""Seconds at which it is not due: the sixth command of a story is sent at second 5."""


def named(story: Story) -> list[str]:
    (row,) = story.rows.values()
    return [order.name for order in unanswered(row)]


def client_order_id(story: Story, name: str) -> str:
    (row,) = story.rows.values()
    found = row.orders[name].client_order_id
    assert found is not None
    return found


def shown(*orders: OrderReport, position: PositionReport = APT) -> list[AccountSnapshot]:
    return [seen(position, orders=[ITS_STOP, *orders], at=at) for at in (LATER, LATER + 60)]


def the(story: Story, *snapshots: AccountSnapshot, now: float | None = None) -> Proposal:
    (found,) = look(story, *snapshots, now=now)
    return found


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ((), []),
        ((EXIT,), ["exit.1"]),
        ((INCREASE,), ["entry.2"]),
        ((EXIT, on(Reduce, trade_id="x", last_qty="1", last_px="3.2", exchange_order_id="x1")), []),
        ((INCREASE, on(RecordEntryPlaced, exchange_order_id="o2")), []),
        ((INCREASE, on(RecordEntryFill, trade_id="t2", last_qty="1", last_px="3.2", exchange_order_id="o2")), []),
    ],
    ids=["none", "an exit", "an increase", "a fill of the exit", "acknowledged", "a fill of the increase"],
)
def test_an_order_is_unanswered_until_something_is_known_of_it(sent: tuple[Command, ...], expected: list[str]) -> None:
    assert named(given(*ENTERED, *sent)) == expected


def test_one_that_ended_is_answered() -> None:
    story = given(*ENTERED, EXIT)
    ended = on(EndOrder, client_order_id=client_order_id(story, "exit.1"), outcome="canceled")
    assert named(story.when(ended)) == []


@pytest.mark.parametrize("asked", [EXIT, INCREASE], ids=["exit", "increase"])
def test_nothing_is_awaited_of_a_cycle_that_is_over(asked: Command) -> None:
    assert named(given(*ENTERED, asked, on(Close, exit_reason="stopped"))) == []


def test_the_first_entry_has_a_status_of_its_own() -> None:
    assert named(given(request())) == []


@pytest.mark.parametrize("asked", [EXIT, INCREASE], ids=["exit", "increase"])
def test_it_has_60_s_and_is_then_a_warning_and_critical_with_age(asked: Command) -> None:
    story = given(*ENTERED, asked)

    def severities(at: float) -> list[str]:
        section = Cycles(story.rows.values(), second(at), timedelta(hours=1), {}).orders()
        return [symptom.severity.value for symptom in section.symptoms]

    assert [severities(at) for at in (IN_TIME, 65, 3604, 3605)] == [[], ["warning"], ["warning"], ["critical"]]
    assert the(story, now=IN_TIME).action is Action.LEAVE
    late = the(story, now=65)
    assert (late.action, late.missing) == (Action.WAIT, (f"what became of {named(story)[0]}",))


@pytest.mark.parametrize("asked", [EXIT, INCREASE], ids=["exit", "increase"])
def test_two_snapshots_that_show_neither_it_nor_a_fill_end_it(asked: Command) -> None:
    story = given(*ENTERED, asked)
    once = the(story, shown()[0])
    assert (once.action, once.commands, once.waits_for_another_snapshot) == (Action.WAIT, (), True)
    found = the(story, *shown())
    assert (found.action, verbs(found)) == (Action.FINISH, ["end_order"])
    for step in found.commands:
        story.when(step.command).needs_acceptance()
    assert (named(story), look(story, *shown())) == ([], [])


def test_one_that_rested_meanwhile_or_cannot_be_seen_is_not_ended() -> None:
    story = given(*ENTERED, EXIT)
    here = limit("APTUSDT", "buy", "x1", client_order_id=client_order_id(story, "exit.1"), reduce_only=True)
    first, latest = shown()
    for between in (seen(APT, orders=[ITS_STOP, here], at=LATER + 30), seen(OTHER, at=LATER + 30)):
        found = the(story, first, between, latest)
        assert (found.action, found.waits_for_another_snapshot, found.commands) == (Action.WAIT, True, ())
    blind = seen(APT, orders=None, at=LATER + 30)
    assert the(story, blind, latest).waits_for_another_snapshot
    assert verbs(the(story, first, blind, latest)) == ["end_order"]


def test_an_exit_that_rests_is_left_alone() -> None:
    story = given(*ENTERED, EXIT)
    here = limit("APTUSDT", "buy", "x1", client_order_id=client_order_id(story, "exit.1"), reduce_only=True)
    found = the(story, *shown(here))
    assert (found.action, found.commands, found.needs_attention) == (Action.LEAVE, (), False)


def test_an_increase_that_rests_is_noted() -> None:
    story = given(*ENTERED, INCREASE)
    here = limit("APTUSDT", "sell", "o2", client_order_id=client_order_id(story, "entry.2"))
    found = the(story, *shown(here))
    assert (found.action, verbs(found)) == (Action.FINISH, ["record_entry_placed"])
    for step in found.commands:
        story.when(step.command).needs_acceptance()
    assert (named(story), story.rows["APTUSDT.binance#1"].orders["entry.2"].exchange_order_id) == ([], "o2")


def test_what_was_filled_without_a_word_is_taken_over_before_anything_is_ended() -> None:
    found = the(given(*ENTERED, EXIT), *shown(position=held("APTUSDT", "short", "20", "3.2333")))
    assert verbs(found) == ["adjust"]


def test_what_was_perhaps_filled_before_the_ledger_was_corrected_is_not_said_to_have_come_to_nothing() -> None:
    story = given(*ENTERED, EXIT, on(Adjust, quantity="20", reason="the exchange holds 20", at=second(6)))
    found = the(story, *shown(position=held("APTUSDT", "short", "20", "3.2333")))
    assert (verbs(found), found.message) == (["end_order"], "the orders that it promised rest no more")
    for step in found.commands:
        story.when(step.command).needs_acceptance()
    (ended,) = story.events
    assert isinstance(ended, OrderEnded) and "its fills may come late" in str(ended.reason)
    of_it = {"client_order_id": client_order_id(story, "exit.1"), "exchange_order_id": "X"}
    story.when(on(Reduce, trade_id="x1", last_qty="41.8", last_px="3.2", **of_it, at=second(6)))
    story.leaves(quantity="20", filled_qty="61.8", realized_pnl="1.39194")
    story.when(on(EndOrder, **of_it, outcome="filled", filled_qty="41.8", avg_px="3.2")).refused(OrderAlreadyEnded)


def test_an_order_that_its_fills_filled_after_all_is_ended_as_filled() -> None:
    story = given(*ENTERED, on(RequestExit, reason="signal", quantity="41.8"))
    of_it = {"client_order_id": client_order_id(story, "exit.1"), "exchange_order_id": "X"}
    story.when(on(EndOrder, **of_it, outcome="expired")).needs_acceptance()
    story.when(on(EndOrder, **of_it, outcome="filled")).refused(OrderAlreadyEnded, "as expired already, not filled")
    story.when(on(Reduce, trade_id="x1", last_qty="41.8", last_px="3.2", **of_it)).leaves(quantity="20")
    filled = on(EndOrder, **of_it, outcome="filled", filled_qty="41.8", avg_px="3.2")
    story.when(filled).then(OrderEnded, outcome="filled").leaves(quantity="20", realized_pnl="1.39194")
    story.when(filled).no_news()
    story.when(on(EndOrder, **of_it, outcome="canceled")).refused(OrderAlreadyEnded, "as filled already")


def test_a_list_without_all_orders_says_nothing_of_one() -> None:
    found = the(given(*ENTERED, EXIT), seen(APT, orders=None))
    assert (found.action, found.commands) == (Action.WAIT, ())


@pytest.mark.parametrize("asked", [EXIT, INCREASE], ids=["exit", "increase"])
def test_an_old_one_leaves_the_bot_its_time_to_replace_a_stop(asked: Command) -> None:
    story = given(*ENTERED, asked, on(LoseStopLoss, reason="canceled", at=second(LATER)))
    bare = [seen(APT, OTHER, at=LATER + seconds) for seconds in (1, 29, 30)]
    in_time = the(story, *bare[:2])
    assert (in_time.due, verbs(in_time)) == (None, ["end_order"])
    assert in_time.missing == (
        "until 19:01:10 UTC its bot may be replacing its stop: a snapshot that was taken after that",
    )
    by_one = the(story, bare[0])
    assert (by_one.action, by_one.commands, by_one.due) == (Action.WAIT, (), None)
    late = the(story, bare[2])
    assert (late.action, late.due is None) == (Action.PROTECT, False)


def test_its_age_counts_from_the_first_that_is_missing() -> None:
    story = given(*ENTERED, EXIT, on(LoseStopLoss, reason="canceled", at=second(LATER)))
    cycle = the(story, now=LATER + 2).cycle
    assert (cycle.since, cycle.due_at) == (second(5), second(65))
