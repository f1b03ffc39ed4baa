from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from domain.commands.base import Command
from domain.commands.requests import Activate, Close, LoseStopLoss, SetStopLoss
from domain.events import PositionEvent
from domain.rejection import Rejection
from projections.audit.ledger_report import BARS_MAX, LISTED_MAX, LedgerReport, bar_name, review
from projections.metrics import cycle_metrics
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.statistics import MeasuredWindow, measure
from tests.projections.cycles import cycle, refused
from tests.spec import FILLED, PLACED, STOP, on, request, second

ENTERED = ((0, request()), (1, PLACED), (2, FILLED), (5, STOP), (6, on(Activate)))
LOST, CLOSED = on(LoseStopLoss, reason="gone"), on(Close, exit_reason="target", avg_px_close="3.1")
DAY = MeasuredWindow(datetime(2025, 10, 22, tzinfo=UTC), datetime(2025, 10, 23, tzinfo=UTC))


def known(events: list[PositionEvent]) -> CycleFacts:
    found: CycleFacts | None = None
    for event in events:
        found = cycle_metrics.fold(found, event)
    assert found is not None
    return found


def look(
    *cycles: tuple[tuple[float, Command], ...], refusals: tuple[Rejection, ...] = (), window: MeasuredWindow = DAY
) -> LedgerReport:
    histories = [cycle(*sent) for sent in cycles]
    pairs = [(known(events), events) for events in histories]
    measured = measure([each for each, _ in pairs], refusals, window, now=second(3600))
    return review(pairs, {"APTUSDT.binance#1": refusals}, measured, second(3600))


def test_what_is_open_is_told_with_its_age_and_how_long_it_has_been_unprotected() -> None:
    found = look((*ENTERED, (100, LOST)), ENTERED, (*ENTERED, (130, CLOSED)))
    assert [each.age.total_seconds() for each in found.open] == [3600, 3600]
    assert [each.unprotected for each in found.open] == [timedelta(seconds=3500), None]
    assert found.cycles == 3


def test_the_longest_exposed_come_first_each_once() -> None:
    short = (*ENTERED, (10, LOST), (20, CLOSED))
    long = (
        *ENTERED,
        (10, LOST),
        (40, on(SetStopLoss, stop_price="3.29", exchange_order_id="s2")),
        (50, LOST),
        (60, CLOSED),
    )
    found = look(short, long)
    assert [(each.times, each.together.total_seconds()) for each in found.exposed] == [(3, 43), (2, 13)]
    assert [each.longest.length.total_seconds() for each in found.exposed] == [30, 10]


def test_a_gap_outside_the_stretch_is_not_in_it() -> None:
    late = MeasuredWindow(second(50), second(3600))
    assert look((*ENTERED, (130, CLOSED)), window=late).exposed == ()


def test_only_cycles_with_a_warning_are_odd_and_the_oddest_come_first() -> None:
    one = (*ENTERED, (100, LOST), (130, CLOSED))
    two = (*ENTERED, (20, on(SetStopLoss, stop_price="3.31", exchange_order_id="s2")), (100, LOST), (130, CLOSED))
    found = look((*ENTERED, (130, CLOSED)), one, two)
    assert found.odd == 2 and [each.weight[0] for each in found.oddest] == [2, 1]


def test_no_more_are_listed_than_a_person_reads() -> None:
    found = look(*[(*ENTERED, (100, LOST), (130, CLOSED))] * (LISTED_MAX + 5))
    assert len(found.oddest) == len(found.exposed) == LISTED_MAX and found.odd == LISTED_MAX + 5


def test_refusals_are_counted_by_the_hour_with_the_empty_hours_between() -> None:
    found = look(ENTERED, refusals=(refused(3), refused(4), refused(3600)))
    assert [bar.count for bar in found.refused] == [0] * 18 + [2, 1] + [0] * 4
    assert bar_name(found.refused) == "hour"


def test_long_stretches_have_wider_bars_that_begin_on_a_monday() -> None:
    for days, name in ((4, "hour"), (29, "6 h"), (119, "day"), (800, "week"), (3000, "28 d")):
        bars = look(ENTERED, refusals=(refused(3),), window=MeasuredWindow(second(-86400 * days), second(60))).refused
        assert bar_name(bars) == name and len(bars) <= BARS_MAX + 2
        assert sum(bar.count for bar in bars) == 1
        assert all(later.start == earlier.end for earlier, later in pairwise(bars))
    weeks = look(ENTERED, window=MeasuredWindow(second(-86400 * 800), second(60))).refused
    assert weeks[0].start.weekday() == 0 and weeks[0].end - weeks[0].start == timedelta(days=7)
