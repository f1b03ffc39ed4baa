"""The store on SQLite: what it keeps, what it refuses to lose, and what it says when it cannot."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.errors import HistoryDamaged, SchemaMismatch, StoreUnavailable
from infrastructure.event_store.sqlite.schema import SCHEMA_VERSION
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}

COLUMNS = "stream, version, type, command_id, intent_id, cycle, payload, hash, ts_recorded"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(file: Path) -> Iterator[PositionLedger]:
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        yield ledger


def raw(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None)


def test_nothing_is_acknowledged_that_a_trigger_dropped(ledger: PositionLedger, file: Path) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    assert "trigger" not in str(ledger.store.caution())
    raw(file).execute("CREATE TRIGGER mine BEFORE INSERT ON ledger_events BEGIN SELECT RAISE(IGNORE); END")
    with pytest.raises(SchemaMismatch, match=r"of 1 events 0 were taken: a trigger .*; nothing was written"):
        ledger.request_entry(**ENTRY | {"symbol": "PERPUSDT"}, intent_id="1")
    assert "trigger mine on ledger_events: no ledger makes that" in str(ledger.store.caution())
    raw(file).execute("DROP TRIGGER mine")
    assert ledger.request_entry(**ENTRY | {"symbol": "PERPUSDT"}, intent_id="1").may_order
    assert verify(ledger.store).ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_events SET payload = '{}'",
        "UPDATE ledger_events SET hash = hash",
        "DELETE FROM ledger_events",
        "DELETE FROM ledger_events WHERE version = 1",
        "INSERT OR REPLACE INTO ledger_events SELECT * FROM ledger_events",
        f"REPLACE INTO ledger_events ({COLUMNS}) VALUES ('APTUSDT.binance', 1, 'x', 'x', '7', 1, '{{}}', 'x', 'x')",
        f"REPLACE INTO ledger_events ({COLUMNS}) VALUES ('APTUSDT.binance', 9, 'x', 'x', '1', 1, '{{}}', 'x', 'x')",
        f"REPLACE INTO ledger_events (nid, {COLUMNS}) VALUES (1, 'X.y', 1, 'x', 'x', '7', 1, '{{}}', 'x', 'x')",
        "UPDATE rejections SET message = ''",
        "DELETE FROM rejections",
        "INSERT OR REPLACE INTO rejections SELECT * FROM rejections",
    ],
)
def test_history_and_rejections_cannot_be_changed(ledger: PositionLedger, file: Path, statement: str) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    with pytest.raises(Exception, match="already holds"):
        ledger.request_entry(**ENTRY, intent_id="2")
    before = [ledger.history("APTUSDT.binance"), ledger.rejections()]
    with raw(file) as connection, pytest.raises(sqlite3.Error, match="append-only"):
        connection.execute(statement)
    assert [ledger.history("APTUSDT.binance"), ledger.rejections()] == before


def test_every_commit_is_synced_and_the_log_is_written_ahead(ledger: PositionLedger, file: Path) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    assert raw(file).execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with ledger.store._connections.reading() as connection:  # type: ignore[attr-defined] # how it is really set up
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_one_open_cycle_a_stream_is_guarded_a_second_time(ledger: PositionLedger, file: Path) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    columns = "symbol, exchange, leg, side, status, quantity, protected, fees, version, opened_at, updated_at, stream, "
    columns += "stop_confirmed, stop_locks_profit, outcome_unknown, rollback_failed, late_fill, fees_other, source"
    columns += ", contract_size, inverse, protection, stray, residual_qty, cash"
    with raw(file) as connection, pytest.raises(sqlite3.IntegrityError, match=r"positions\.stream"):
        connection.execute(
            f"INSERT INTO positions (position_id, cycle, {columns})"
            f" SELECT 'APTUSDT.binance#2', 2, {columns} FROM positions"
        )


def test_event_and_row_are_written_together_or_not_at_all(ledger: PositionLedger, file: Path) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    raw(file).execute("UPDATE positions SET position_id = 'X.y#9', stream = 'APTUSDT.binance', cycle = 9")
    ledger.fail_entry(position_id="APTUSDT.binance#1", reason="no", outcome="rejected")
    with pytest.raises(HistoryDamaged, match="position-ledger verify"):
        ledger.request_entry(**ENTRY, intent_id="2")
    assert [entry.event.originator_version for entry in ledger.history("APTUSDT.binance")] == [1, 2]
    assert ledger.rebuild().differences == 1
    assert ledger.request_entry(**ENTRY, intent_id="2").position_id == "APTUSDT.binance#2"
    assert verify(ledger.store).ok


def test_a_ledger_that_is_not_there_is_not_made_by_reading(file: Path) -> None:
    with pytest.raises(SchemaMismatch, match="position-ledger init"):
        PositionLedger.connect(f"sqlite:///{file}", create=False)
    assert not file.exists()


def test_the_file_of_another_application_is_left_alone(file: Path) -> None:
    with raw(file) as connection:
        connection.execute("CREATE TABLE accounts (id)")
    before = file.read_bytes()
    with pytest.raises(SchemaMismatch, match="something else"):
        PositionLedger.connect(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_ledger_without_its_marks_is_no_file_of_something_else(
    ledger: PositionLedger, file: Path, tmp_path: Path
) -> None:
    ledger.request_entry(**ENTRY, intent_id="1")
    ledger.disconnect()
    copy = tmp_path / "restored.db"
    with raw(copy) as restored, raw(file) as dumped:
        restored.executescript("\n".join(dumped.iterdump()))
    with pytest.raises(SchemaMismatch, match="has the events of a ledger") as refused:
        PositionLedger.connect(f"sqlite:///{copy}")
    assert "another file" not in refused.value.message
    (marks,) = re.findall(r"\((PRAGMA .*?), or", refused.value.message)
    with raw(copy) as restored:
        restored.executescript(marks)
    with PositionLedger.connect(f"sqlite:///{copy}", create=False) as again:
        assert verify(again.store).ok and len(again.positions(open=True)) == 1


def test_a_ledger_of_a_later_version_is_left_alone(ledger: PositionLedger, file: Path) -> None:
    ledger.disconnect()
    raw(file).execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(SchemaMismatch, match="upgrade"):
        PositionLedger.connect(f"sqlite:///{file}")


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to be read as one" * 9])
def test_a_damaged_file_is_said_to_be_so(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    if content:
        with pytest.raises(StoreUnavailable, match="not a database"):
            PositionLedger.connect(f"sqlite:///{file}")
    else:
        with PositionLedger.connect(f"sqlite:///{file}") as ledger:
            assert ledger.positions() == []


def test_a_damaged_ledger_says_what_to_do_and_not_to_begin_a_new_one(ledger: PositionLedger, file: Path) -> None:
    ledger.disconnect()
    with file.open("r+b") as damaged:
        damaged.truncate(file.stat().st_size // 2)
    with pytest.raises(StoreUnavailable, match=r"malformed; nothing was written.*restore a backup") as refused:
        PositionLedger.connect(f"sqlite:///{file}").positions()
    assert "init" not in refused.value.message


def test_a_folder_is_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="It has to be a file"):
        PositionLedger.connect(f"sqlite:///{tmp_path}")


def test_tables_that_are_gone_are_looked_for_and_no_empty_ledger_is_begun(ledger: PositionLedger, file: Path) -> None:
    raw(file).execute("ALTER TABLE positions RENAME TO old_positions")
    with pytest.raises(SchemaMismatch, match=r"no such table.*a ledger was opened there before") as refused:
        ledger.positions()
    assert "init" not in refused.value.message


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="there is no folder"):
        PositionLedger.connect(f"sqlite:///{tmp_path}/nowhere/ledger.db")


def test_a_lock_that_is_held_too_long_is_an_error_and_nothing_is_written(file: Path) -> None:
    with PositionLedger.connect(f"sqlite:///{file}?timeout=0.2") as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        blocker = raw(file)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match=r"locked by another process for 0\.2 s"):
            ledger.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="1")
        assert ledger.position("APTUSDT.binance#1").status == "pending_entry", "readers do not wait for a writer"
        blocker.execute("ROLLBACK")
        placed = ledger.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="1")
        assert (placed.outcome, placed.version) == ("recorded", 2)


def test_a_ledger_in_memory_is_shared_by_the_threads_of_a_process() -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        outcomes: list[str] = []

        def ask(intent: int) -> None:
            try:
                outcomes.append(ledger.request_entry(**ENTRY, intent_id=str(intent)).outcome)
            except Exception as refusal:  # noqa: BLE001 - the test looks at whatever it was
                outcomes.append(type(refusal).__name__)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["PositionAlreadyOpen"] * 7 + ["recorded"]


def test_the_position_survives_the_process(file: Path) -> None:
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        receipt = ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        again = ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        assert (again.outcome, again.version, again.client_order_id) == ("replayed", 1, receipt.client_order_id)


def test_a_file_on_a_network_folder_is_warned_of(
    ledger: PositionLedger, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without locks between machines, two bots were granted nine slots in common, and `verify` found nothing."""
    device = file.stat().st_dev
    for kind, is_told in {"nfs4": True, "ext4": False}.items():
        mounts = tmp_path / kind
        here = f"29 1 {os.major(device)}:{os.minor(device)} / /home rw - {kind} a rw\n"
        mounts.write_bytes(b"21 1 0:5 / /caf\xe9 rw - ext4 b rw\n" + here.encode())
        monkeypatch.setattr("infrastructure.event_store.sqlite.file_cautions._MOUNTS", mounts)
        assert ("lies on a network folder (nfs4)" in str(ledger.store.caution())) is is_told
