"""Unfinished cycles that are left alone, or wait: their bot has time, or the evidence does not do."""

from __future__ import annotations

import pytest

from domain.commands.base import Command
from domain.commands.requests import Close, LoseStopLoss, SetStopLoss
from projections.account_snapshot import AccountSnapshot, PositionReport
from projections.reconciliation.compare import reconcile
from projections.reconciliation.grace_periods import DEADLINES
from projections.reconciliation.result import ReconciliationRules
from projections.recovery.in_flight import unfinished
from projections.recovery.judgement import recover
from projections.recovery.proposals import Action
from projections.recovery.required_orders import PlannedOrders
from tests.projections.recovery.proposed import APT, BESIDE, GONE, ITS_STOP, MOVED, OTHER, STARTED, UNKNOWN, look, the
from tests.projections.seen import LATER, seen
from tests.spec import ENTERED, FILLED, PLACED, STOP, given, on, request, second


@STARTED
def test_a_cycle_within_its_deadline_is_left_to_its_bot(sent: tuple[Command, ...]) -> None:
    story = given(*sent)
    (row,) = story.rows.values()
    last = (row.updated_at if row.status.value == "rolling_back" else row.opened_at) + DEADLINES[row.status]
    almost = (last - second(0)).total_seconds() - 0.001
    found = the(story, seen(APT, orders=[ITS_STOP], at=almost), now=almost)
    assert (found.action, found.commands, found.due, found.needs_attention) == (Action.LEAVE, (), None, False)
    assert the(story, now=almost + 0.001).needs_attention


@STARTED
def test_without_a_snapshot_nothing_is_proposed(sent: tuple[Command, ...]) -> None:
    found = the(given(*sent))
    assert (found.action, found.commands, found.due, found.needs_attention) == (Action.WAIT, (), None, True)
    assert found.message == "only the exchange knows: give a snapshot of binance"
    assert found.missing


@STARTED
@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (seen(at=LATER, positions=None), "that is not zero"),
        (seen(APT, at=LATER, doubts=("it is partial",)), "it is partial"),
        (seen(APT, at=None), "when it was taken"),
    ],
)
def test_a_snapshot_that_is_not_to_be_relied_on_proposes_nothing(
    sent: tuple[Command, ...], snapshot: AccountSnapshot, words: str
) -> None:
    """I-29."""
    found = the(given(*sent), snapshot, now=LATER, confirmations=1)
    assert (found.action, found.commands) == (Action.WAIT, ())
    assert words in " ".join(found.missing)


def test_a_snapshot_that_is_too_old_proposes_nothing() -> None:
    found = the(given(request(), PLACED), *GONE, now=LATER + 3600)
    assert (found.action, found.commands) == (Action.WAIT, ())
    assert "--max-age" in found.missing[0]


@pytest.mark.parametrize("shown", [(), (APT,)], ids=["absent", "there"])
def test_a_snapshot_of_before_the_news_proposes_nothing(shown: tuple[PositionReport, ...]) -> None:
    """It is reliable about what else is held, and still too old for this one."""
    story = given(request(), PLACED, FILLED, STOP).when(on(SetStopLoss, **MOVED, at=second(LATER)))
    rows = [*story.rows.values(), *BESIDE]
    found = reconcile(
        rows, [seen(OTHER, *shown, at=LATER - 1)], now=second(LATER + 100), rules=ReconciliationRules(confirmations=1)
    )
    assert found.is_reliable
    (cycle,) = (each for each in unfinished(rows, second(LATER + 100)) if each.row.symbol == "APTUSDT")
    proposed = recover(cycle, found, PlannedOrders())
    assert (proposed.action, proposed.commands) == (Action.WAIT, ())
    assert proposed.message == "the ledger has later news of it than the snapshot"


def test_a_snapshot_of_within_the_deadline_proposes_nothing() -> None:
    """I-11, I-15: what it does not show yet may be there by now."""
    found = the(given(request(), PLACED, FILLED), seen(APT, at=20), now=LATER)
    assert (found.action, found.message) == (Action.WAIT, "the snapshot was taken while it had time")


def test_what_is_active_under_a_stop_or_over_is_not_unfinished() -> None:
    assert look(given(*ENTERED)) == []
    assert look(given(*ENTERED, on(Close, exit_reason="target"))) == []
    assert look(given(*ENTERED, on(LoseStopLoss, reason="gone"))) != []


def test_events_that_cannot_be_read_are_not_acted_upon() -> None:
    story = given(request())
    (cycle,) = unfinished(story.rows.values(), second(LATER))
    found = reconcile(list(story.rows.values()), GONE, now=second(LATER + 60), rules=ReconciliationRules())
    assert recover(cycle, found, None).action is Action.WAIT
    assert recover(cycle, found, PlannedOrders()).action is Action.FAIL


@pytest.mark.parametrize("news", [UNKNOWN, PLACED])
def test_an_entry_may_appear_for_as_long_as_exchanges_take_after_the_last_news(news: Command) -> None:
    story = given(request())
    story.when(news.model_copy(update={"at": second(LATER)})).needs_acceptance()
    early = the(story, seen(OTHER, at=LATER + 5), seen(OTHER, at=LATER + 19))
    assert (early.action, early.commands, early.waits_for_another_snapshot) == (Action.WAIT, (), True)
    assert early.message == "binance does not show it, and may until 19:01:00 UTC"
    assert the(story, seen(OTHER, at=LATER + 5), seen(OTHER, at=LATER + 20)).action is Action.FAIL


def test_what_was_filled_does_not_wait_for_its_order_to_appear() -> None:
    story = given(request(), PLACED)
    story.when(FILLED.model_copy(update={"at": second(LATER)})).needs_acceptance()
    assert the(story, seen(OTHER, at=LATER + 1), seen(OTHER, at=LATER + 12)).action is Action.CLOSE
