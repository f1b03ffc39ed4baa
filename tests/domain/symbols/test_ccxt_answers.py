"""ccxt as the oracle: an exchange's id of a market and ccxt's symbol of it give the same key."""

from __future__ import annotations

import pytest

from domain.symbols.venues import KNOWN, normalized_exchange
from tests.domain.symbols.ccxt_answers import Listed, ccxt, listed, read_as

NUMBERED = {"coinone", "hyperliquid", "lighter", "ndax", "polymarket"}
"""Where some markets have numbers, which a list of them would have to explain: they are keys of their own."""
QUOTE_NOT_SAID = {"coinspot", "paymium"}
"""Where an id names one currency of a pair."""
KNOWN_BY_ITS_LIST_ALONE = {
    Listed("BTC_USD_P", "BTC/USD:USD-310420"),  # its expiry stands in the list of markets, not in its id
    Listed("btcbrl", "BTC/BTC"),  # what ccxt makes of a record that it has no currencies for
}


def test_markets_are_found_beside_the_parsers() -> None:
    found = {exchange: listed(exchange) for exchange in ("okx", "binance", "kucoin", "deribit", "phemex")}
    assert all(found.values())
    assert Listed("XBTUSDTM", "BTC/USDT:USDT") in found["kucoin"]


@pytest.mark.parametrize("exchange", ccxt.exchanges)
def test_the_id_of_a_market_and_the_symbol_of_ccxt_are_one_key(exchange: str) -> None:
    for market in sorted(listed(exchange) - KNOWN_BY_ITS_LIST_ALONE):
        is_number = exchange in NUMBERED and market.written.isdecimal()
        expected = "of its own" if is_number or exchange in QUOTE_NOT_SAID else "right"
        assert read_as(exchange, market) == expected, market


def test_every_exchange_of_ccxt_is_known_by_name() -> None:
    assert {exchange for exchange in ccxt.exchanges if normalized_exchange(exchange) not in KNOWN} == set()
