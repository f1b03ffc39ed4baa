"""The real ccxt client against a server on the loopback that answers as Binance and Bybit do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal

import pytest

from domain.values import Side
from infrastructure.exchanges.ccxt_live import Asked, ExchangeUnavailable, fetch_document
from infrastructure.exchanges.document import read_snapshot
from projections.account_snapshot import AccountSnapshot, OrderKind
from tests.infrastructure.exchanges.exchange_server import Exchange, binance, bybit, bybit_order, served

KEY, SECRET = "the-key-of-a-bot", "the-secret-of-a-bot"
KEYS = {"apiKey": KEY, "secret": SECRET}
Serve = Callable[[Exchange], Exchange]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda exchange: stack.enter_context(served(exchange))


def fetch(exchange: Exchange, name: str) -> AccountSnapshot:
    return read_snapshot(fetch_document(Asked(name, None, KEYS, exchange.url)))


def test_binance_is_asked_for_positions_orders_and_conditional_orders(serve: Serve) -> None:
    exchange = serve(binance())
    found = fetch(exchange, "binance")
    assert (found.exchange, found.doubts, found.order_doubts, found.is_time_exact) == ("binance", (), (), True)
    assert [(each.key.stream, each.side, each.quantity, each.avg_px_open) for each in found.positions or ()] == [
        ("APTUSDT.binance", Side.SHORT, Decimal(61), Decimal("3.2295"))
    ]
    assert [(each.order_id, each.kind, each.trigger_price, each.quantity) for each in found.orders or ()] == [
        ("7719001", OrderKind.OTHER, None, Decimal("1467.3")),
        ("53190401", OrderKind.STOP, Decimal("3.2941"), Decimal(61)),
    ]
    assert [target.removeprefix("GET /fapi/") for target, _ in exchange.asked] == [
        "v1/exchangeInfo",
        "v3/positionRisk",
        "v1/openOrders",
        "v1/openAlgoOrders",
    ]


def test_bybit_is_asked_page_by_page_and_coin_by_coin(serve: Serve) -> None:
    exchange = serve(bybit())
    found = fetch(exchange, "bybit")
    assert [(each.key.stream, each.side, each.quantity, each.stop_price) for each in found.positions or ()] == [
        ("HNTUSDT.bybit", Side.LONG, Decimal(60), None),
        ("ORBSUSDT.bybit", Side.SHORT, Decimal(200), Decimal("0.0153")),
    ]
    assert [(each.order_id, each.kind, each.trigger_price) for each in found.orders or ()] == [
        ("s-1", OrderKind.STOP, Decimal("0.0153"))
    ]
    pages = [
        (asked["settleCoin"], asked.get("cursor")) for path, asked in exchange.asked if path.endswith("position/list")
    ]
    assert pages == [("USDT", None), ("USDT", "next"), ("USDC", None)]


def test_a_number_never_goes_through_a_float(serve: Serve) -> None:
    exchange = binance()
    exchange.answers["/fapi/v3/positionRisk"][0] |= {
        "positionAmt": "-12345678901.123456789",
        "entryPrice": "0.1000000001",
        "markPrice": "0.1",
        "notional": "-1234567890.1",
    }
    (position,) = fetch(serve(exchange), "binance").positions or ()
    assert (position.quantity, position.avg_px_open) == (Decimal("12345678901.123456789"), Decimal("0.1000000001"))


def test_only_reading_is_ever_asked_for(serve: Serve) -> None:
    for name, make in (("binance", binance), ("bybit", bybit)):
        exchange = serve(make())
        fetch(exchange, name)
        assert all(target.startswith("GET ") for target, _ in exchange.asked)


def test_pages_without_an_end_are_a_partial_answer(serve: Serve) -> None:
    exchange = bybit()
    stop = bybit_order("HNT", "1", "Sell", "60")
    exchange.answers["/v5/order/realtime"] = {
        "retCode": 0,
        "retMsg": "OK",
        "time": 1,
        "result": {"list": [stop], "nextPageCursor": "again"},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infrastructure.exchanges.ccxt_answers.PAGES_MAX", 3)
        with pytest.raises(ExchangeUnavailable, match="no end after 3 pages"):
            fetch(serve(exchange), "bybit")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/fapi/v3/positionRisk", (418, {"code": -1003, "msg": "Too many requests"})),
        ("/fapi/v3/positionRisk", (401, {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."})),
        ("/fapi/v3/positionRisk", (200, {})),
        ("/fapi/v1/openAlgoOrders", (500, b"<html>sorry</html>")),
        ("/fapi/v1/openOrders", (200, {"rows": []})),
        ("/fapi/v1/openOrders", (200, b"[{")),
        ("/fapi/v1/exchangeInfo", (503, b"")),
    ],
)
def test_an_answer_that_is_missing_is_not_an_empty_one(serve: Serve, path: str, answer: object) -> None:
    """I-29: a failed call came back as no positions."""
    exchange = binance()
    exchange.answers[path] = answer
    with pytest.raises(ExchangeUnavailable) as refusal:
        fetch(serve(exchange), "binance")
    said = f"{refusal.value} {refusal.value.__cause__}"
    assert "so nothing is known" in said
    assert KEY not in said
    assert SECRET not in said
    assert "signature=" not in said


def test_a_server_that_is_not_there_is_said_without_signatures() -> None:
    with pytest.raises(ExchangeUnavailable) as refusal:
        fetch_document(Asked("bybit", None, KEYS, "http://127.0.0.1:9"))
    assert KEY not in str(refusal.value)
    assert KEY not in repr(Asked("bybit", None, KEYS))
    assert SECRET not in repr(Asked("bybit", None, KEYS))


ENVIRONMENT = {"LEDGER_BINANCE_API_KEY": KEY, "LEDGER_BINANCE_SECRET": SECRET}


def test_keys_come_from_the_environment() -> None:
    asked = Asked.of("binance", "sub1", ENVIRONMENT)
    assert (asked.account, asked.keys, asked.url) == ("sub1", KEYS, None)
    wallet = Asked.of("hyperliquid", None, {"LEDGER_HYPERLIQUID_WALLET": "0x1"})
    assert wallet.keys == {"walletAddress": "0x1"}, "what it shows is public"


@pytest.mark.parametrize("url", ["https://testnet.example", "http://localhost:8000", "http://127.0.0.2:8000"])
def test_keys_are_sent_encrypted_or_to_this_machine(url: str) -> None:
    assert Asked.of("binance", None, {**ENVIRONMENT, "LEDGER_BINANCE_URL": url}).url == url


@pytest.mark.parametrize(
    ("exchange", "environment", "words"),
    [
        ("kraken", {}, "only binance, .* can be asked, not kraken"),
        ("okx", {}, "set LEDGER_OKX_API_KEY and LEDGER_OKX_SECRET and LEDGER_OKX_PASSPHRASE"),
        ("binance", {}, "set LEDGER_BINANCE_API_KEY and LEDGER_BINANCE_SECRET"),
        ("binance", {"LEDGER_BINANCE_API_KEY": KEY}, "set LEDGER_BINANCE_SECRET"),
        ("binance", {**ENVIRONMENT, "LEDGER_BINANCE_URL": "http://example.org"}, "not an https address"),
    ],
)
def test_who_cannot_be_asked(exchange: str, environment: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Asked.of(exchange, None, environment)
