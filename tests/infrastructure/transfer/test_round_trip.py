"""There and back: the same bytes, rows and anchors on either database, and a ledger that goes on."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from psycopg import sql

from domain.commands.order_requests import RecordCash
from domain.errors import PositionAlreadyOpen, StoreUnavailable
from infrastructure.event_store.postgres import schema
from infrastructure.event_store.postgres.session.connections import Connections
from infrastructure.event_store.records import RecordedEvent
from infrastructure.integrity.anchor import check_anchor, make_anchor
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.transfer.exporting import ExportScope, export
from infrastructure.transfer.importing import Imported
from infrastructure.transfer.jsonl_writer import JsonLines
from tests.infrastructure.roles import as_role
from tests.infrastructure.transfer.day import live_a_day, moved, parsed, sealed, told
from tests.month import ETH, live_a_month


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger


def test_there_and_back_gives_the_same_bytes_rows_and_anchors(tmp_path: Path, postgres_url: str) -> None:
    texts, rows, anchors = [], [], []
    text = b""
    for url in (f"sqlite:///{tmp_path}/first.db", postgres_url, f"sqlite:///{tmp_path}/back.db"):
        with PositionLedger.connect(url) as ledger:
            if text:
                moved(ledger, text)
            else:
                live_a_day(ledger)
            text = told(ledger)
            texts.append(text)
            rows.append(ledger.positions())
            anchors.append(make_anchor(ledger.store))
            assert verify(ledger.store).ok
    assert texts[0] == texts[1] == texts[2]
    assert rows[0] == rows[1] == rows[2] and len(rows[0]) == 4
    assert anchors[0] == anchors[1] == anchors[2] and anchors[0].events == 14
    assert parsed(text)[-1]["digest"] == anchors[0].digest


def test_orders_and_money_come_back_as_they_were(tmp_path: Path, postgres_url: str) -> None:
    texts: list[bytes] = []
    rows = []
    for url in (f"sqlite:///{tmp_path}/first.db", postgres_url, f"sqlite:///{tmp_path}/back.db"):
        with PositionLedger.connect(url) as ledger:
            if texts:
                moved(ledger, texts[-1])
            else:
                live_a_month(ledger)
            texts.append(told(ledger))
            rows.append(ledger.positions())
            assert verify(ledger.store).ok
            late = {"position_id": ETH, "kind": "funding", "amount": "0.5", "cash_id": f"late {len(texts)}"}
            ledger.handle(RecordCash.of(**late))
            assert ledger.position(ETH).cash["funding"] == Decimal("0.5")
    assert texts[0] == texts[1] == texts[2]
    assert rows[0] == rows[1] == rows[2] and len(rows[0]) == 7


def test_format_1_is_read_for_ever_and_written_the_same(ledger: PositionLedger) -> None:
    shipped = Path(__file__).with_name("format1.jsonl").read_bytes()  # never edited: a later format is another file
    assert moved(ledger, shipped).events == 14
    assert told(ledger) == shipped
    assert verify(ledger.store).ok


def test_the_report_says_what_came(ledger: PositionLedger, exported: bytes) -> None:
    digest = parsed(exported)[-1]["digest"]
    assert moved(ledger, exported) == Imported(
        events=14, events_before=0, rejections=2, rejections_before=0, nid=14, digest=digest
    )
    assert moved(ledger, exported) == Imported(
        events=0, events_before=14, rejections=0, rejections_before=2, nid=14, digest=digest
    )


def test_an_empty_ledger_is_an_export_too(ledger: PositionLedger) -> None:
    text = told(ledger)
    assert [line["kind"] for line in parsed(text)] == ["export", "end"]
    assert moved(ledger, text).events == 0


def test_an_imported_ledger_goes_on_and_still_has_its_anchor(ledger: PositionLedger, exported: bytes) -> None:
    moved(ledger, exported)
    anchor = make_anchor(ledger.store)
    again: dict[str, Any] = {"symbol": "APT/USDT", "exchange": "binance", "side": "long", "quantity": "3"}
    assert ledger.request_entry(**again, intent_id="APTUSDT-2").outcome == "replayed"
    with pytest.raises(PositionAlreadyOpen, match=r"APTUSDT.binance#2 already holds this slot"):
        ledger.request_entry(**again, intent_id="another")
    receipt = ledger.record_entry_fill(position_id="APTUSDT.binance#2", trade_id="7", last_qty="3", last_px="3.1")
    assert (receipt.outcome, receipt.version) == ("recorded", 8)
    assert (ledger.store.high_water_mark() > 14, ledger.store.count_events()) == (True, 15)
    assert verify(ledger.store).ok
    assert check_anchor(ledger.store, anchor) == []


def test_gaps_in_the_log_stay_gaps(ledger: PositionLedger, exported: bytes) -> None:
    lines = parsed(exported)
    for line in lines:
        if "nid" in line:
            line["nid"] *= 10
    with_gaps = sealed(lines)
    moved(ledger, with_gaps)
    assert told(ledger) == with_gaps
    ledger.fail_entry(position_id="APTUSDT.binance#2", reason="no", outcome="rejected")
    assert ledger.store.high_water_mark() == 141
    assert verify(ledger.store).ok


def test_an_export_sees_one_moment(ledger: PositionLedger) -> None:
    live_a_day(ledger)
    before = told(ledger)

    class Busy(JsonLines):
        def event(self, event: RecordedEvent) -> None:
            super().event(event)
            if event.id == 1:
                bot = Thread(target=live_a_day, args=(ledger, ("PERPUSDT",)))
                bot.start()
                bot.join()

    out = io.BytesIO()
    done = export(ledger.store, ExportScope.LEDGER, Busy(out))
    assert (done.nid, done.events, done.rejections) == (14, 14, 2)
    assert out.getvalue() == before
    assert ledger.store.count_events() == 21


def test_only_what_is_taken_is_exported(ledger: PositionLedger) -> None:
    live_a_day(ledger)
    for what, kind, count in (
        (ExportScope.EVENTS, "event", 7),
        (ExportScope.POSITIONS, "position", 2),
        (ExportScope.REJECTIONS, "rejection", 1),
    ):
        out = io.BytesIO()
        done = export(ledger.store, what, JsonLines(out), takes=lambda stream: stream == "APTUSDT.binance")
        lines = parsed(out.getvalue())
        assert (lines[0]["what"], lines[-1][f"{kind}s"]) == (what.value, count)
        assert [line["kind"] for line in lines[1:-1]] == [kind] * count
        assert vars(done)[f"{kind}s"] == count


def test_rows_say_what_positions_say(ledger: PositionLedger) -> None:
    live_a_day(ledger)
    lines = parsed(told(ledger, ExportScope.POSITIONS))[1:-1]
    assert [{k: v for k, v in line.items() if k not in ("kind", "crc")} for line in lines] == [
        row.as_json() for row in ledger.positions()
    ]


def test_a_role_that_bots_run_as_cannot_import(postgres_url: str, exported: bytes) -> None:
    role = f"bot_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        try:
            connections = Connections(Settings.read(postgres_url))
            schema.migrate(connections, role)
            connections.close()
            with PositionLedger.connect(as_role(postgres_url, role), create=False) as ledger:
                with pytest.raises(StoreUnavailable, match="only the owner of a ledger can import into it"):
                    moved(ledger, exported)
                assert ledger.store.count_events() == 0
            with PositionLedger.connect(postgres_url) as ledger:
                assert moved(ledger, exported).events == 14
        finally:
            owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(role)))
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
