"""Rebuilding the positions table: the same rows, whatever is written meanwhile, and each page is written once."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from domain.errors import HistoryDamaged
from infrastructure.event_store.hash_chain import chained
from infrastructure.event_store.sqlite.connections import Connections
from infrastructure.event_store.sqlite.ledger_file import FileConnection
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.walks.positions_rebuild import rebuilt
from tests.infrastructure.generated_ledger import fill

EVENTS = 3_000


def changed(url: str, statement: str) -> None:
    settings = Settings.read(url)
    if settings.kind == "sqlite":
        with closing(sqlite3.connect(settings.where)) as file, file:
            file.execute(statement)
    else:
        with psycopg.connect(settings.where) as server:
            server.execute(statement.encode())


def test_several_processes_make_the_rows_that_one_makes(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        written = fill(ledger.store, EVENTS, streams=40, events=EVENTS)
        before = list(ledger.store.rows())
        changed(ledger_url, "UPDATE positions SET fees = '7' WHERE cycle = 2")
        wrong = sum(row.cycle == 2 for row in before)
        told: list[int] = []
        found = ledger.rebuild(told.append, processes=2)
        assert (found.events, found.rows, found.differences) == (written.events, written.cycles, wrong)
        assert sum(told) == written.events
        assert list(ledger.store.rows()) == before
        assert verify(ledger.store).ok


def test_what_is_recorded_while_several_processes_rebuild_is_in_the_rows(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger, PositionLedger.connect(ledger_url) as bot:
        fill(ledger.store, EVENTS, streams=40, events=EVENTS)
        done = threading.Event()

        def record() -> None:
            number = 0
            while not done.is_set():
                number += 1
                bot.request_entry(
                    symbol=f"S{number}USDT", exchange="binance", side="short", quantity="1", intent_id="1"
                )

        thread = threading.Thread(target=record)
        thread.start()
        try:
            found = ledger.rebuild(processes=2)
        finally:
            done.set()
            thread.join()
        assert found.differences == 0
        assert found.events > EVENTS
        assert verify(ledger.store).ok


def test_an_event_that_cannot_be_read_ends_it_and_nothing_is_changed(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        fill(ledger.store, EVENTS, streams=40, events=EVENTS)
        before = list(ledger.store.rows())
        *_, last = ledger.store.log()
        hashed = chained(last.hash, last.originator_id, last.originator_version + 1, last.topic, b"{}")
        damaged = last._replace(
            id=last.id + 1, originator_version=last.originator_version + 1, state=b"{}", hash=hashed
        )
        ledger.store.restore([damaged], after=last.id, rows=(), rejections=())
        with pytest.raises(HistoryDamaged, match="cannot be read as"):
            ledger.rebuild(processes=2)
        assert list(ledger.store.rows()) == before


def test_a_ledger_in_memory_is_rebuilt_by_one() -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        written = fill(ledger.store, 200, events=200)
        assert rebuilt(ledger.store, processes=2).rows == written.cycles


def test_in_a_file_a_page_of_rows_is_written_about_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = Connections._connected

    def never_moved(self: Connections, database: str) -> FileConnection:
        """Let all that is written stand in the write-ahead log."""
        connection = connected(self, database)
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        return connection

    path = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{path}") as ledger:
        fill(ledger.store, EVENTS, streams=40, events=EVENTS)
    size = path.stat().st_size
    monkeypatch.setattr(Connections, "_connected", never_moved)
    with PositionLedger.connect(f"sqlite:///{path}") as ledger:
        ledger.rebuild(batch_events=EVENTS // 30)
        written = path.with_name("ledger.db-wal").stat().st_size
    assert 0 < written < 1.5 * size, "in the order of the log it was 2.4 times the file"
