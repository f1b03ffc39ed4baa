"""The trading port over ccxt, at every exchange: connections, copies, and calls at the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infrastructure.ccxt_trading.ccxt_exchange import CONVENTIONS, CcxtExchange
from infrastructure.trading.exchange_errors import NoAnswer, Refused
from infrastructure.trading.exchange_port import AsyncExchange, Exchange
from position_ledger.testing import Clock
from projections.reconciliation.grace_periods import SHOWN
from tests.infrastructure.ccxt_trading.test_binance import ABSENT, ALGO, ENTRY, ORDER, order
from tests.infrastructure.ccxt_trading.trading_server import Script, client, driven, scripted
from tests.infrastructure.exchanges.exchange_server import binance

LISTS = ("openOrders", "openAlgoOrders", "allOrders", "allAlgoOrders", "userTrades")


@pytest.fixture
def script() -> Iterator[Script]:
    info = binance().answers["/fapi/v1/exchangeInfo"]
    empty: dict[str, Any] = {f"GET /fapi/v1/{name}": [] for name in LISTS}
    nothing = {"GET " + ORDER: ABSENT, "GET " + ALGO: ABSENT}
    with scripted({"GET /fapi/v1/exchangeInfo": info, **nothing, **empty}) as made:
        yield made


def test_recovery_waits_as_long_as_the_slowest_exchange_may_show_an_order() -> None:
    assert max(each.shown_seconds for each in CONVENTIONS.values()) == SHOWN.total_seconds()


def test_it_is_the_port_of_either_kind(script: Script) -> None:
    exchange: Exchange = CcxtExchange(client("threads", "binanceusdm", script.url))
    asynchronous: AsyncExchange = CcxtExchange(client("asyncio", "binanceusdm", script.url))
    assert (exchange.name, asynchronous.name) == ("binance", "binance")


def test_an_account_was_asked_for_by_the_clock_that_it_is_given(script: Script) -> None:
    """By the wall clock it would be yet to come for a ledger whose clock a test moves, and not be believed."""
    clock = Clock()
    script.routes["GET /fapi/v3/positionRisk"] = []
    asked = CcxtExchange(client("threads", "binanceusdm", script.url), clock=clock).account()
    assert (asked.taken_at, asked.positions) == (clock(), ())


def test_an_answer_that_is_too_late_is_none(script: Script, kind: str) -> None:
    def late(_: Any) -> dict[str, Any]:
        time.sleep(0.5)
        return order(status="FILLED", executedQty="61.8")

    script.routes["POST " + ORDER] = late
    with driven(kind, "binanceusdm", script.url) as exchange:
        exchange.market("APTUSDT")
        exchange.exchange._client.timeout = 100  # in milliseconds; the markets had their time
        with pytest.raises(NoAnswer, match="RequestTimeout"):
            exchange.place(ENTRY)
    assert len(script.sent("POST " + ORDER)) == 1


def test_an_exchange_that_is_not_reached_knows_nothing_and_was_sent_nothing(script: Script, kind: str) -> None:
    with driven(kind, "binanceusdm", "http://127.0.0.1:9") as exchange:
        with pytest.raises(NoAnswer):
            exchange.find("APTUSDT", client_order_id="pabc")
        with pytest.raises(Refused, match="nothing was sent"):
            exchange.place(ENTRY)
    assert not script.asked


def test_markets_are_asked_for_once(script: Script, kind: str) -> None:
    with driven(kind, "binanceusdm", script.url) as exchange:
        for symbol in ("APTUSDT", "SXPUSDT", "APTUSDT"):
            exchange.market(symbol)
    assert len(script.sent("GET /fapi/v1/exchangeInfo")) == 1


@pytest.mark.parametrize("number", range(3))
def test_tasks_do_not_read_each_others_answers(script: Script, number: int) -> None:
    """One of them is answered with what is no list, and it alone must not conclude anything."""
    wrong = ("APTUSDT", "SXPUSDT", "AVLUSDT")[number]
    script.routes["GET /fapi/v1/allOrders"] = lambda asked: {} if asked["symbol"] == wrong else []

    async def found(exchange: CcxtExchange) -> list[Any]:
        symbols = ("APTUSDT", "SXPUSDT", "AVLUSDT")
        looking = [exchange.find(symbol, client_order_id="pabc") for symbol in symbols for _ in range(5)]
        answers = await asyncio.gather(*looking, return_exceptions=True)
        await exchange.close()
        return answers

    patient = client("asyncio", "binanceusdm", script.url, timeout=60_000)  # fifteen at once, on a busy machine
    answers = asyncio.run(found(CcxtExchange(patient)))
    assert [isinstance(answer, NoAnswer) for answer in answers] == [
        symbol == wrong for symbol in ("APTUSDT", "SXPUSDT", "AVLUSDT") for _ in range(5)
    ]
    assert {answer for answer in answers if not isinstance(answer, NoAnswer)} == {None}


def test_a_client_of_threads_makes_one_call_at_a_time(script: Script) -> None:
    """What it was answered last is kept in one place, and would be read by another thread."""
    asking: list[int] = []
    at_once: list[int] = []

    def none(_: Any) -> list[Any]:
        asking.append(1)
        at_once.append(len(asking))
        time.sleep(0.01)
        asking.pop()
        return []

    script.routes |= {f"GET /fapi/v1/{name}": none for name in LISTS}
    with driven("threads", "binanceusdm", script.url) as exchange, ThreadPoolExecutor(4) as pool:
        looking = [pool.submit(exchange.find, "APTUSDT", client_order_id="pabc") for _ in range(8)]
        assert [each.result() for each in looking] == [None] * 8
    assert max(at_once) == 1


def test_a_client_with_markets_of_floats_is_asked_anew(script: Script) -> None:
    mine = client("threads", "binanceusdm", script.url)
    mine.has["fetchCurrencies"] = False
    mine.load_markets()
    exchange = CcxtExchange(mine)
    assert str(exchange.market("APTUSDT").price_tick) == "0.0001"
    assert len(script.sent("GET /fapi/v1/exchangeInfo")) == 2
    assert mine.markets["APT/USDT:USDT"]["precision"]["price"] == float("0.0001")
