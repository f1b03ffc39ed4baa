"""Defining instruments in a real ledger: what would change, what is changed, and what is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.exchanges.market_list import MarketList
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.instrument_changes import (
    ChangeOutcome,
    by_markets,
    define_instruments,
    import_instruments,
    known_keys,
)
from infrastructure.operations.instrument_list import defined_instruments, undefined_instruments
from position_ledger import import_instruments as exported

DOGE = PositionKey("DOGEUSDT", "okx")
BTC = PositionKey("BTC/USD:BTC", "okx")
NEW, CHANGED, UNCHANGED, LEFT = ChangeOutcome


def market(symbol: str, size: float) -> dict[str, Any]:
    inverse = symbol.endswith("BTC")
    return {"symbol": symbol, "swap": True, "linear": not inverse, "inverse": inverse, "contractSize": size}


MARKETS = {"a": market("DOGE/USDT:USDT", 1000.0), "b": market("BTC/USD:BTC", 100.0), "c": market("ETH/USDT:USDT", 0.1)}


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    """With an open BTC, a DOGE that is over, and an SOL of another account and exchange."""
    with PositionLedger.connect(ledger_url) as ledger:
        adopted: dict[str, Any] = {"side": "long", "quantity": "3", "avg_px_open": "2", "reason": "x"}
        ledger.adopt(symbol="BTC/USD:BTC", exchange="okx", **adopted)
        ledger.adopt(symbol="DOGEUSDT", exchange="okx", **adopted)
        ledger.close(position_id="DOGEUSDT.okx#1", exit_reason="x", avg_px_close="3")
        ledger.adopt(symbol="ETHUSDT", exchange="okx", account="sub1", **adopted)
        ledger.adopt(symbol="ETHUSDT", exchange="bybit", **adopted)
        yield ledger


def events(ledger: PositionLedger) -> int:
    return len(list(ledger.store.log()))


def test_to_look_records_nothing_and_a_reason_does_once(ledger: PositionLedger) -> None:
    before = events(ledger)
    found = import_instruments(ledger, MARKETS, exchange="okx")
    assert [(each.key, each.outcome, each.is_recorded) for each in found] == [(BTC, LEFT, False), (DOGE, NEW, False)]
    assert events(ledger) == before
    found = import_instruments(ledger, MARKETS, exchange="okx", reason="its list")
    assert [(each.key, each.outcome, each.is_recorded) for each in found] == [(BTC, LEFT, False), (DOGE, NEW, True)]
    assert events(ledger) == before + 1
    found = import_instruments(ledger, MARKETS, exchange="okx", reason="its list")
    assert [(each.key, each.outcome) for each in found] == [(BTC, LEFT), (DOGE, UNCHANGED)]
    assert events(ledger) == before + 1


def test_an_open_position_is_left_and_forced_for_the_next_cycle_alone(ledger: PositionLedger) -> None:
    (left, _) = import_instruments(ledger, MARKETS, exchange="okx", reason="its list")
    assert left.message is not None and "BTC/USD:BTC.okx#1 is open and counts with a contract size of 1" in left.message
    (forced, _) = import_instruments(ledger, MARKETS, exchange="okx", reason="its list", force=True)
    assert (forced.outcome, forced.is_recorded) == (CHANGED, True)
    rows = ledger.positions(open=True)
    assert ledger.position("BTC/USD:BTC.okx#1").contract_size == 1
    (btc, _) = defined_instruments(ledger.store, rows)
    assert btc.note == "BTC/USD:BTC.okx#1 is open, and counts with a contract size of 1, inverse until it is over"


def test_only_keys_of_the_ledger_or_those_named_are_defined(ledger: PositionLedger) -> None:
    found = import_instruments(ledger, MARKETS, exchange="okx", symbols=["ETH-USDT-SWAP", "doge/usdt"])
    assert [(each.key.stream, each.outcome) for each in found] == [("ETHUSDT.okx", NEW), ("DOGEUSDT.okx", NEW)]
    found = import_instruments(ledger, MARKETS, exchange="okx", account="SUB1", symbols=["ETHUSDT"])
    assert [(each.key.stream, each.outcome) for each in found] == [("ETHUSDT.okx.sub1", LEFT)]


def test_what_the_list_says_nothing_of_is_not_known(ledger: PositionLedger) -> None:
    (btc, doge) = import_instruments(ledger, [market("DOGE/USDT:USDT", 0)], exchange="okx")
    assert btc.message == "not known: there is no contract BTC/USD:BTC in the list"
    assert doge.message == "not known: its contract size is 0"


def test_a_key_of_before_is_named_and_left(ledger: PositionLedger) -> None:
    kept = PositionKey.parse("BTCUSD.bybit")
    assert kept != kept.today
    (found,) = by_markets(ledger, MarketList("bybit", {("BTCUSD", False): [market("BTC/USD:BTC", 1)]}), [kept])
    assert (found.outcome, found.key.stream) == (LEFT, "BTCUSD.bybit")
    assert "its symbol means BTC/USD:BTC.bybit today" in str(found.message)


def test_a_venue_under_another_name_is_looked_through(ledger: PositionLedger) -> None:
    found = import_instruments(ledger, MARKETS, exchange="OKEX")
    assert [each.key for each in found] == [BTC, DOGE]


def test_what_is_not_said_stays(ledger: PositionLedger) -> None:
    define_instruments(ledger, {DOGE: {"contract_size": "1000", "price_tick": "0.1"}}, reason="x")
    (found,) = define_instruments(ledger, {DOGE: {"contract_size": "10"}}, reason="y")
    assert found.outcome is CHANGED and found.before is not None and found.after is not None
    assert (str(found.before.contract_size), str(found.after.contract_size)) == ("1000", "10")
    assert str(found.after.price_tick) == "0.1"
    (found,) = define_instruments(ledger, {DOGE: {"contract_size": "no"}}, reason="y")
    assert found.outcome is LEFT and "'no' is not a finite number" in str(found.message)


def test_the_last_definition_is_listed_and_what_nobody_defined(ledger: PositionLedger) -> None:
    def told() -> tuple[list[str], list[str]]:
        rows = ledger.positions(open=True)
        defined = defined_instruments(ledger.store, rows)
        said = [f"{each.key} {each.terms.contract_size} {each.source} {each.reason}" for each in defined]
        return said, [each.position_id for each in undefined_instruments(defined, rows)]

    assert told() == ([], ["BTC/USD:BTC.okx#1"])
    define_instruments(ledger, {DOGE: {"contract_size": "10"}}, reason="x")
    define_instruments(ledger, {DOGE: {"contract_size": "20"}, BTC: {"base": "BTC"}}, reason="y", force=True)
    assert told() == (["BTC/USD:BTC.okx 1 operator y", "DOGEUSDT.okx 20 operator y"], [])


def test_what_is_advised_for_one_that_is_not_known_makes_it_known(ledger: PositionLedger) -> None:
    rows = ledger.positions(open=True)
    (unknown,) = undefined_instruments([], rows)
    assert unknown.message.endswith("define it with --contract-size NUMBER --settle BTC, be it 1")
    define_instruments(ledger, {BTC: {"contract_size": "1", "settle": "BTC"}}, reason="x", force=True)
    assert undefined_instruments(defined_instruments(ledger.store, rows), rows) == []


def test_of_a_cycle_that_is_over_no_definition_is_needed(ledger: PositionLedger) -> None:
    ledger.close(position_id="BTC/USD:BTC.okx#1", exit_reason="x", avg_px_close="3")
    assert undefined_instruments([], ledger.positions()) == []


def test_a_key_that_is_only_defined_is_known(ledger: PositionLedger) -> None:
    spot = PositionKey("XRPUSDT", "okx", leg=Leg.SPOT)
    define_instruments(ledger, {spot: {"quote": "USDT"}}, reason="x")
    assert spot in known_keys(ledger)
    assert exported is import_instruments
