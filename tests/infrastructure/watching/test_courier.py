"""One sink that takes nothing: how long a courier waits before it tries again, and what it says of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from infrastructure.ledger_clock import ClockReading
from infrastructure.watching import courier
from infrastructure.watching.courier import Courier
from infrastructure.watching.sinks.sink import DeliveryFailed, NoticeBatch
from projections.health.alarm_book import AlarmBook
from projections.health.checks import Check
from tests.infrastructure.watching.batches import AT, batch

AGAIN = timedelta(hours=1)


@dataclass
class Sink:
    """A sink that is down until it is said to be well, and then and now asks for a pause."""

    name: str = "down"
    notices_max: int = 10
    is_down: bool = True
    retry_after: float | None = None

    def send(self, batch: NoticeBatch) -> None:
        del batch
        if self.is_down:
            raise DeliveryFailed("no answer", self.retry_after)


@dataclass
class Round:
    """A courier whose clock the test moves."""

    sink: Sink = field(default_factory=Sink)
    said: list[str] = field(default_factory=list)
    seconds: float = 0

    def __post_init__(self) -> None:
        self.done = threading.Event()
        self.courier = Courier(self.sink, self.done.set, self.said.append, self.moment)
        self.book = AlarmBook()
        self.book.see([notice.alarm for notice in batch().notices], set(Check), AT)

    def moment(self) -> ClockReading:
        return ClockReading(AT + timedelta(seconds=self.seconds), self.seconds)

    def try_again(self) -> None:
        """Offer until the pause is over, and wait for what comes of it."""
        self.done.clear()
        while not self.done.wait(0.001):
            self.courier.offer(self.book, lambda notices: NoticeBatch("ledger", "watch", AT, notices), AT, AGAIN)
        self.courier.settle(self.book, AT)

    @property
    def trouble(self) -> list[str]:
        return [symptom.message for symptom in self.courier.trouble(self.moment()).symptoms]


@pytest.fixture
def going(monkeypatch: pytest.MonkeyPatch) -> Iterator[Round]:
    monkeypatch.setattr(courier, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(courier, "PAUSE_SECONDS_MAX", 0.003)
    going = Round()
    yield going
    going.courier.close()


def test_the_pause_doubles_up_to_the_longest(going: Round) -> None:
    for _ in range(4):
        going.try_again()
    said = [
        f"down: not delivered: no answer; tried again in {pause} s" for pause in ("0.001", "0.002", "0.003", "0.003")
    ]
    assert going.said == said


def test_a_sink_that_was_down_for_days_is_tried_all_the_same(going: Round) -> None:
    going.courier._outage = courier._Outage(going.moment(), 2_000, "no answer")
    going.try_again()
    assert going.said == ["down: not delivered: no answer; tried again in 0.003 s"]


def test_a_longer_pause_that_the_sink_asks_for_is_kept_and_a_shorter_one_is_not(going: Round) -> None:
    for asked in (0.01, 0.0005):
        going.sink.retry_after = asked
        going.try_again()
    assert [words.partition("tried again in ")[2] for words in going.said] == ["0.01 s", "0.002 s"]


def test_an_outage_is_as_long_as_all_its_tries_and_is_over_with_what_is_taken(going: Round) -> None:
    going.try_again()
    going.seconds = 59
    going.try_again()
    assert going.trouble == []
    going.seconds = 60
    assert going.trouble == ["takes nothing for 1 min, 2 tries: no answer"]
    going.sink.is_down = False
    going.try_again()
    assert (going.said[-1], going.trouble) == ("down: takes notices again, after 1 min", [])
    assert not going.book.due("down", AT, AGAIN, 10)
