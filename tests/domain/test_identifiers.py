from __future__ import annotations

import base64
import json
import re
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import PositionId, PositionKey, client_order_id, hex_order_id, own_order_id
from domain.symbols.spelling import normalized_symbol
from domain.values import Leg
from tests.strategies import Spelled, spelled_keys


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("FXSUSDT", "FXSUSDT"),
        ("FXS/USDT", "FXSUSDT"),
        ("FXS/USDT:USDT", "FXSUSDT"),
        ("fxs/usdt:usdt", "FXSUSDT"),
        ("  FxsUsdt\n", "FXSUSDT"),
        ("1000PEPE/USDT:USDT", "1000PEPEUSDT"),
        ("币安人生/USDT:USDT", "币安人生USDT"),
        ("BTC/USD:BTC", "BTC/USD:BTC"),
        ("btc/usd:btc", "BTC/USD:BTC"),
        ("BTC/USDT:USDT-251226", "BTCUSDT-251226"),
        ("BTCUSDT_251226", "BTCUSDT-251226"),
        ("BTCUSDT-251226", "BTCUSDT-251226"),
        ("BTC/USD:BTC-251226", "BTC/USD:BTC-251226"),
        ("BTC/USDT:USDT-251226-100000-C", "BTCUSDT-251226-100000-C"),
        ("btc/usdt:usdt-251226-0.5-p", "BTCUSDT-251226-0.5-P"),
        ("BTCUSDT-251226-60000.0-C", "BTCUSDT-251226-60000-C"),
        ("BTCUSDT-251226-060000-C", "BTCUSDT-251226-60000-C"),
        ("BTCUSDT-251226-60000.-C", "BTCUSDT-251226-60000-C"),
        ("BTCUSDT-251226-6e4-C", "BTCUSDT-251226-60000-C"),
        ("BTC/USDT:USDT-2025-12-26-6E+4-c", "BTCUSDT-251226-60000-C"),
        ("BTCUSDT_20251226-.50-P", "BTCUSDT-251226-0.5-P"),
    ],
)
def test_a_symbol_has_one_spelling(written: str, kept: str) -> None:
    assert PositionKey(written, "binance").symbol == kept


@pytest.mark.parametrize(
    "symbol",
    [
        "", " ", "/", "APT/", "/USDT", "APT/USDT/BTC", "APT USDT", "APT:USDT", "APTUSDT#1",
        "APT/USDT:", "APT/USDT:USDT-", "BTC/USDT:USDT-2512", "BTC/USDT:USDT-251226-100000",
        "BTC/USDT:USDT-251226-100000-X", "BTC/USDT:USDT-٢٥١٢٢٦", "\u0410\u0420\u0422USDT", "APT\x00USDT", "A" * 31,
        "APT\nUSDT",
        "'; DROP TABLE positions", None, 5, b"APTUSDT",
    ],
)  # fmt: skip
def test_what_is_not_a_symbol_is_refused_and_named(symbol: object) -> None:
    with pytest.raises(ValueError, match="symbol") as refused:
        normalized_symbol(symbol)
    assert repr(symbol)[1:20] in str(refused.value) or symbol == "A" * 31


