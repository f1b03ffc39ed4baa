"""The terms of an instrument from ccxt's `load_markets()`, and which of them are not trusted."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from domain.identifiers import PositionKey
from domain.symbols.venues import normalized_exchange
from domain.values import Leg
from infrastructure.exchanges.contract_units import COUNTS_UNITS
from infrastructure.exchanges.market_list import MarketList
from tests.domain.symbols.ccxt_answers import ccxt, markets

SWAP: dict[str, Any] = {
    "symbol": "DOGE/USDT:USDT",
    "base": "DOGE",
    "quote": "USDT",
    "settle": "USDT",
    "contract": True,
    "linear": True,
    "inverse": False,
    "contractSize": 1000.0,
    "precision": {"price": 1e-05, "amount": 1.2345678901234567e-05},
    "info": {"contractSize": "7", "quote": "EUR"},
}
INVERSE = {**SWAP, "symbol": "BTC/USD:BTC", "quote": "USD", "settle": "BTC", "linear": False, "inverse": True}
SPOT = {"symbol": "DOGE/USDT", "base": "DOGE", "quote": "USDT", "spot": True, "contract": False, "precision": {}}
DOGE = PositionKey("DOGEUSDT", "okx")


def listed(*rows: object, exchange: str = "okx") -> MarketList:
    return MarketList.read(json.dumps(rows).encode(), exchange)


def test_a_contract_says_its_terms_and_its_floats_are_rounded() -> None:
    assert listed(SWAP).terms(DOGE) == {
        "base": "DOGE",
        "quote": "USDT",
        "settle": "USDT",
        "contract_size": Decimal(1000),
        "inverse": False,
        "price_tick": Decimal("0.00001"),
        "quantity_step": Decimal("0.000012345678901235"),
    }


def test_markets_by_symbol_are_read_as_a_list_is() -> None:
    markets = {row["symbol"]: row for row in (SWAP, INVERSE)}
    found = MarketList.read(json.dumps(markets).encode(), "okx")
    assert found == listed(SWAP, INVERSE)
    assert found.terms(PositionKey("BTC-USD-SWAP", "okx"))["inverse"] is True


def test_spot_is_for_the_spot_leg_and_a_contract_for_the_others() -> None:
    both = listed(SPOT, SWAP)
    assert both.terms(DOGE.on(Leg.SPOT)) == {"base": "DOGE", "quote": "USDT"}
    assert both.terms(DOGE.on(Leg.LONG)) == both.terms(DOGE) == listed(SWAP).terms(DOGE)
    with pytest.raises(ValueError, match="no contract DOGEUSDT in the list, only a spot market"):
        listed(SPOT).terms(DOGE)
    with pytest.raises(ValueError, match="no spot market DOGEUSDT in the list, only a contract"):
        listed(SWAP).terms(DOGE.on(Leg.SPOT))
    with pytest.raises(ValueError, match=r"no contract DOGEUSDT in the list$"):
        listed(INVERSE).terms(DOGE)


def test_what_is_not_said_is_left_out() -> None:
    row = SWAP | {"contractSize": None, "settle": None, "precision": {"price": float("nan"), "amount": None}}
    assert listed(row).terms(DOGE) == {"base": "DOGE", "quote": "USDT", "inverse": False}
    assert "price_tick" not in listed(SWAP, exchange="bitfinex").terms(PositionKey("DOGEUSDT", "bitfinex"))


@pytest.mark.parametrize(("said", "size"), [(0.99994, 1), (10, 1), (100.0, 100)])
def test_a_size_is_read_as_in_a_position(said: float, size: int) -> None:
    exchange = "deribit" if said == 10 else "okx"
    row = SWAP | {"contractSize": said}
    assert listed(row, exchange=exchange).terms(PositionKey("DOGEUSDT", exchange))["contract_size"] == size


def test_an_option_is_priced_in_what_it_is_settled_in() -> None:
    row = INVERSE | {"symbol": "BTC/USD:BTC-251226-60000-C", "option": True}
    terms = listed(row).terms(PositionKey("BTC/USD:BTC-251226-60000-C", "okx"))
    assert ("inverse" in terms, "quote" in terms, terms["settle"]) == (False, False, "BTC")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"linear": False, "inverse": False}, "its payoff is no plain one: linear is False, and inverse is False"),
        ({"linear": None, "inverse": None}, "its payoff is no plain one"),
        ({"linear": False, "inverse": True}, "inverse is True, and by its symbol DOGEUSDT it is False"),
        ({"contractSize": 0}, "its contract size is 0"),
        ({"contractSize": "many"}, "contractSize is 'many', which is not a finite number"),
        ({"precision": {"price": 0.0}}, r"precision.price is 0(\.0)?, which is no step"),
        ({"precision": {"amount": "x"}}, "amount is 'x'"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_its_value(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        listed(SWAP | fields).terms(DOGE)


def test_two_markets_of_one_key_that_differ_are_refused() -> None:
    assert listed(SWAP, SWAP).terms(DOGE)
    with pytest.raises(ValueError, match="has DOGEUSDT as two"):
        listed(SWAP, SWAP | {"contractSize": 10}).terms(DOGE)


def test_a_row_without_a_symbol_is_named_and_the_rest_taken() -> None:
    found = listed({"base": "X"}, 7, SWAP | {"symbol": "D\u043eGE"}, SWAP)
    assert [doubt.partition(":")[0] for doubt in found.doubts] == [
        f"number {number} of its markets cannot be read" for number in (1, 2, 3)
    ]
    assert "no symbol" in found.doubts[0] and "7 is not an object" in found.doubts[1] and "GE" in found.doubts[2]
    assert found.terms(DOGE)


def test_every_market_that_ccxt_recorded_is_read_right() -> None:
    contracts = 0
    for exchange in ccxt.exchanges:
        venue = normalized_exchange(exchange)
        for row in markets(exchange).values():
            is_spot = row["type"] == "spot"
            key = PositionKey(row["symbol"], venue, leg=Leg.SPOT if is_spot else Leg.BOTH)
            terms = MarketList.read(json.dumps([row], default=str).encode(), venue).terms(key)
            if is_spot:
                assert not {"contract_size", "inverse"} & terms.keys(), (exchange, row["symbol"])
                continue
            contracts += 1
            size = 1 if venue in COUNTS_UNITS else row["contractSize"]
            assert terms.get("contract_size") == (None if size is None else Decimal(str(size))), (exchange, key)
            assert terms.get("inverse", False) == (row["inverse"] and not row["option"]), (exchange, key)
    assert contracts > 60, "or there is nothing to read any more"


@pytest.mark.parametrize("data", [b"{", b"7", b'"x"'])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="it is no"):
        MarketList.read(data, "okx")
