"""Events with values that no command records, sealed anew: every command says so, or tells of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from domain.identifiers import CYCLE_MAX
from infrastructure.event_store.hash_chain import GENESIS, chained
from infrastructure.ledger.ledger import PositionLedger
from tests.scripts.cases import fill
from tests.scripts.program import Program

APT = "APTUSDT.binance"
LATER = "2099-01-01T00:00:00Z"
READING = [
    ["history", APT, "--story"],
    ["history", APT, "--table"],
    ["history", APT, "--html", "history.html"],
    ["history", APT, "--as-of", LATER, "--by", "event-time"],
    ["positions"],
    ["positions", "--json"],
    ["positions", "--as-of", LATER],
    ["positions", "--as-of", LATER, "--by", "event-time"],
    ["status"],
    ["pnl"],
    ["stats"],
    ["report"],
    ["report", "--html", "report.html"],
    ["diagnose"],
    ["recover"],
    ["metrics"],
    ["instruments"],
    ["export", "--output", "ledger.jsonl"],
    ["watch", "--once"],
]
DAMAGED: list[tuple[str, str, Any]] = [
    ("EntryRequested.v1", "signal_price", "1E+400"),
    ("EntryRequested.v1", "quantity", "1E-400"),
    ("EntryFilled.v1", "last_qty", "1E+400"),
    ("EntryFilled.v1", "holding.avg_px_open", "1E+400"),
    ("StopLossSet.v1", "stop_price", "1E+400"),
    ("StopLossSet.v1", "cycle", 10**20),
    ("EntryFilled.v1", "cycle", 0),
    ("EntryRequested.v1", "cycle", -1),
    ("PositionAdjusted.v1", "new_quantity", "-1E+400"),
    ("PositionClosed.v1", "holding.realized_pnl", "1" * 121),
]
ODD: list[tuple[str, str, Any]] = [
    ("EntryRequested.v1", "signal_price", "0"),
    ("StopLossSet.v1", "stop_price", "9E+99"),
    ("EntryRequested.v1", "quantity", "1E-99"),
    ("EntryFilled.v1", "holding.filled_qty", "1E-99"),
    ("PositionClosed.v1", "holding.realized_pnl", "9E+99"),
    ("EntryFilled.v1", "ts_event", "9999-12-31T23:59:59.999999Z"),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fill(f"sqlite:///{tmp_path}/ledger.db")
    monkeypatch.setenv("LEDGER_DATABASE_URL", f"sqlite:///{tmp_path}/ledger.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def forge(file: Path, kind: str, field: str, value: Any) -> None:
    """Set a field of the first event of a kind in the stream, and seal the stream anew."""
    *around, name = field.split(".")
    before, is_done = GENESIS, False
    with closing(sqlite3.connect(file)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        stored = "SELECT nid, version, type, payload FROM ledger_events WHERE stream = ? ORDER BY version"
        for nid, version, topic, payload in connection.execute(stored, (APT,)).fetchall():
            said = json.loads(payload)
            if topic == kind and not is_done:
                inside, is_done = said, True
                for each in around:
                    inside = inside[each]
                inside[name] = value
                if name == "cycle" and abs(value) < 2**63:
                    connection.execute("UPDATE ledger_events SET cycle = ? WHERE nid = ?", (value, nid))
            text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
            before = chained(before, APT, version, topic, text.encode())
            connection.execute("UPDATE ledger_events SET payload = ?, hash = ? WHERE nid = ?", (text, before, nid))
        connection.commit()
    assert is_done, kind


def end(program: Program, words: list[str]) -> tuple[Any, str]:
    ended = program(*words)  # which lets no error through but the end of the program
    assert ended.code in (0, 1, 3) and "Traceback" not in ended.err, (words, ended)
    return ended.code, ended.out + ended.err


@pytest.mark.parametrize(("kind", "field", "value"), DAMAGED, ids=str)
def test_what_no_command_can_have_recorded_is_damage_that_is_named(
    kind: str, field: str, value: Any, here: Path, program: Program
) -> None:
    program("stats")  # which keeps what it has read
    forge(here / "ledger.db", kind, field, value)
    for words in READING:
        end(program, words)
    verified, said = end(program, ["verify"])
    assert verified == 1 and f"cannot be read as {kind}" in said and "not stored like this" not in said
    rebuilt, said = end(program, ["rebuild"])
    assert rebuilt != 0 and "HistoryDamaged" in said and f"cannot be read as {kind}" in said
    for words in READING:
        end(program, words)


@pytest.mark.parametrize(("kind", "field", "value"), ODD, ids=str)
def test_what_is_only_odd_is_told(kind: str, field: str, value: Any, here: Path, program: Program) -> None:
    forge(here / "ledger.db", kind, field, value)
    assert end(program, ["rebuild"])[0] == 0
    for words in READING:
        assert "HistoryDamaged" not in end(program, words)[1], words


def test_two_cycles_of_a_key_that_are_open_together_are_damage_to_a_rebuild(here: Path, program: Program) -> None:
    with PositionLedger.connect(f"sqlite:///{here}/ledger.db") as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id="9")
    with closing(sqlite3.connect(here / "ledger.db")) as connection:
        connection.execute("DROP TRIGGER ledger_events_no_delete")
        connection.execute("DELETE FROM ledger_events WHERE stream = ? AND type = 'PositionClosed.v1'", (APT,))
        connection.commit()
    rebuilt, said = end(program, ["rebuild"])
    assert rebuilt != 0 and f"HistoryDamaged: {APT}#1 and {APT}#2 are open together" in said


def test_the_last_number_of_a_cycle_is_that_of_a_position_id(here: Path, program: Program) -> None:
    forge(here / "ledger.db", "PositionClosed.v1", "cycle", CYCLE_MAX)
    said = end(program, ["verify"])[1]
    assert "PositionClosed of a cycle that was never opened" in said and "cannot be read" not in said