@pytest.mark.parametrize(
    ("symbol", "why"),
    [("BTCUSDT-251326", "is no date"), ("BTCUSDT-250229", "is no date"), ("BTCUSDT-19251226", "of this century")],
)
def test_an_expiry_is_a_date_to_come(symbol: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        normalized_symbol(symbol)


@pytest.mark.parametrize("stream", ["BTCUSDT-251326.binance", "BTC/USD:BTC-251226-0-C.binance.sub1:LONG"])
def test_a_stream_from_before_such_checks_stays_readable(stream: str) -> None:
    assert PositionKey.parse(stream).stream == stream


@pytest.mark.parametrize(
    "exchange", ["", " ", "1binance", "bin ance", "bin.ance", "bin:ance", "b" * 41, "бинанс", None, 7, "o\u212ax"]
)
def test_what_is_not_an_exchange_is_refused(exchange: Any) -> None:
    with pytest.raises(ValueError, match="is not a name like 'binance'"):
        PositionKey("APTUSDT", exchange)


@pytest.mark.parametrize("account", ["sub 1", "sub.1", "sub:1", "-sub", "#1", "s" * 41, 7, "des\u212a"])
def test_what_is_not_an_account_is_refused(account: Any) -> None:
    with pytest.raises(ValueError, match="account"):
        PositionKey("APTUSDT", "binance", account)


@pytest.mark.parametrize("leg", ["", "long short", "buy", 1, "\u017fhort"])
def test_what_is_not_a_leg_is_refused(leg: Any) -> None:
    with pytest.raises(ValueError, match="is not one of BOTH, LONG, SHORT"):
        PositionKey("APTUSDT", "binance", None, leg)


@pytest.mark.parametrize(
    ("key", "stream"),
    [
        (PositionKey("APT/USDT:USDT", "Binance"), "APTUSDT.binance"),
        (PositionKey("APTUSDT", "binance", "Sub1"), "APTUSDT.binance.sub1"),
        (PositionKey("BTCUSDT", "binance", leg=Leg.LONG), "BTCUSDT.binance:LONG"),
        (PositionKey("BTC/USD:BTC-251226", "bybit", "a", Leg.SHORT), "BTC/USD:BTC-251226.bybit.a:SHORT"),
        (PositionKey("BTC/USDT:USDT-251226-0.5-C", "bybit"), "BTCUSDT-251226-0.5-C.bybit"),
    ],
)
def test_the_stream_id_is_readable_text_and_reads_back(key: PositionKey, stream: str) -> None:
    assert key.stream == str(key) == stream
    assert PositionKey.parse(stream) == key


@pytest.mark.parametrize("text", ["", "APTUSDT", ".binance", "APTUSDT.", "APTUSDT.binance.a.b", "APTUSDT.binance:BUY"])
def test_what_is_not_a_stream_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape("is not a key like APTUSDT.binance")):
        PositionKey.parse(text)


