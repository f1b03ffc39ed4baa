"""An index that was altered in the file: no event and no row has changed, but lookups by the index miss some."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "1"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A ledger of two cycles that are over, and one that is open, with nobody at it."""
    file = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        for intent in ("first-intent", "second-intent"):
            position_id = ledger.request_entry(**ENTRY, intent_id=intent).position_id
            ledger.fail_entry(position_id=position_id, reason="price limit", outcome="rejected")
        ledger.request_entry(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="third-intent")
    return file


def found_in(file: Path) -> list[tuple[str, str]]:
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        return [(found.kind, found.message) for found in verify(ledger.store).findings]


def filled_indexes(file: Path) -> dict[str, int]:
    """Of each index with something in it where the first page of it ends, which is where its first entry ends."""
    content = file.read_bytes()
    with closing(sqlite3.connect(file)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        roots = connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE type = 'index'").fetchall()
    return {name: page * size for name, page in roots if any(content[(page - 1) * size + 3 :][:2])}


def test_a_file_that_nobody_touched_is_sound(file: Path) -> None:
    assert found_in(file) == []


def test_an_altered_entry_of_any_index_is_found_and_named(file: Path) -> None:
    whole, indexes = file.read_bytes(), filled_indexes(file)
    assert {"ledger_events_intent", "positions_one_open", "sqlite_autoindex_ledger_events_1"} <= indexes.keys()
    for name, end in indexes.items():
        altered = bytearray(whole)
        altered[end - 1] ^= 1 << 2  # the row that the entry is of
        file.write_bytes(altered)
        found = found_in(file)
        assert any(kind == "storage" and name in message for kind, message in found), (name, found)


def test_an_intent_that_its_index_lost_would_be_recorded_twice_and_is_found(file: Path) -> None:
    whole = file.read_bytes()
    at = whole.index(b"first-intent", filled_indexes(file)["ledger_events_intent"] - 4096)
    altered = bytearray(whole)
    altered[at] = ord("g")
    file.write_bytes(altered)
    ((kind, message),) = found_in(file)
    assert kind == "storage" and "ledger_events_intent" in message and "REINDEX" in message
    with closing(sqlite3.connect(file)) as owner:
        owner.execute("REINDEX")
    assert found_in(file) == []
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        assert ledger.request_entry(**ENTRY, intent_id="first-intent").outcome == "replayed"
