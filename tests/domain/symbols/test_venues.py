from __future__ import annotations

import ccxt
import pytest

from domain.identifiers import PositionKey
from domain.symbols.venues import KNOWN, known_venue, normalized_exchange


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("binanceusdm", "binance"),
        ("BinanceCoinM", "binance"),
        ("GATE.IO", "gate"),
        ("gateio", "gate"),
        ("huobi", "htx"),
        ("okex5", "okx"),
        ("kucoinfutures", "kucoin"),
        ("binance_perpetual", "binance"),
        ("gate_io_perpetual", "gate"),
        (" Binance ", "binance"),
        ("binance_us", "binanceus"),
        ("Binance-US", "binanceus"),
        ("binance_us_spot", "binanceus"),
        ("ascend_ex", "ascendex"),
        ("btc_markets", "btcmarkets"),
        ("crypto.com", "cryptocom"),
        ("coinbase_advanced_trade", "coinbase"),
        ("coinbase_international", "coinbaseinternational"),
        ("dydx_v4_perpetual", "dydx"),
        ("krakenfutures", "krakenfutures"),
        ("kraken_futures", "krakenfutures"),
        ("KRAKEN-FUTURES", "krakenfutures"),
        ("kraken_perpetual", "kraken"),
        ("binanceus", "binanceus"),
        ("my_perpetual", "my_perpetual"),
        ("unheard-of", "unheard-of"),
        ("unheard_of_futures", "unheard_of_futures"),
    ],
)
def test_a_venue_has_one_name(written: str, name: str) -> None:
    assert normalized_exchange(written) == normalized_exchange(name) == name
    assert PositionKey("BTCUSDT", written).exchange == name


@pytest.mark.parametrize(
    "exchange", ["", "binance.com", "bin ance", "bin.ance", "gate.", "gate.com", "\u0431inance", None, 5]
)
def test_what_is_no_name_of_an_exchange_is_refused(exchange: object) -> None:
    with pytest.raises(ValueError, match="is not a name like 'binance'"):
        normalized_exchange(exchange)


def test_a_word_is_a_venue_only_when_it_is_known() -> None:
    assert (known_venue("BINANCE"), known_venue("GateIO"), known_venue("B")) == ("binance", "gate", None)
    assert all(normalized_exchange(name) == name for name in KNOWN)


def test_every_name_of_ccxt_is_known() -> None:
    assert [name for name in ccxt.exchanges if known_venue(name) is None] == []
