"""One rule for unprotected positions: all projections agree, and no gap has a negative length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from typing import cast

from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.aggregate.position import Position
from domain.commands.base import Command
from domain.commands.order_requests import RecordCash
from domain.commands.requests import (
    Adjust,
    Adopt,
    Close,
    FailEntry,
    RecordEntryFill,
    RecordEntryPlaced,
    Reduce,
    RollBack,
    StartRollback,
)
from domain.decisions.decision import CommandContext
from domain.errors import CommandRefused
from domain.events import EntryFilled, PositionEvent
from domain.values import Source, plain, seconds
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.statistics_projection import seen_to
from projections.audit.anomalies import oddities
from projections.audit.ledger_report import review
from projections.audit.narrative import story
from projections.exposure import (
    BY_CHOICE,
    Gap,
    exposure_words,
    is_by_choice,
    is_covered,
    needs_stop,
    taken_over_at,
)
from projections.metrics.cycle_metrics import CycleFacts, fold
from projections.metrics.statistics import MeasuredWindow, measure
from projections.positions import PositionRow
from projections.timeline import moments, timeline
from tests.projections.cycles import LATER, cycle
from tests.spec import CYCLE, FILLED, PLACED, STOP, on, request, second
from tests.strategies import conversations

DAY = MeasuredWindow(second(0), second(86_400))
LATE = on(RecordEntryFill, trade_id="late", last_qty="10", last_px="3", at=second(60))


def facts(events: Sequence[PositionEvent]) -> CycleFacts:
    known = reduce(fold, events, None)
    assert known is not None
    return known


def test_a_stop_whose_clock_is_behind_its_fill_leaves_nothing_unprotected() -> None:
    """Two seconds behind: that was "never" in a story and -2 s in the statistics."""
    events = cycle((0, request()), (1, PLACED), (10, FILLED), (8, STOP))
    known, told = facts(events), moments(events)
    time = timeline(told, [], LATER)
    found = measure([known], [], DAY, now=LATER)
    assert (time.gaps, time.unprotected, [gap.length for gap in known.gaps]) == ((), timedelta(), [timedelta()])
    longest = next(each for each in found.criteria if each.name == "unprotected_longest_seconds")
    assert (longest.value, longest.ok, longest.offenders, found.unprotected) == (0, True, (), timedelta())
    assert not [each for each in oddities(told, time) if each.kind == "unprotected"]
    assert dict(story(events, [], LATER).facts)["Unprotected"] == "never"
    assert known.request_to_protected == timedelta(seconds=10)


@tried_on(conversations(), st.lists(st.integers(-30, 300), min_size=24, max_size=24))
def test_facts_timeline_story_and_report_tell_the_same_stretches(sent: list[Command], clocks: list[int]) -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        play(ledger, sent, clocks)
        log = [entry.event for row in ledger.positions() for entry in ledger.history(row.position_id)]
        names = {row.position_id for row in ledger.positions()}
        for name in names:
            events = [event for event in log if event.position_id == name]
            (known,), told = seen_to(ledger.store, [facts(events)]), moments(events)
            time = timeline(told, [], LATER, known.taken_over_at)
            stretches = [gap for gap in known.gaps_until(LATER) if gap.length or gap.ended == time.end]
            assert [Gap(gap.start, gap.end) for gap in time.gaps if gap.length] == [g for g in stretches if g.length]
            assert all(gap.length >= timedelta() for gap in known.gaps_until(LATER))
            assert all(one.ended <= other.began for one, other in zip(known.gaps, known.gaps[1:], strict=False))
            assert time.is_exposed == (known.exposed_since is not None)
            told_of = story(events, [], LATER, known.taken_over_at)
            assert told_of.as_json()["unprotected_seconds"] == plain_seconds(time.unprotected)
            found = measure([known], [], MeasuredWindow(second(-10_000), LATER), now=LATER)
            assert found.unprotected == time.unprotected
            report = review([(known, events)], {}, found, LATER)
            assert sum((each.together for each in report.exposed), timedelta()) == time.unprotected
            assert [each.row.position_id for each in report.open if each.unprotected is not None] == list(
                found.unprotected_now
            )


def plain_seconds(length: timedelta) -> str:
    return plain(seconds(length))


def play(ledger: PositionLedger, sent: list[Command], clocks: list[int]) -> None:
    """Send commands a minute apart, by clocks that differ."""
    for number, (command, ahead) in enumerate(zip(sent, clocks, strict=False)):
        try:
            ledger.handle(command.model_copy(update={"at": second(60 * number + ahead)}))
        except CommandRefused:
            continue


# -- what is held in a cycle that is over -----------------------------------------------------------------------


def left(*after: Command) -> tuple[PositionRow, list[PositionEvent]]:
    """A stream in which a late fill did not take its slot back, as streams of earlier versions have it."""
    failed = on(FailEntry, outcome="expired", reason="no answer", at=second(5))
    *before, late = cycle((0, request()), (5, failed), (60, LATE))
    assert isinstance(late, EntryFilled), "the last one"
    events = [*before, replace(late, reopens=False)]
    position = Position.track(request().key)
    for event in events:
        event.mutate(position)
    for number, command in enumerate(after):
        position.decide(command, CommandContext(f"after{number}", command.at or second(100), second(100)))
    events = [*events, *cast("list[PositionEvent]", list(position.collect_events()))]
    return moments([event for event in events if event.cycle == 1])[-1].row, events


def test_a_late_fill_is_held_until_the_exchange_s_word_about_its_key_has_it() -> None:
    adopt = Adopt.of(symbol="APTUSDT", exchange="binance", side="short", quantity="10", avg_px_open="3", reason="seen")
    later = request(intent_id="2")
    adjust = Adjust.of(position_id="APTUSDT.binance#2", quantity="20", avg_px_open="3", reason="seen")
    assert taken_over_at(*left()) is None
    assert taken_over_at(*left(later)) is None, "another entry is no word of the exchange"
    assert taken_over_at(*left(adopt)) == second(100)
    assert taken_over_at(*left(later, adjust)) == second(100)
    earlier = adopt.model_copy(update={"at": second(30), "source": Source.IMPORT})  # any other is refused as stale
    assert taken_over_at(*left(earlier)) is None, "what was seen before the fill does not have it"


def test_a_rollback_to_nothing_is_the_exchange_s_word_and_a_close_is_not() -> None:
    there = {"position_id": "APTUSDT.binance#2"}
    placed = RecordEntryPlaced.of(exchange_order_id="2", filled_qty="10", avg_px="3", **there)
    begun = (request(intent_id="2"), placed, StartRollback.of(reason="x", **there))
    proof = RollBack.of(evidence={"position_quantity": 0}, **there)
    assert taken_over_at(*left(*begun, proof)) == second(100)
    assert taken_over_at(*left(*begun[:2], Close.of(exit_reason="x", **there))) is None


def test_the_time_of_what_is_left_over_runs_on_until_it_is_taken_over() -> None:
    _, events = left()
    known = facts(events)
    assert (known.exposed_since, known.ended_at) == (second(60), None)
    assert known.gaps_until(LATER) == [Gap(second(60), LATER)]
    told = story(events, [], LATER)
    assert told.headline.endswith("failed after 5 s, and HOLDS 10, STRAY, UNPROTECTED")
    assert [(gap.start, gap.is_over, gap.why) for gap in told.timeline.gaps] == [
        (second(60), False, "filled after the cycle was over")
    ]
    over = known.taken_over(second(100))
    assert (over.exposed_since, over.gaps, over.ended_at) == (None, (Gap(second(60), second(100)),), second(5))
    assert dict(story(events, [], LATER, second(100)).facts)["Unprotected"] == "40 s in 1 stretch"
    assert known.position_id == CYCLE


def test_only_what_says_what_is_held_takes_a_stray_over() -> None:
    filled = on(RecordEntryFill, "APTUSDT.binance#2", trade_id="2", last_qty="10", last_px="3")
    later = (request(intent_id="2", quantity="10"), filled)
    price = Adjust.of(position_id="APTUSDT.binance#2", avg_px_open="3.1", reason="seen")
    assert taken_over_at(*left(*later, price)) is None, "a price says nothing of a quantity"
    turned = Reduce.of(
        position_id="APTUSDT.binance#2", trade_id="x", last_qty="15", last_px="3", flip=True, at=second(100)
    )
    assert taken_over_at(*left(*later, turned)) is None, "the rest of a fill is what that fill left, and no more"


def test_what_is_learned_of_a_stray_later_does_not_make_it_one_again() -> None:
    second_fill = on(RecordEntryFill, "APTUSDT.binance#2", trade_id="2", last_qty="10", last_px="3", at=second(90))
    adjust = Adjust.of(position_id="APTUSDT.binance#2", quantity="20", avg_px_open="3", reason="seen", at=second(100))
    paid = RecordCash.of(position_id=CYCLE, kind="funding", amount="1", cash_id="f", at=second(200))
    failed = on(FailEntry, outcome="expired", reason="no answer", at=second(5))
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        for told in (request(at=second(0)), failed, request(intent_id="2", at=second(50)), LATE, second_fill):
            ledger.handle(told)
        assert [row.position_id for row in ledger.positions(unprotected=True)] == [CYCLE, "APTUSDT.binance#2"]
        for command in (adjust, paid):
            ledger.handle(command)
            assert [row.position_id for row in ledger.positions(unprotected=True)] == ["APTUSDT.binance#2"]


def test_what_a_bot_keeps_the_stop_of_is_unprotected_by_choice_while_nothing_else_protects_it() -> None:
    chosen = (request(protection="bot"), PLACED)
    bare = moments(cycle(*enumerate((*chosen, FILLED))))[-1].row
    assert (exposure_words(bare), is_by_choice(bare), is_covered(bare), needs_stop(bare)) == (
        BY_CHOICE,
        True,
        None,
        False,
    )
    none_held = moments(cycle(*enumerate(chosen)))[-1].row
    assert (exposure_words(none_held), is_by_choice(none_held), needs_stop(none_held)) == (None, False, False)
    stopped = moments(cycle(*enumerate((*chosen, FILLED, STOP))))[-1].row
    assert (exposure_words(stopped), is_by_choice(stopped), is_covered(stopped)) == (None, False, True)
    row, _ = left()
    assert (exposure_words(row), needs_stop(row)) == ("STRAY, UNPROTECTED", True)