def test_a_position_id_is_a_stream_and_a_cycle() -> None:
    named = PositionId.parse(" apt/usdt:usdt.Binance#2 ")
    assert (named.key, named.cycle, str(named)) == (PositionKey("APTUSDT", "binance"), 2, "APTUSDT.binance#2")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pending",
        "None",
        "2548",
        "APTUSDT.binance",
        "APTUSDT.binance#",
        "APTUSDT.binance#0",
        "APTUSDT.binance#-1",
        "APTUSDT.binance#01",
        "APTUSDT.binance#1.0",
        "APTUSDT.binance#٢",
        "APTUSDT#1",
        "#1",
    ],
)
def test_no_placeholder_and_no_row_number_is_a_position_id(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        PositionId.parse(text)


@given(spelled_keys())
def test_every_spelling_of_a_key_is_one_key(spelled: Spelled) -> None:
    keys = {PositionKey(symbol, exchange, account, leg) for symbol, exchange, account, leg in spelled.keys}
    assert len(keys) == 1
    assert len({key.stream for key in keys}) == 1


@given(spelled_keys())
def test_normalizing_again_changes_nothing(spelled: Spelled) -> None:
    key = PositionKey(*spelled.keys[0])
    assert PositionKey(key.symbol, key.exchange, key.account, key.leg) == key
    assert PositionKey.parse(key.stream) == key
    assert PositionKey.parse(key.stream).stream == key.stream


@given(spelled_keys(), spelled_keys())
def test_other_settle_currencies_expiries_accounts_and_legs_stay_apart(one: Spelled, other: Spelled) -> None:
    streams = [PositionKey(*spelled.keys[0]).stream for spelled in (one, other)]
    assert (streams[0] == streams[1]) == (one.slot == other.slot)


@pytest.mark.parametrize(
    ("symbol", "currency", "settled"),
    [
        ("APTUSDT", "USDT", True),
        ("APTUSDT", "usdt", True),
        ("APTUSDT", "BNB", False),
        ("APTUSDT", "APT", False),
        ("BTCUSDT-251226", "USDT", True),
        ("BTC/USD:BTC", "BTC", True),
        ("BTC/USD:BTC-251226", "BTC", True),
        ("BTC/USD:BTC", "USD", False),
        ("T/USDT", "USDT", True),
        ("APT/USD", "USD", True),
        ("APT/USD", "APT", False),
    ],
)
def test_a_key_knows_what_currency_its_profit_is_counted_in(symbol: str, currency: str, *, settled: bool) -> None:
    assert PositionKey(symbol, "binance").is_settled_in(currency) is settled


def test_a_base_asset_that_the_quote_happens_to_end_with_is_another_currency() -> None:
    assert not PositionKey("T/USDT", "binance").is_settled_in("T")


def test_a_client_order_id_is_the_same_on_every_retry() -> None:
    assert client_order_id("APTUSDT.binance#1", "entry", "5483266") == "phj4bdbehtnowjiptjskodhosei"


@given(spelled_keys(), st.integers(1, 10**6), st.sampled_from(["entry", "rollback"]), st.none() | st.text())
def test_a_client_order_id_is_the_uuid_of_its_parts(spelled: Spelled, cycle: int, leg: str, intent: str | None) -> None:
    stream = PositionKey(*spelled.keys[0]).stream
    parts = json.dumps([stream, cycle, leg, intent], separators=(",", ":"))
    expected = base64.b32encode(uuid.uuid5(uuid.UUID("6f0a3f0c-8f5b-5a7e-9d55-3b1f5a6c2e41"), parts).bytes)
    assert client_order_id(f"{stream}#{cycle}", leg, intent) == "p" + expected.decode().rstrip("=").lower()


def test_a_client_order_id_is_what_every_exchange_takes() -> None:
    assert re.fullmatch("p[a-z0-9]{26}", client_order_id("币安人生USDT.binance#1", "rollback", "сигнал"))


def test_every_cycle_leg_and_intent_has_its_own_client_order_id() -> None:
    asked = [
        ("APTUSDT.binance#1", "entry", "5483266"),
        ("APTUSDT.binance#2", "entry", "5483266"),
        ("APTUSDT.bybit#1", "entry", "5483266"),
        ("APTUSDT.binance#1", "rollback", "5483266"),
        ("APTUSDT.binance#1", "entry", "5483267"),
        ("APTUSDT.binance#1", "entry", None),
    ]
    assert len({client_order_id(*each) for each in asked}) == len(asked)


def test_an_order_id_has_the_same_bits_in_hexadecimal_digits() -> None:
    name = client_order_id("BTCUSDC.hyperliquid#1", "entry", "5483266")
    spelled = hex_order_id(name)
    assert re.fullmatch(r"0x[0-9a-f]{32}", spelled)
    assert own_order_id(spelled) == own_order_id(spelled.upper().replace("X", "x")) == name


@pytest.mark.parametrize("text", ["0x1234567890abcdef1234567890abcdef", "e1", "0x12", "phj4bdbehtnowjiptjskodhosei"])
def test_an_order_id_that_is_none_of_ours_in_digits_stays_as_it_is(text: str) -> None:
    assert own_order_id(text) == text


@pytest.mark.parametrize("text", ["e1", "PHJ4BDBEHTNOWJIPTJSKODHOSEI", "phj4bdbehtnowjiptjskodhose1"])
def test_what_is_no_order_id_of_ours_has_no_digits(text: str) -> None:
    with pytest.raises(ValueError, match="is no client order id of a ledger"):
        hex_order_id(text)
