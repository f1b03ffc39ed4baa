"""Recent earnings and refusals; a database that does not answer is not shown as "nothing earned"."""

from __future__ import annotations

import queue
import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.errors import PositionAlreadyOpen, StoreUnavailable
from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import memory_ledger
from scripts.options.filters import EVERYTHING, Filter
from scripts.serving import recent_results
from scripts.serving.page_parts import parts_of_results
from scripts.serving.recent_results import DAYS, REFUSED_HOURS, RecentResults, ResultsReader, days_before
from tests.scripts.serving.test_ledger_follower import APT, SECONDS_MAX, away


class Ticking:
    """A clock on which so many seconds go by from each look at it to the next."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._time = seconds, 0.0

    def monotonic(self) -> float:
        self._time += self._seconds
        return self._time


def looked_back(ledger: PositionLedger, wanted: Filter = EVERYTHING) -> RecentResults:
    results, found = ResultsReader(ledger, wanted), queue.Queue[RecentResults]()
    thread = threading.Thread(target=results.run, args=(found.put,))
    thread.start()
    try:
        return found.get(timeout=SECONDS_MAX)
    finally:
        results.stop()
        thread.join(SECONDS_MAX)


def close_one(ledger: PositionLedger, **key: str) -> None:
    place = ledger.request_entry(**APT | key, intent_id="1").position_id
    ledger.record_entry_placed(position_id=place, exchange_order_id="e", filled_qty="1", avg_px="100")
    with pytest.raises(PositionAlreadyOpen):
        ledger.request_entry(**APT | key, intent_id="2")
    ledger.close(position_id=place, exit_reason="target", avg_px_close="110")


def test_what_was_earned_and_refused_is_counted(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        close_one(ledger)
        close_one(ledger, exchange="bybit")
        lately = looked_back(ledger)
        of_bybit = looked_back(ledger, Filter(None, "bybit", None))
    (earned,) = lately.earnings
    assert (earned.since(lately.window.since).net, sum(bar.count for bar in lately.refused)) == (Decimal(20), 2)
    assert (of_bybit.earnings[0].curve()[-1][1], sum(bar.count for bar in of_bybit.refused)) == (Decimal(10), 1)
    parts = parts_of_results(lately)
    assert "+20 USDT" in parts["glance"] and f"/day/{lately.at:%Y-%m-%d}" in parts["earned"]
    assert "<svg" in parts["refused"]


def test_a_database_that_does_not_answer_is_not_nothing_earned(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url.replace("timeout=60", "timeout=0.5")) as ledger:
        close_one(ledger)
        with away(ledger_url):
            lately = looked_back(ledger)
    assert lately.silence is not None and lately.earnings == ()
    parts = parts_of_results(lately)
    assert "not known" in parts["glance"] and "not known" in parts["earned"] and "not known" in parts["refused"]
    assert "No cycle" not in parts["earned"] and "None in" not in parts["refused"]


def test_what_was_counted_is_kept_while_the_database_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[RecentResults] = []

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("nobody is there")

    with memory_ledger() as ledger:
        reader = ResultsReader(ledger, EVERYTHING)

        def publish(results: RecentResults) -> None:
            found.append(results)
            monkeypatch.setattr(ledger.store, "rejections", away)
            if len(found) == 2:
                reader.stop()

        monkeypatch.setattr(recent_results, "PAUSE_SECONDS", 0.0)
        reader.run(publish)
        monkeypatch.undo()
    before, after = found
    assert len(before.refused) == REFUSED_HOURS and before.silence is None
    assert (after.at, after.refused, after.silence) == (
        before.at,
        before.refused,
        "StoreUnavailable: nobody is there",
    )


@pytest.mark.parametrize(("seconds", "pause"), [(0.1, 5.0), (1.0, 20.0)])
def test_the_pause_is_many_times_as_long_as_the_reading(
    seconds: float, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    with memory_ledger() as ledger:
        reader = ResultsReader(ledger, EVERYTHING)
        monkeypatch.setattr(recent_results, "time", Ticking(seconds))

        def wait(pause: float) -> None:
            pauses.append(pause)
            reader.stop()

        monkeypatch.setattr(reader._stopped, "wait", wait)
        reader.run(lambda _: None)
    assert pauses == [pause]


def test_before_it_looked_nothing_is_said() -> None:
    parts = parts_of_results(None)
    assert all("being counted" in text for text in parts.values())


def test_the_days_are_whole_and_the_last_is_today() -> None:
    window = days_before(datetime(2025, 10, 22, 18, 50, tzinfo=UTC))
    assert window.since == datetime(2025, 9, 25, tzinfo=UTC) and (window.until - window.since).days == DAYS - 1
