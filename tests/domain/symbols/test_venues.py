from __future__ import annotations

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
        ("krakenfutures", "krakenfutures"),
        ("binanceus", "binanceus"),
        ("my_perpetual", "my_perpetual"),
        ("unheard-of", "unheard-of"),
    ],
)
def test_a_venue_has_one_name(written: str, name: str) -> None:
    assert normalized_exchange(written) == normalized_exchange(name) == name
    assert PositionKey("BTCUSDT", written).exchange == name


@pytest.mark.parametrize("exchange", ["", "binance.com", "bin ance", "gate.", "\u0431inance", None, 5])
def test_what_is_no_name_of_an_exchange_is_refused(exchange: object) -> None:
    with pytest.raises(ValueError, match="is not a name like 'binance'"):
        normalized_exchange(exchange)


def test_a_word_is_a_venue_only_when_it_is_known() -> None:
    assert (known_venue("BINANCE"), known_venue("GateIO"), known_venue("B")) == ("binance", "gate", None)
    assert all(normalized_exchange(name) == name for name in KNOWN)
