"""The facts of a cycle for the statistics, collected event by event."""

from __future__ import annotations

from datetime import timedelta
from functools import reduce

import pytest
from pydantic import TypeAdapter

from domain.commands.requests import (
    Adopt,
    Close,
    FailEntry,
    ImportPosition,
    LoseStopLoss,
    RollBack,
    SetStopLoss,
    StartRollback,
)
from domain.errors import HistoryDamaged
from domain.events import Activated
from projections.exposure import Gap
from projections.metrics.cycle_metrics import CycleFacts, fold
from tests.spec import CYCLE, ENTERED, FILLED, PLACED, STOP, Story, given, on, request, second

KEY = {"symbol": "APTUSDT", "exchange": "binance"}
STORED = TypeAdapter(CycleFacts)
LOSE = on(LoseStopLoss, reason="gone")
CLOSE = on(Close, exit_reason="x")


def facts_of(story: Story, position_id: str = CYCLE) -> CycleFacts:
    story.needs_acceptance()
    known: CycleFacts | None = None
    for event in story.history:
        if event.position_id == position_id:
            known = fold(known, event)
            known = STORED.validate_json(STORED.dump_json(known))  # as a follower keeps it
    assert known is not None
    return known


def test_the_row_is_that_of_the_positions_table() -> None:
    story = given(*ENTERED, CLOSE, request(intent_id="2"))
    assert facts_of(story).position == story.rows[CYCLE]
    assert facts_of(story, "APTUSDT.binance#2").position == story.rows["APTUSDT.binance#2"]


def test_every_event_of_the_cycle_counts_once() -> None:
    assert [facts_of(given(*ENTERED[:count])).events for count in (1, 3, 5)] == [1, 3, 5]


def test_it_is_protected_when_the_stop_covers_what_was_filled() -> None:
    facts = facts_of(given(*ENTERED))
    assert facts.protected_at == second(3)
    assert facts.request_to_protected == timedelta(seconds=3)


def test_a_stop_that_came_before_the_fill_protects_from_the_fill_on() -> None:
    assert facts_of(given(request(), PLACED, STOP)).protected_at is None
    assert facts_of(given(request(), PLACED, STOP, FILLED)).protected_at == second(3)


def test_the_first_protection_is_the_one_that_counts() -> None:
    again = on(SetStopLoss, stop_price="3.4", exchange_order_id="s2")
    assert facts_of(given(*ENTERED, LOSE, again)).protected_at == second(3)


def test_what_was_not_requested_has_no_time_from_request_to_protected() -> None:
    adopt = Adopt.of(**KEY, side="short", quantity="61", avg_px_open="3.2295", reason="at the exchange")
    facts = facts_of(given(adopt, STOP))
    assert (facts.protected_at, facts.was_requested, facts.request_to_protected) == (second(1), False, None)


def test_a_gap_lasts_from_the_fill_to_the_stop() -> None:
    assert facts_of(given(*ENTERED)).gaps == (Gap(second(2), second(3)),)


def test_every_lost_stop_is_a_gap_of_its_own() -> None:
    again = on(SetStopLoss, stop_price="3.4", exchange_order_id="s2")
    facts = facts_of(given(*ENTERED, LOSE, again, LOSE))
    assert facts.gaps == (Gap(second(2), second(3)), Gap(second(5), second(6)))
    assert facts.gaps_until(second(100))[2:] == [Gap(second(7), second(100))]


@pytest.mark.parametrize(
    "ending",
    [
        (CLOSE,),
        (on(StartRollback, reason="r"), on(RollBack, evidence={"position_quantity": "0"})),
    ],
)
def test_the_end_of_the_cycle_ends_the_gap(ending: tuple[Close, ...]) -> None:
    facts = facts_of(given(*ENTERED, LOSE, *ending))
    assert facts.gaps[1:] == (Gap(second(5), second(5 + len(ending))),)
    assert facts.gaps_until(second(100)) == [*facts.gaps]
    assert facts.ended_at == second(5 + len(ending))


def test_what_was_never_held_is_never_unprotected() -> None:
    facts = facts_of(given(request(), PLACED, on(FailEntry, outcome="rejected", reason="no")))
    assert (facts.gaps, facts.was_held, facts.came_to_nothing) == ((), False, True)


@pytest.mark.parametrize(
    ("reason", "is_one"),
    [('duplicate key value violates unique constraint "x"', True), ("a DUPLICATE", True), ("no stop", False)],
)
def test_a_rollback_for_a_duplicate_says_so(reason: str, *, is_one: bool) -> None:
    undone = (on(StartRollback, reason=reason), on(RollBack, evidence={"position_quantity": "0"}))
    assert facts_of(given(*ENTERED, *undone)).is_rollback_for_duplicate is is_one
    assert not facts_of(given(*ENTERED, on(Close, exit_reason=reason))).is_rollback_for_duplicate


def test_an_imported_cycle_that_is_over_without_a_time_ended_when_it_was_last_heard_of() -> None:
    imported = ImportPosition.of(
        **KEY,
        command_id="i",
        at=second(0),
        opened_at=second(0),
        status="closed",
        side="short",
        quantity="1",
        row={},
        findings=(),
        stop_confirmed=False,
        claims_intent=False,
    )
    facts = facts_of(given(imported))
    assert (facts.is_imported, facts.ended_at) == (True, second(0))


def test_an_event_of_a_cycle_that_was_never_opened_is_refused() -> None:
    activated = next(event for event in given(*ENTERED).history if isinstance(event, Activated))
    with pytest.raises(HistoryDamaged, match="never opened"):
        reduce(fold, [activated], None)
