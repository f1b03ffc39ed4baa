"""The statistics of a window, and the success criteria: met, missed and not known."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import pytest

from domain.commands.base import Command
from domain.commands.requests import Adopt, Close, FailEntry, ImportPosition, LoseStopLoss, RollBack, StartRollback
from domain.commands.requests import RecordEntryFill as Fill
from domain.rejection import Rejection
from projections.metrics.cycle_metrics import CycleFacts, fold
from projections.metrics.durations import Durations
from projections.metrics.objectives import Criterion
from projections.metrics.statistics import MeasuredWindow, Statistics, measure
from tests.projections import cycles
from tests.spec import PLACED, STOP, given, on, request, second

NOON = datetime.fromisoformat("2025-10-22T12:00:00+00:00")
DAY = MeasuredWindow(NOON, NOON + timedelta(days=1))
CLOSE = on(Close, exit_reason="x", avg_px_close="3")
FLAT = {"position_quantity": "0"}
REFUSED = replace(cycles.REFUSED, ts_recorded=NOON)


def after(seconds: float, command: Command, **changes: Any) -> Command:
    """The command, so many seconds after noon."""
    told = command.model_dump(exclude_unset=True) | {"at": NOON + timedelta(seconds=seconds)} | changes
    return type(command).of(**told)


def facts(*sent: Command) -> list[CycleFacts]:
    """The facts of every cycle to which this was sent."""
    known: dict[str, CycleFacts] = {}
    for event in given(*sent).history:
        known[event.position_id] = fold(known.get(event.position_id), event)
    return [*known.values()]


def cycle(symbol: str, began: float, *sent: tuple[float, Command], protected: float | None = None) -> list[CycleFacts]:
    """A cycle of a symbol; entered at once, protected so many seconds later, and then whatever was sent."""
    position_id = f"{symbol}.binance#1"
    held = [(0.0, PLACED), (0.0, on(Fill, trade_id="t1", last_qty="61.8", last_px="3.2333"))]
    covered = [] if protected is None else [(protected, STOP)]
    told = [after(began + seconds, each, position_id=position_id) for seconds, each in [*held, *covered, *sent]]
    return facts(after(began, request(symbol=symbol)), *told)


def stats(
    known: Iterable[CycleFacts] = (), refused: Iterable[Rejection] = (), window: MeasuredWindow = DAY
) -> Statistics:
    return measure(known, refused, window, now=DAY.until + timedelta(days=1))


def criterion(name: str, found: Statistics) -> Criterion:
    return next(each for each in found.criteria if each.name == name)


def verdict(name: str, found: Statistics) -> tuple[Any, bool | None]:
    judged = criterion(name, found)
    return judged.value, judged.ok


def several(count: int, *sent: tuple[float, Command], first: int = 0) -> list[CycleFacts]:
    return [
        each
        for number in range(first, first + count)
        for each in cycle(f"S{number}USDT", 60.0 * number, *sent, protected=1)
    ]


UNDONE = ((2.0, on(StartRollback, reason="no stop")), (3.0, on(RollBack, evidence=FLAT)))


def test_nothing_happened_and_nothing_is_known() -> None:
    found = stats()
    assert {each.ok for each in found.criteria} == {None}
    assert found.ok
    assert found.rolled_back_share is None
    assert found.as_json()["request_to_protected_seconds"] == {"count": 0, "p50": None, "p95": None, "max": None}


def test_a_good_day_meets_every_criterion() -> None:
    found = stats(several(20), [REFUSED])
    assert {each.name: each.ok for each in found.criteria} == {
        "late_duplicates": True,
        "rollbacks_for_duplicate": True,
        "pairs_within_10_seconds": True,
        "invalid_states": True,
        "rolled_back_share": True,
        "duplicates_prevented_share": True,
        "unprotected_longest_seconds": True,
    }
    assert found.ok


def test_cycles_count_where_they_were_opened_and_by_how_they_stand_now() -> None:
    before = cycle("AUSDT", -1)
    at_its_start = cycle("BUSDT", 0, (5, CLOSE))
    at_its_end = cycle("CUSDT", 86_400)
    found = stats([*before, *at_its_start, *at_its_end])
    assert {status.value: count for status, count in found.by_status.items() if count} == {"closed": 1}
    assert found.opened == 1


def test_imported_cycles_are_counted_and_not_judged() -> None:
    imported = ImportPosition.of(
        symbol="APTUSDT",
        exchange="binance",
        command_id="i",
        at=NOON,
        opened_at=NOON,
        status="rolled_back",
        side="short",
        quantity="1",
        row={},
        exit_reason="rollback: duplicate key",
        closed_at=NOON,
    )
    found = stats(facts(imported))
    assert (found.imported, found.opened) == (1, 0)
    assert verdict("rolled_back_share", found) == (None, None)
    assert verdict("rollbacks_for_duplicate", found) == (None, None)
    assert verdict("pairs_within_10_seconds", found) == (None, None)


@pytest.mark.parametrize(
    ("good", "bad", "value", "ok"), [(20, 1, "0.047619", True), (19, 1, "0.05", False), (0, 1, "1", False)]
)
@pytest.mark.parametrize("precision", [28, 1])
def test_less_than_one_in_twenty_is_rolled_back(good: int, bad: int, value: str, precision: int, *, ok: bool) -> None:
    with localcontext(prec=precision):
        found = stats([*several(good), *several(bad, *UNDONE, first=100)])
    assert verdict("rolled_back_share", found) == (Decimal(value), ok)
    assert found.ok is ok
    assert criterion("rolled_back_share", found).offenders == ("S100USDT.binance#1",)


@pytest.mark.parametrize(
    ("early", "late", "value", "ok"), [(99, 1, "0.99", True), (98, 1, "0.989899", False), (0, 0, None, None)]
)
@pytest.mark.parametrize("precision", [28, 1])
def test_of_a_hundred_duplicates_99_are_refused_before_an_order(
    early: int, late: int, value: str | None, precision: int, *, ok: bool | None
) -> None:
    refused = [REFUSED] * early + [replace(REFUSED, command="record_entry_placed", error="EntryAlreadyPlaced")] * late
    with localcontext(prec=precision):
        found = verdict("duplicates_prevented_share", stats(refused=refused))
    assert found == (None if value is None else Decimal(value), ok)


@pytest.mark.parametrize(
    ("command", "kind"),
    [("request_entry", "early"), ("adopt", "early"), ("record_entry_placed", "late"), ("activate", "other")],
)
def test_a_refusal_is_late_when_an_order_had_been_sent(command: str, kind: str) -> None:
    found = stats(refused=[replace(REFUSED, command=command)])
    counts = found.as_json()["rejections"]
    assert {name: counts[name] for name in ("early", "late", "other")} == {"early": 0, "late": 0, "other": 0, kind: 1}
    late = int(kind == "late")
    assert verdict("late_duplicates", found) == (late, not late)


def test_a_race_that_was_lost_at_the_append_is_still_early() -> None:
    assert stats(refused=[replace(REFUSED, detected_by="version_conflict")]).ok


def test_refusals_count_by_the_hour_and_by_the_cause_within_the_window() -> None:
    minutes = (-1, 0, 59, 60, 1_439, 1_440)
    refused = [replace(REFUSED, ts_recorded=NOON + timedelta(minutes=number)) for number in minutes]
    refused.append(replace(REFUSED, ts_recorded=NOON, source="sync", command="adopt"))
    found = stats(refused=refused).as_json()["rejections"]
    assert found["total"] == 5
    assert [(each["hour"][:16], each["count"]) for each in found["per_hour"]] == [
        ("2025-10-22T12:00", 3),
        ("2025-10-22T13:00", 1),
        ("2025-10-23T11:00", 1),
    ]
    assert [(each["command"], each["source"], each["count"]) for each in found["by_cause"]] == [
        ("request_entry", "signal", 4),
        ("adopt", "sync", 1),
    ]


def test_a_rollback_for_a_duplicate_counts_when_it_was_done() -> None:
    undone = ((7_200.0, on(StartRollback, reason="duplicate key")), (7_200.0, on(RollBack, evidence=FLAT)))
    found = stats(cycle("AUSDT", -3_600, *undone, protected=1))
    assert verdict("rollbacks_for_duplicate", found) == (1, False)
    assert found.opened == 0
    assert verdict("rollbacks_for_duplicate", stats(cycle("AUSDT", -90_000, *undone, protected=1))) == (0, True)
    assert verdict("rollbacks_for_duplicate", stats(several(1, *UNDONE))) == (0, True)


@pytest.mark.parametrize(
    ("apart", "ending", "value"),
    [(9.999999, CLOSE, 1), (10, CLOSE, 0), (5, on(FailEntry, outcome="rejected", reason="no"), 0)],
)
def test_no_two_cycles_of_a_key_are_opened_within_ten_seconds(apart: float, ending: Command, value: int) -> None:
    came = [] if isinstance(ending, FailEntry) else [PLACED, on(Fill, trade_id="t", last_qty="1", last_px="3")]
    again = request(intent_id="2")
    known = facts(*(after(-2, each) for each in (request(), *came, ending)), after(apart - 2, again))
    judged = criterion("pairs_within_10_seconds", stats(known))
    assert (judged.value, judged.ok) == (value, not value)
    assert judged.offenders == ("APTUSDT.binance#2",) * value


def test_a_pair_counts_in_the_window_of_its_second() -> None:
    known = facts(after(-9, request()), after(-9, PLACED), after(-8, on(FailEntry, outcome="expired", reason="no")))
    assert verdict("pairs_within_10_seconds", stats(known)) == (0, True)
    pair = facts(
        *(after(-9, each) for each in (request(), PLACED, on(Fill, trade_id="t", last_qty="1", last_px="3"), CLOSE)),
        after(-1, request(intent_id="2")),
    )
    assert verdict("pairs_within_10_seconds", stats(pair)) == (0, True)
    assert DAY.reach == NOON - timedelta(seconds=10)


def test_other_keys_opened_at_once_are_no_pair() -> None:
    assert stats([*cycle("AUSDT", 0, protected=1), *cycle("BUSDT", 1, protected=1)]).ok


def test_a_cycle_that_took_its_slot_back_is_open_and_not_invalid() -> None:
    late = on(Fill, trade_id="t2", last_qty="5", last_px="3")
    found = stats(cycle("AUSDT", 0, (5, CLOSE), (6, late), protected=1))
    assert criterion("invalid_states", found).offenders == ()


def test_two_open_cycles_of_a_key_are_invalid() -> None:
    found = stats([*cycle("AUSDT", 0, protected=1), *cycle("AUSDT", 60, protected=1)])
    assert verdict("invalid_states", found) == (2, False)


@pytest.mark.parametrize(("protected", "ok"), [(30, True), (30.000001, False), (None, False)])
def test_nothing_stands_without_a_stop_for_more_than_thirty_seconds(protected: float | None, *, ok: bool) -> None:
    found = stats(cycle("AUSDT", 0, protected=protected))
    assert criterion("unprotected_longest_seconds", found).ok is ok
    assert criterion("unprotected_longest_seconds", found).offenders == (() if ok else ("AUSDT.binance#1",))


def test_what_stood_without_a_stop_for_longest_is_named_first() -> None:
    found = stats(
        [*cycle("AUSDT", 0, protected=40), *cycle("BUSDT", 60, protected=50), *cycle("CUSDT", 60, protected=9)]
    )
    assert criterion("unprotected_longest_seconds", found).offenders == ("BUSDT.binance#1", "AUSDT.binance#1")


def test_a_gap_that_is_open_lasts_until_now() -> None:
    found = measure(cycle("AUSDT", 0), (), DAY, now=NOON + timedelta(seconds=7, microseconds=1))
    assert found.unprotected == timedelta(seconds=7, microseconds=1)
    assert found.unprotected_now == ("AUSDT.binance#1",)
    assert found.as_json()["unprotected_seconds"] == "7.000001"


def test_only_what_lies_in_the_window_adds_up_but_no_window_cuts_the_longest_gap() -> None:
    halves = cycle("AUSDT", -20, protected=40)
    found = stats(halves)
    assert found.unprotected == timedelta(seconds=20)
    assert verdict("unprotected_longest_seconds", found) == (Decimal(40), False)
    before = MeasuredWindow(NOON - timedelta(days=1), NOON)
    assert stats(halves, window=before).unprotected == timedelta(seconds=20)


def test_what_was_over_before_the_window_is_not_judged() -> None:
    known = cycle("AUSDT", -60, (50, CLOSE))
    assert verdict("unprotected_longest_seconds", stats(known)) == (None, None)


def test_an_adopted_position_without_a_stop_counts() -> None:
    adopt = Adopt.of(symbol="HNTUSDT", exchange="bybit", side="long", quantity="60", avg_px_open="1.75", reason="x")
    found = stats(facts(after(0, adopt)))
    assert found.unprotected == timedelta(days=1)
    assert found.never_protected == 0, "it was not requested"


def test_losing_a_stop_is_a_gap_that_adds_to_the_others() -> None:
    found = stats(cycle("AUSDT", 0, (100, on(LoseStopLoss, reason="x")), (105, CLOSE), protected=3))
    assert found.unprotected == timedelta(seconds=8)


def test_the_time_from_request_to_protected() -> None:
    known = [each for number in range(1, 21) for each in cycle(f"S{number}USDT", 60.0 * number, protected=number)]
    found = stats([*known, *cycle("NEVERUSDT", 0)])
    assert found.request_to_protected.as_json() == {"count": 20, "p50": "10", "p95": "19", "max": "20"}
    assert found.never_protected == 1


@pytest.mark.parametrize(("count", "p50", "p95"), [(1, 1, 1), (2, 1, 2), (100, 50, 95), (101, 51, 96)])
def test_percentiles_are_durations_that_were_measured(count: int, p50: int, p95: int) -> None:
    found = Durations.of(timedelta(seconds=number) for number in range(count, 0, -1))
    assert (found.p50, found.p95, found.max) == tuple(timedelta(seconds=each) for each in (p50, p95, count))


def test_the_report_is_plain_json_without_a_float() -> None:
    def refuse(text: str) -> float:
        raise AssertionError(f"{text} is a float")

    known = [*several(3), *several(1, *UNDONE, first=50)]
    text = json.dumps(stats(known, [REFUSED, replace(REFUSED, command="record_entry_placed")]).as_json())
    read = json.loads(text, parse_float=refuse)
    assert read["since"] == "2025-10-22T12:00:00.000000Z"
    assert read["by_status"]["rolled_back"] == 1
    assert [each["name"] for each in read["criteria"] if each["ok"] is False] == [
        "late_duplicates",
        "rolled_back_share",
        "duplicates_prevented_share",
    ]


def test_a_window_has_its_start_and_not_its_end() -> None:
    assert second(0) in MeasuredWindow(second(0), second(1))
    assert second(1) not in MeasuredWindow(second(0), second(1))
