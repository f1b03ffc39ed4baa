"""Processes that share the streams of a ledger: one that cannot go on is told as what it is."""

from __future__ import annotations

import os
import signal
from multiprocessing import active_children
from pathlib import Path

import pytest

from domain.errors import SchemaMismatch, StoreUnavailable
from infrastructure.event_store.port import Store, StreamSpan
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.walks.span_crew import at_one_moment
from scripts.benchmarks.workload.generated import first, generate, write
from tests.infrastructure.event_store.postgres.load import Asked

pytestmark = pytest.mark.usefixtures("children_find_tests")


def counted(store: Store, span: StreamSpan) -> int:
    return sum(1 for _ in store.streams(span))


def killed_at_work(store: Store, span: StreamSpan) -> int:
    if span.first:
        os.kill(os.getpid(), signal.SIGKILL)
    return counted(store, span)


def test_they_read_all_of_it_and_none_is_left(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        write(ledger.store, first(generate(300, streams=40), 300))
        with at_one_moment(ledger.store, 2) as crew:
            assert crew is not None
            assert sum(crew.each(counted, "counted")) == ledger.store.count_events()
        assert not active_children()


def test_one_that_is_killed_at_work_is_no_walk(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        write(ledger.store, first(generate(300, streams=40), 300))
        with at_one_moment(ledger.store, 2) as crew:
            assert crew is not None
            asked = Asked(lambda: list(crew.each(killed_at_work, "counted")))
            says = (
                "^one of the 2 processes that shared the streams was ended by SIGKILL, perhaps for want of memory, so "
                "not all of them were counted; try again, perhaps with one process$"
            )
            with pytest.raises(StoreUnavailable, match=says):
                asked.answer()
        assert not active_children()


def test_why_one_cannot_begin_is_said_and_writers_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        write(ledger.store, first(generate(300, streams=40), 300))
        monkeypatch.setattr(ledger.store, "settings", Settings.read(f"sqlite:///{tmp_path}/none.db"))
        with pytest.raises(SchemaMismatch, match=r"none\.db"), at_one_moment(ledger.store, 2):
            pass
        monkeypatch.undo()
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="1")
        assert not active_children()
