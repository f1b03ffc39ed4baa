"""Which sink is told of which alarm: once, again after a while, when it becomes worse, and when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.health import alarm_book
from projections.health.alarm import Alarm, Notice, alarms_of
from projections.health.alarm_book import AlarmBook, book_adapter
from projections.health.checks import Check, Section, Severity, Symptom

START = datetime(2025, 10, 22, 18, 50, tzinfo=UTC)
AGAIN = timedelta(minutes=60)
MINUTE = timedelta(minutes=1)


def alarm(subject: str = "APTUSDT.binance#1", severity: Severity = Severity.WARNING, **more: Any) -> Alarm:
    fields: dict[str, Any] = {
        "check": Check.UNPROTECTED,
        "message": "bare",
        "advice": "recover",
        "since": START,
        **more,
    }
    return Alarm(subject=subject, severity=severity, **fields)


class Told:
    """A book, one sink, and a clock that is moved by hand."""

    def __init__(self) -> None:
        self.book, self.at = AlarmBook(), START

    def see(self, *alarms: Alarm, judged: Sequence[Check] = tuple(Check)) -> bool:
        return self.book.see(alarms, judged, self.at)

    def due(self, sink: str = "log") -> list[Notice]:
        return self.book.due(sink, self.at, AGAIN, 100)

    def tell(self, sink: str = "log") -> list[str]:
        notices = self.due(sink)
        self.book.was_told(sink, notices, self.at)
        self.book.forget(["log"])
        return [f"{notice.kind} {notice.alarm.subject}" for notice in notices]


@pytest.fixture
def told() -> Told:
    return Told()


def test_an_alarm_is_told_once(told: Told) -> None:
    assert told.see(alarm())
    assert told.tell() == ["alarm APTUSDT.binance#1"]
    told.at += MINUTE
    assert not told.see(alarm(message="bare for longer"))
    assert told.tell() == []


def test_it_is_told_again_after_a_while_and_not_before(told: Told) -> None:
    told.see(alarm())
    told.tell()
    told.at += AGAIN - MINUTE
    assert told.tell() == []
    told.at += MINUTE
    assert told.tell() == ["again APTUSDT.binance#1"]
    assert told.tell() == []


def test_it_is_told_again_though_the_clock_was_set_back_and_once(told: Told) -> None:
    """It was silent until the clock had come to where it was."""
    told.at += timedelta(days=1)
    told.see(alarm())
    told.tell()
    told.at -= timedelta(seconds=5)
    assert told.tell() == [], "clocks of two machines may differ by as much"
    told.at -= timedelta(days=1)
    assert told.tell() == ["again APTUSDT.binance#1"]
    assert told.tell() == []
    told.at += AGAIN
    assert told.tell() == ["again APTUSDT.binance#1"]


def test_what_is_worse_is_told_at_once_and_what_is_better_is_not(told: Told) -> None:
    told.see(alarm())
    told.tell()
    assert told.see(alarm(severity=Severity.CRITICAL))
    assert told.tell() == ["worse APTUSDT.binance#1"]
    assert told.see(alarm())
    assert told.tell() == []
    told.see(alarm(severity=Severity.CRITICAL))
    assert told.tell() == [], "they know that it is critical"


def test_what_is_over_is_told_and_forgotten(told: Told) -> None:
    told.see(alarm())
    told.tell()
    assert told.see()
    assert told.tell() == ["over APTUSDT.binance#1"]
    assert len(told.book) == 0


def test_nothing_is_over_whose_check_was_not_judged(told: Told) -> None:
    told.see(alarm())
    told.tell()
    assert not told.see(judged=[Check.AWAY])
    assert told.tell() == []
    assert len(told.book) == 1


def test_what_came_and_went_while_a_sink_was_down_is_told_as_missed(told: Told) -> None:
    told.see(alarm())
    told.at += MINUTE
    told.see()
    assert told.tell() == ["missed APTUSDT.binance#1"]
    assert len(told.book) == 0


def test_what_comes_again_is_a_new_alarm(told: Told) -> None:
    told.see(alarm())
    (first,) = told.due()
    told.tell()
    told.see()
    told.tell()
    told.at += MINUTE
    told.see(alarm())
    (second,) = told.due()
    assert (second.kind, second.id == first.id) == ("alarm", False)


def test_what_comes_again_before_anybody_knew_that_it_was_over_is_the_same(told: Told) -> None:
    told.see(alarm())
    told.tell()
    told.see()
    told.see(alarm())
    assert told.tell() == []


def test_a_sink_does_not_wait_for_another(told: Told) -> None:
    told.see(alarm())
    told.tell("log")
    assert told.tell("webhook") == ["alarm APTUSDT.binance#1"]
    told.see()
    told.book.was_told("log", told.due("log"), told.at)
    told.book.forget(["log", "webhook"])
    assert [notice.kind for notice in told.due("webhook")] == ["over"]


def test_a_notice_that_is_sent_twice_has_one_id(told: Told) -> None:
    told.see(alarm())
    before = told.due()
    told.at += MINUTE
    assert [notice.id for notice in told.due()] == [notice.id for notice in before]


def test_the_worst_is_told_first(told: Told) -> None:
    told.see(alarm("A"), alarm("B", Severity.CRITICAL))
    assert told.tell() == ["alarm B", "alarm A"]


def test_of_too_many_the_number_is_told(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm_book, "KEPT_MAX", 2)
    many = [alarm(str(number)) for number in range(5)]
    told.see(*many)
    (_, _, more) = told.due()
    assert (more.alarm.subject, more.alarm.message) == ("more alarms", "3 more, beside the 2 that are kept separately")
    told.tell()
    told.see(*many)
    assert told.tell() == [], "the same are told apart"
    told.see(*many[:2])
    assert told.tell() == ["over more alarms"]


def test_symptoms_of_one_subject_are_one_alarm() -> None:
    def found(severity: Severity, message: str) -> Symptom:
        return Symptom(severity, "APTUSDT.binance#1", message, "recover", START)

    section = Section(Check.ORDERS, "2", (found(Severity.WARNING, "an exit"), found(Severity.CRITICAL, "an increase")))
    (only,) = alarms_of([section])
    assert (only.severity, only.message) == (Severity.CRITICAL, "an increase; and 1 more")


STEP = st.sampled_from(["raise", "worse", "end", "unknown", "minute", "hour", "a", "b", "restart"])


@given(steps=st.lists(STEP, max_size=40))
def test_whatever_happens_every_sink_comes_to_know_how_things_are(steps: list[str]) -> None:
    told, sinks = Told(), ("a", "b")
    heard: dict[str, list[Notice]] = {sink: [] for sink in sinks}

    def deliver(sink: str) -> None:
        notices = told.due(sink)
        heard[sink] += notices
        told.book.was_told(sink, notices, told.at)
        told.book.forget(sinks)

    for step in [*steps, "a", "b"]:
        told.at += timedelta(seconds=1)
        match step:
            case "raise":
                told.see(alarm())
            case "worse":
                told.see(alarm(severity=Severity.CRITICAL))
            case "end":
                told.see()
            case "unknown":
                told.see(judged=[])
            case "minute" | "hour":
                told.at += timedelta(**{f"{step}s": 1})
            case "restart":
                written = book_adapter().dump_json(list(told.book))
                told.book = AlarmBook()
                told.book.add(book_adapter().validate_json(written))
            case _:
                deliver(step)
    is_on = any(kept.over_at is None for kept in told.book)
    for sink in sinks:
        ids = [notice.id for notice in heard[sink]]
        assert len(ids) == len(set(ids))
        if ids or is_on:
            assert (heard[sink][-1].over_at is None) is is_on
        on = [notice.kind for notice in heard[sink]]
        assert all(before in {"over", "missed"} for before, kind in pairwise(on) if kind == "alarm")
