"""A ledger is made whole: in a file that another process opens meanwhile, and in memory as in a file."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from domain.errors import StoreUnavailable
from infrastructure.event_store.sqlite import schema
from infrastructure.event_store.sqlite.connections import Connections
from infrastructure.settings import Settings


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_ledger_that_is_made_between_two_steps_of_a_look_is_seen_whole_or_not_yet(tmp_path: Path, nth: int) -> None:
    path = str(tmp_path / "ledger.db")
    maker = Connections(Settings("sqlite", path))
    maker.ensure_wal()
    steps = 0

    def step(_: str) -> None:
        nonlocal steps
        steps += 1
        if steps == nth:
            schema.migrate(maker)

    with closing(sqlite3.connect(path)) as looker, closing(maker):
        looker.set_trace_callback(step)
        assert schema.version_of(looker, path) in {0, schema.SCHEMA_VERSION}
        looker.set_trace_callback(None)
        assert schema.version_of(looker, path) == (schema.SCHEMA_VERSION if steps >= nth else 0)
    assert steps, "no step of the look was seen"


def test_whoever_switches_to_the_log_while_another_does_waits_for_it(tmp_path: Path) -> None:
    """SQLite refuses it at once: of ten bots that made a ledger together, one was told that it was locked for 60 s."""
    path = tmp_path / "ledger.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with closing(other), closing(Connections(Settings("sqlite", str(path)))) as late:
        other.execute("BEGIN IMMEDIATE")
        ending = threading.Timer(0.3, other.rollback)
        ending.start()
        late.ensure_wal()
        ending.join()
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_switch_that_is_never_free_is_given_up_in_time(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as other, closing(Connections(Settings("sqlite", str(path), 0.2))) as late:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"was locked by another process for 0\.2 s"):
            late.ensure_wal()


def test_a_ledger_in_memory_has_what_a_file_has_and_shares_nothing(tmp_path: Path) -> None:
    urls = (str(tmp_path / "ledger.db"), ":memory:", ":memory:")
    with ExitStack() as stack:
        file, memory, other = [stack.enter_context(closing(Connections(Settings("sqlite", url)))) for url in urls]
        names = [schema.migrate(each) for each in (file, memory, other)]
        assert names[0] == names[1] and len(names[0]) == schema.SCHEMA_VERSION
        assert schema.migrate(memory) == []
        memory.write(lambda connection: connection.execute("DROP TABLE positions"))
        assert made(file) == made(other) != made(memory)


def made(connections: Connections) -> list[object]:
    with connections.reading() as connection:
        marks = [connection.execute(f"PRAGMA {name}").fetchone() for name in ("user_version", "application_id")]
        return [*marks, *connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name")]
