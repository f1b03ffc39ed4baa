"""Verifying in parts, by several processes and beside a bot: it finds what one walk finds, of one moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain.errors import StoreUnavailable
from infrastructure.event_store.vocabulary.places import ALL_STREAMS
from infrastructure.integrity.verify import Verified, verify
from infrastructure.ledger.ledger import PositionLedger
from tests.infrastructure.event_store.postgres.load import Asked
from tests.infrastructure.integrity.tampering import Tamper


@pytest.mark.parametrize("batch_events", [1, 3, 4])
def test_a_stream_is_verified_across_the_parts_that_it_is_read_in(
    ledger: PositionLedger, tamper: Tamper, monkeypatch: pytest.MonkeyPatch, batch_events: int
) -> None:
    monkeypatch.setattr("infrastructure.integrity.verify._BATCH_EVENTS", batch_events)
    told: list[int] = []
    assert verify(ledger.store, told.append) == Verified(8, 2, 2, ())
    assert sum(told) == 8
    tamper("UPDATE ledger_events SET payload = replace(payload, '61.8', '61.9') WHERE version = 2")
    tamper("DELETE FROM ledger_events WHERE stream = 'PERPUSDT.binance' AND version = 3")
    assert [(found.kind, found.where) for found in verify(ledger.store).findings if found.kind != "row"] == [
        ("hash", "APTUSDT.binance version 2"),
        ("hash", "PERPUSDT.binance version 2"),
        ("version", "PERPUSDT.binance version 4"),
        ("hash", "PERPUSDT.binance version 4"),
    ]


def test_several_processes_find_what_one_finds_in_the_same_order(ledger: PositionLedger, tamper: Tamper) -> None:
    tamper("UPDATE ledger_events SET payload = replace(payload, '61.8', '61.9') WHERE version = 2")
    tamper("UPDATE positions SET position_id = 'X.y#1', stream = 'X.y' WHERE stream = 'APTUSDT.binance'")
    told: list[int] = []
    report = verify(ledger.store, told.append, processes=2)
    assert report == verify(ledger.store)
    assert [found.where for found in report.findings] == [
        "APTUSDT.binance version 2",
        "APTUSDT.binance#1",
        "PERPUSDT.binance version 2",
        "PERPUSDT.binance#1",
        "X.y#1",
    ]
    assert (report.events, report.streams, report.rows, sum(told)) == (8, 2, 2, 8)


def test_a_row_that_cannot_be_read_is_found_by_several_processes_as_by_one(
    ledger: PositionLedger, tamper: Tamper
) -> None:
    tamper("UPDATE positions SET side = 'up' WHERE stream = 'PERPUSDT.binance'")
    (found,) = verify(ledger.store, processes=2).findings
    assert "PERPUSDT.binance#1 in the positions table cannot be read" in found.message


def test_the_spans_of_a_log_leave_no_stream_out(ledger: PositionLedger) -> None:
    for count in (1, 2, 7):
        spans = ledger.store.spans(count)
        assert [event.id for span in spans for event in ledger.store.streams(span)] == [
            event.id for event in ledger.store.streams()
        ]
        assert (spans[0].first, spans[-1].end) == ("", None)
        assert len(spans) == min(count, 2)


def test_an_empty_ledger_has_one_span(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        assert ledger.store.spans(4) == [ALL_STREAMS]


def test_whoever_joins_a_moment_does_not_see_what_came_after_it(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url) as early, PositionLedger.connect(postgres_url) as late:
        with early.store.snapshot():
            moment = early.store.moment()
            late.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="1")
            with late.store.snapshot(moment):
                seen = list(late.store.streams())
        assert (len(seen), len(list(late.store.streams()))) == (0, 1)


def test_whoever_begins_while_a_file_is_still_sees_the_same_moment(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with PositionLedger.connect(url) as early, PositionLedger.connect(f"{url}?timeout=0.2") as late:
        entry: dict[str, Any] = {"exchange": "binance", "side": "short", "quantity": "1", "intent_id": "1"}
        with early.store.still():
            with pytest.raises(StoreUnavailable, match="was locked by another process"):
                late.request_entry(symbol="APTUSDT", **entry)
            assert list(late.store.streams()) == []
        late.request_entry(symbol="APTUSDT", **entry)


def test_verify_of_several_processes_on_a_file_lets_a_bot_go_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with PositionLedger.connect(url) as ledger, PositionLedger.connect(f"{url}?timeout=2") as bot:
        for number in range(20):
            ledger.request_entry(symbol=f"S{number}USDT", exchange="binance", side="short", quantity="1", intent_id="1")
        asked = Asked(lambda: verify(ledger.store, processes=2))
        number = 100
        while asked._thread.is_alive():
            number += 1
            bot.request_entry(symbol=f"S{number}USDT", exchange="binance", side="short", quantity="1", intent_id="1")
        report = asked.answer()
    assert report.ok and number > 100
    assert report.events == report.streams == report.rows >= 20
