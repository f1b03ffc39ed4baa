"""The number of steps of SQLite for a query depends on its results only, not on the length of the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infrastructure.event_store.checkpoints import Checkpoint
from infrastructure.event_store.sqlite.connections import Connections
from infrastructure.event_store.sqlite.ledger_file import FileConnection
from infrastructure.event_store.sqlite.store import SQLiteStore
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from scripts.benchmarks.workload.generated import generate, write
from scripts.narratives.cycle_narratives import tell

CYCLES = 300
STEPS_MAX = 1_500
"""Of the database's machine: a walk along a stream of so many cycles takes some 40,000."""


class Steps:
    """How many steps the connections of a store have taken, by ten."""

    def __init__(self) -> None:
        self.taken = 0

    def watch(self, connection: FileConnection) -> FileConnection:
        """Count those of one more connection."""
        connection.set_progress_handler(self._count, 10)
        return connection

    def _count(self) -> int:
        self.taken += 10
        return 0

    def of(self, asked: Callable[[], object]) -> int:
        """Those that a question takes."""
        before = self.taken
        assert asked()
        return self.taken - before


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def store(steps: Steps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLiteStore]:
    connected = Connections._connected
    monkeypatch.setattr(Connections, "_connected", lambda self, database: steps.watch(connected(self, database)))
    with closing(SQLiteStore(Settings.read(f"sqlite:///{tmp_path}/ledger.db"))) as store:
        write(store, generate(CYCLES, streams=1))
        yield store


def test_the_steps_of_a_walk_are_counted(store: SQLiteStore, steps: Steps) -> None:
    assert steps.of(lambda: list(store.streams())) > 10 * STEPS_MAX


def test_a_cycle_is_read_without_its_stream(store: SQLiteStore, steps: Steps) -> None:
    for row in list(store.rows()):
        assert steps.of(lambda: list(store.history(row.stream, row.cycle))) <= STEPS_MAX  # noqa: B023 - asked at once


def test_the_next_command_of_a_key_is_decided_without_its_stream(store: SQLiteStore, steps: Steps) -> None:
    *_, stream = store.stream_names()
    assert steps.of(lambda: store.load(stream)) <= STEPS_MAX


def test_what_became_of_a_stray_is_told_without_its_stream(store: SQLiteStore, steps: Steps) -> None:
    ledger = PositionLedger(store)
    (stream,) = store.stream_names()
    strays = list(store.rows(strays_only=True))
    entries = ledger.history(stream)
    once = steps.of(lambda: ledger.history(stream))
    assert len(strays) > 2 and steps.of(lambda: tell(ledger, entries)) <= 1.5 * once


def test_how_far_statistics_are_behind_is_counted_without_the_log(store: SQLiteStore, steps: Steps) -> None:
    last = store.high_water_mark()
    for behind in (last, last - 5, 5):
        cursor = Checkpoint(1, last - behind)
        assert store.tracking("statistics").behind(cursor) == behind
        assert steps.of(lambda: store.tracking("statistics").behind(cursor)) <= STEPS_MAX  # noqa: B023 - asked at once
