"""Servers that lost the last events while a bot runs: by a restore, and by a failover without a synchronous standby."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from domain.errors import PastLost
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.proxy import proxied
from tests.infrastructure.event_store.postgres.server import Server, ServerFolder
from tests.infrastructure.event_store.postgres.test_faults import sent_until_answered

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
FIRST = "APTUSDT.binance#1"


def fill(ledger: PositionLedger, number: int) -> Receipt:
    return ledger.record_entry_fill(
        position_id=FIRST, trade_id=f"t{number}", last_qty="1", last_px="3.2", command_id=f"fill-{number}"
    )


def assert_goes_on_after_the_first_event(ledger: PositionLedger) -> None:
    receipt = sent_until_answered(lambda: fill(ledger, 2))
    assert (receipt.outcome, receipt.version) == ("recorded", 2)
    assert [entry.event.command_id for entry in ledger.history(FIRST)] == ["c-1", "fill-2"]
    assert verify(ledger.store).ok


def restored(server: Server, kept: Path) -> None:
    server.stop("fast")
    shutil.rmtree(server.folder)
    kept.rename(server.folder)
    server.start()


def test_a_bot_that_runs_through_a_restore_leaves_no_hole(place: ServerFolder) -> None:
    server = place.server()
    kept = server.folder.with_name("kept")
    with PositionLedger.connect(server.url()) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        server.stop("fast")
        shutil.copytree(server.folder, kept)
        for path in (kept, *kept.rglob("*")):
            shutil.chown(path, server.folder.owner())
        server.start()
        news = ledger.subscribe()
        fill(ledger, 1)
        assert [next(news).event.command_id for _ in range(2)] == ["c-1", "fill-1"]
        restored(server, kept)
        assert_goes_on_after_the_first_event(ledger)
        with pytest.raises(PastLost, match="is lost"):
            next(news)


def test_a_bot_that_runs_through_a_lossy_failover_leaves_no_hole(place: ServerFolder) -> None:
    primary = place.server()
    with PositionLedger.connect(primary.url()) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
    with proxied(primary.url()) as way:
        standby = place.standby(primary, way.url())
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in (primary, standby))
        url = f"postgresql://postgres@{hosts}/postgres?timeout=2&target_session_attrs=read-write"
        with PositionLedger.connect(url, create=False) as ledger:
            news = ledger.subscribe()
            eventually(lambda: standby.do("SELECT count(*) FROM ledger_events") == [(1,)])
            way.is_open = False
            way.hold_answers()
            assert fill(ledger, 1).outcome == "recorded"
            assert [next(news).event.command_id for _ in range(2)] == ["c-1", "fill-1"]
            primary.stop()
            standby.promote()
            assert_goes_on_after_the_first_event(ledger)
            with pytest.raises(PastLost, match="is lost"):
                next(news)
