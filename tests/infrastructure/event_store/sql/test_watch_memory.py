"""The memory of a watch, on both databases: the last turn is kept, and a wrong turn is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infrastructure.event_store.port import WatchMemory
from infrastructure.ledger.ledger import PositionLedger


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger


def test_what_was_remembered_last_is_known(ledger: PositionLedger) -> None:
    store = ledger.store
    assert store.watch_memory("night") is None
    assert store.remember("night", WatchMemory(1, "first"))
    assert store.remember("night", WatchMemory(2, "second"))
    assert store.watch_memory("night") == WatchMemory(2, "second")
    assert store.watch_memory("day") is None


@pytest.mark.parametrize("turn", [1, 2, 4])
def test_a_turn_that_does_not_follow_changes_nothing(ledger: PositionLedger, turn: int) -> None:
    store = ledger.store
    store.remember("night", WatchMemory(1, "first"))
    store.remember("night", WatchMemory(2, "second"))
    assert not store.remember("night", WatchMemory(turn, "another"))
    assert store.watch_memory("night") == WatchMemory(2, "second")
