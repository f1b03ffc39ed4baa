from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from domain.errors import HistoryDamaged, SchemaMismatch, StoreUnavailable
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.places import StreamSpan
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.walks.span_crew import SpanCrew, at_any_moment, at_one_moment
from tests.infrastructure.generated_ledger import fill

EVENTS = 400
Places = tuple[int, list[int]]

Sharing = Callable[[Store, int], AbstractContextManager[SpanCrew | None]]
EITHER = pytest.mark.parametrize("sharing", [at_one_moment, at_any_moment])

pytestmark = pytest.mark.usefixtures("children_find_tests")


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as opened:
        fill(opened.store, EVENTS, streams=40, events=EVENTS)
        yield opened


@contextmanager
def reading(store: Store) -> Iterator[Callable[[StreamSpan], Places]]:
    yield lambda span: (os.getpid(), [event.id for event in store.streams(span)])


@contextmanager
def failing(store: Store, failure: Exception | None) -> Iterator[Callable[[StreamSpan], int]]:
    """Fail in another process, or end it."""
    del store

    def work(span: StreamSpan) -> int:
        if multiprocessing.parent_process() is None:
            return len(span.first)
        if failure is not None:
            raise failure
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("was ended")

    yield work


def shared(sharing: AbstractContextManager[SpanCrew | None], failure: Exception | None) -> list[int]:
    with sharing as crew:
        assert crew is not None
        return list(crew.each(partial(failing, failure=failure), "verified"))


@EITHER
def test_the_one_who_asks_takes_part_and_the_parts_come_in_the_order_of_the_streams(
    ledger: PositionLedger, sharing: Sharing
) -> None:
    with sharing(ledger.store, 2) as crew:
        assert crew is not None
        parts = list(crew.each(reading, "read"))
    assert os.getpid() in {process for process, _ in parts}
    assert [nid for _, places in parts for nid in places] == [event.id for event in ledger.store.streams()]


@EITHER
def test_a_process_that_is_killed_is_named_and_its_share_is_not_left_out(
    ledger: PositionLedger, sharing: Sharing
) -> None:
    says = (
        "^one of the 2 processes that shared the streams was ended by SIGKILL, perhaps for want of memory, so not all "
        "of them were verified; try again, perhaps with one process$"
    )
    with pytest.raises(StoreUnavailable, match=says):
        shared(sharing(ledger.store, 2), failure=None)
    assert not multiprocessing.active_children()


def test_what_is_wrong_in_another_process_is_raised_in_the_one_that_asks(ledger: PositionLedger) -> None:
    with pytest.raises(HistoryDamaged, match="of one stream"):
        shared(at_any_moment(ledger.store, 2), failure=HistoryDamaged("of one stream"))


def test_whoever_is_interrupted_leaves_no_process_behind(ledger: PositionLedger) -> None:
    with suppress(KeyboardInterrupt), at_one_moment(ledger.store, 3):
        assert len(multiprocessing.active_children()) == 2
        raise KeyboardInterrupt
    assert not multiprocessing.active_children()


def test_one_process_shares_with_nobody(ledger: PositionLedger) -> None:
    with at_one_moment(ledger.store, 1) as crew:
        assert crew is None and not multiprocessing.active_children()
    with at_any_moment(ledger.store, 1) as alone:
        parts = list(alone.each(reading, "read"))
        assert {process for process, _ in parts} == {os.getpid()} and not multiprocessing.active_children()
    assert [nid for _, places in parts for nid in places] == [event.id for event in ledger.store.streams()]


def test_why_one_cannot_begin_is_said_and_writers_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        fill(ledger.store, EVENTS, streams=40, events=EVENTS)
        monkeypatch.setattr(ledger.store, "settings", Settings.read(f"sqlite:///{tmp_path}/none.db"))
        with pytest.raises(SchemaMismatch, match=r"none\.db"), at_one_moment(ledger.store, 2):
            pass
        monkeypatch.undo()
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="1")
        assert not multiprocessing.active_children()
