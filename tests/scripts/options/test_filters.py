"""A filter that matches nothing in the ledger gets a note, because an empty result is no good news then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.identifiers import PositionKey
from infrastructure.ledger.ledger import PositionLedger
from scripts.options.filters import Filter
from tests.scripts.program import Program

ENTRY: dict[str, Any] = {"side": "long", "quantity": "1", "intent_id": "1"}
READING = (
    "status",
    "positions",
    "pnl",
    "stats",
    "report",
    "recover",
    "diagnose",
    "watch --once",
    "export --what events",
)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as opened:
        opened.request_entry(symbol="SUIUSDT", exchange="binance", account="main", **ENTRY)
        opened.request_entry(symbol="APTUSDT", exchange="bybit", **ENTRY)
        opened.request_entry(symbol="SUIUSDT", exchange="bybit", **ENTRY)
        yield opened


@pytest.fixture
def url(tmp_path: Path) -> str:
    found = f"sqlite:///{tmp_path}/ledger.db"
    with PositionLedger.connect(found) as opened:
        opened.request_entry(symbol="SUIUSDT", exchange="binance", account="main", **ENTRY)
        opened.request_entry(symbol="APTUSDT", exchange="bybit", **ENTRY)
    return found


def test_a_blank_account_is_the_one_without_a_name(program: Program, url: str) -> None:
    def positions(*words: str) -> list[str]:
        return [row["position_id"] for row in program("positions", *words, "--json", "--database", url).json]

    assert positions("--account", "") == ["APTUSDT.bybit#1"]
    assert positions("--account", "main") == ["SUIUSDT.binance.main#1"]
    assert len(positions()) == 2
    told = program("positions", "--exchange", "binance", "--account", "", "--database", url)
    assert "nothing was ever recorded of --exchange binance --account '';" in told.err


def test_the_names_of_streams_are_found_each_once_and_in_order(ledger: PositionLedger) -> None:
    ledger.fail_entry(position_id="APTUSDT.bybit#1", reason="price limit", outcome="rejected")
    assert list(ledger.store.stream_names()) == ["APTUSDT.bybit", "SUIUSDT.binance.main", "SUIUSDT.bybit"]


def test_a_ledger_without_an_event_has_no_streams(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        assert list(ledger.store.stream_names()) == []


def test_a_venue_of_an_earlier_spelling_and_a_spot_leg_are_found_by_what_they_are_called_today() -> None:
    earlier, spot = PositionKey.parse("APTUSDT.binanceusdm"), PositionKey.parse("BTCUSD.okx:SPOT")
    assert [Filter(None, exchange, None).takes(earlier) for exchange in ("binance", "bybit")] == [True, False]
    assert [Filter(symbol, None, None).takes(spot) for symbol in ("BTC/USD:BTC", "ETH/USD:ETH")] == [True, False]


@pytest.mark.parametrize("words", READING)
def test_an_exchange_that_nothing_was_recorded_of_is_told(url: str, program: Program, words: str) -> None:
    said = program(*words.split(), "--exchange", "biance", "--database", url).err
    assert "note: nothing was ever recorded of --exchange biance;" in said
    assert "there is something of --exchange binance --account main, --exchange bybit" in said


@pytest.mark.parametrize("words", READING)
@pytest.mark.parametrize("wanted", ["--exchange Bybit", "--account main", "--symbol apt/usdt:usdt", ""])
def test_nothing_is_said_of_what_there_is(url: str, program: Program, words: str, wanted: str) -> None:
    assert "note: nothing was ever" not in program(*words.split(), *wanted.split(), "--database", url).err


@pytest.mark.parametrize("wanted", ["--account mian", "--symbol NOSUCHUSDT", "--exchange bybit --account main"])
def test_an_account_a_symbol_and_both_together_are_told_as_well(url: str, program: Program, wanted: str) -> None:
    assert f"of {wanted};" in program("status", *wanted.split(), "--database", url).err


def test_a_symbol_of_a_similar_name_is_named(url: str, program: Program) -> None:
    said = program("status", "--symbol", "siuusdt", "--database", url).err
    assert said == "note: nothing was ever recorded of --symbol siuusdt; there is something of --symbol SUIUSDT\n"


def test_an_empty_ledger_has_heard_of_nothing_and_says_nothing(tmp_path: Path, program: Program) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    PositionLedger.connect(url).disconnect()
    assert program("status", "--exchange", "biance", "--database", url).err == ""
