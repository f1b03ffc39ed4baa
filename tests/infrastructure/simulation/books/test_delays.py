from __future__ import annotations

from datetime import timedelta

import pytest

from infrastructure.simulation.books.delays import Delays
from position_ledger.testing import Clock

LONGEST = timedelta(seconds=10)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def delays(clock: Clock) -> Delays:
    return Delays(clock, LONGEST)


def test_what_is_late_happens_so_many_calls_later_and_once(delays: Delays) -> None:
    happened: list[str] = []
    delays.later(2, lambda: happened.append("second"))
    delays.later(1, lambda: happened.append("first"))
    delays.count_call()
    assert happened == ["first"]
    delays.count_call()
    delays.count_call()
    assert happened == ["first", "second"]


def test_what_is_late_happens_when_its_time_is_over_however_few_calls_there_were(clock: Clock, delays: Delays) -> None:
    happened: list[str] = []
    delays.later(9, lambda: happened.append("late"))
    clock.tick(9.9)
    delays.count_call()
    assert happened == []
    clock.tick(0.1)
    assert happened == [], "it is noticed at the next call"
    delays.count_call()
    assert happened == ["late"]


def test_what_something_late_leads_to_may_be_late_as_well(delays: Delays) -> None:
    happened: list[str] = []
    delays.later(1, lambda: delays.later(1, lambda: happened.append("led to")))
    delays.count_call()
    assert happened == []
    delays.count_call()
    assert happened == ["led to"]


def test_at_the_end_everything_that_is_late_happens_with_what_it_leads_to(delays: Delays) -> None:
    happened: list[str] = []
    delays.later(5, lambda: delays.later(5, lambda: happened.append("led to")))
    delays.later(3, lambda: happened.append("late"))
    delays.end()
    assert happened == ["late", "led to"]


def test_a_moment_is_past_by_calls_or_by_time(clock: Clock, delays: Delays) -> None:
    seen = delays.moment()
    delays.count_call()
    assert delays.is_past(seen, 1)
    assert not delays.is_past(seen, 2)
    clock.tick(10)
    assert delays.is_past(seen, 2)
