"""What happened in a window: what was opened, and how many cycles came to nothing in each hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from domain.commands.requests import Close, FailEntry
from domain.values import Status
from projections.metrics.recent_activity import Activity
from projections.metrics.statistics import MeasuredWindow, measure
from projections.positions import PositionRow
from tests.projections.cycles import REFUSED
from tests.projections.seen import rows_of
from tests.spec import ENTERED, on, request, second


def failed(symbol: str, began: float, ended: float) -> PositionRow:
    end = on(FailEntry, f"{symbol}.binance#1", outcome="canceled", reason="x", at=second(ended))
    return rows_of(request(symbol=symbol, at=second(began)), end)[0]


def test_what_failed_is_counted_by_the_hour_in_which_it_did() -> None:
    window = MeasuredWindow(second(0), second(7200))
    (closed,) = rows_of(*ENTERED, on(Close, exit_reason="x", at=second(1800)))
    rows = [
        failed("XMRUSDT", 700, 1800.5),
        failed("SXPUSDT", 0, 30),
        failed("FLRUSDT", -3600, 4000),
        failed("HNTUSDT", -3600, -1),
        closed,
    ]
    found = Activity.of(rows, [], None, window)
    assert list(found.failures.items()) == [
        (datetime(2025, 10, 22, 18, tzinfo=UTC), 1),
        (datetime(2025, 10, 22, 19, tzinfo=UTC), 2),
    ]
    assert found.by_status == {Status.CANCELED: 2, Status.CLOSED: 1}


def test_a_refusal_counts_where_the_statistics_count_it() -> None:
    window = MeasuredWindow(second(0), second(60))
    refused = [replace(REFUSED, ts_recorded=second(at)) for at in (-1, 0, 59, 60, 61)]
    found = Activity.of([], refused, None, window).refusals
    assert found == measure([], refused, window, now=second(60)).refusals
    assert found.total == 2
