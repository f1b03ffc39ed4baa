"""The real client of Binance USD-M against the simulated exchange, on the loopback."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.async_support
import pytest

from infrastructure.exchanges.ccxt_answers import snapshot_document
from infrastructure.exchanges.document import read_snapshot
from infrastructure.simulation.books.fault_plan import CallFault, OrderFault
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from position_ledger.testing import Clock

APT = "APT/USDT:USDT"
OPTIONS = {"fetchMarkets": {"types": ["linear"]}, "warnOnFetchOpenOrdersWithoutSymbol": False}
KEYS = {"apiKey": "key-of-the-test", "secret": "secret-of-the-test", "enableRateLimit": False, "timeout": 5_000}


@pytest.fixture
def exchange() -> SimulatedExchange:
    made = SimulatedExchange("binance", clock=Clock())
    made.set_price(APT, "3.23")
    return made


@pytest.fixture
def client(exchange: SimulatedExchange) -> Iterator[Any]:
    with exchange.http() as url:
        made = ccxt.binanceusdm({**KEYS, "options": OPTIONS})
        made.has["fetchCurrencies"] = False
        SimulatedExchange.point(made, url)
        yield made
        made.session.close()


def entered(client: Any, **params: Any) -> Any:
    return client.create_order(APT, "market", "sell", 61.8, None, {"clientOrderId": "e1", **params})


def stop(client: Any, **params: Any) -> Any:
    return client.create_order(
        APT, "market", "buy", 61.8, None, {"clientOrderId": "s1", "stopLossPrice": 3.3, "reduceOnly": True, **params}
    )


def test_a_market_has_the_steps_that_were_listed(client: Any) -> None:
    market = client.load_markets()[APT]
    assert (market["precision"], market["limits"]["cost"]["min"], market["linear"]) == (
        {**market["precision"], "amount": 0.001, "price": 0.0001},
        5.0,
        True,
    )


def test_an_entry_its_order_its_trades_and_the_position(client: Any, exchange: SimulatedExchange) -> None:
    order = entered(client)
    assert (order["status"], order["filled"], order["average"], order["side"]) == ("closed", 61.8, 3.23, "sell")
    by_client_id = client.fetch_order(None, APT, {"origClientOrderId": "e1"})
    assert by_client_id["id"] == order["id"] and by_client_id["clientOrderId"] == "e1"
    [trade] = client.fetch_my_trades(APT, None, None, {"orderId": order["id"]})
    assert (trade["amount"], trade["price"], trade["fee"]["currency"]) == (61.8, 3.23, "USDT")
    [held] = client.fetch_positions()
    assert (held["symbol"], held["side"], held["contracts"], held["entryPrice"]) == (APT, "short", 61.8, 3.23)
    assert exchange.audit.held("APTUSDT") == Decimal("-61.8")


def test_a_stop_is_a_conditional_order_that_becomes_a_plain_one(client: Any, exchange: SimulatedExchange) -> None:
    entered(client)
    placed = stop(client)
    assert client.fetch_open_orders(APT) == []
    [listed] = client.fetch_open_orders(APT, params={"trigger": True})
    assert (listed["id"], listed["clientOrderId"], listed["reduceOnly"]) == (placed["id"], "s1", True)
    assert exchange.audit.is_covered("APTUSDT")
    exchange.set_price(APT, "3.31")
    ended = client.fetch_order(None, APT, {"trigger": True, "clientAlgoId": "s1"})
    became = client.fetch_order(ended["info"]["actualOrderId"], APT)
    assert (became["status"], became["filled"], became["average"]) == ("closed", 61.8, 3.31)
    assert client.fetch_positions() == []


def test_a_stop_that_closes_the_position_is_cancelled(client: Any, exchange: SimulatedExchange) -> None:
    entered(client)
    order = client.create_order(
        APT, "market", "buy", None, None, {"clientOrderId": "s1", "stopLossPrice": 3.3, "closePosition": True}
    )
    assert exchange.audit.is_covered("APTUSDT")
    client.cancel_order(order["id"], APT, {"trigger": True})
    assert not exchange.audit.is_covered("APTUSDT")
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        client.cancel_order(order["id"], APT, {"trigger": True})


def test_a_limit_rests_and_is_cancelled(client: Any) -> None:
    order = client.create_order(APT, "limit", "buy", 10, 3.1, {"clientOrderId": "l1"})
    assert [each["id"] for each in client.fetch_open_orders(APT)] == [order["id"]]
    assert client.cancel_order(order["id"], APT)["status"] == "canceled"
    assert [each["status"] for each in client.fetch_orders(APT)] == ["canceled"]


def test_the_account_is_read_as_that_of_the_real_exchange(client: Any, exchange: SimulatedExchange) -> None:
    entered(client)
    stop(client)
    client.create_order(APT, "limit", "sell", 10, 4, {"clientOrderId": "l1"})
    at = exchange.clock()
    over_http = read_snapshot(snapshot_document(client, exchange="binance", with_balances=False, taken_at=at))
    in_process = exchange.account()
    assert over_http.positions == in_process.positions
    assert over_http.orders == in_process.orders
    assert (over_http.taken_at, over_http.doubts, over_http.has_conditional) == (at, (), True)


def test_what_a_bot_sets_up(client: Any) -> None:
    assert client.fetch_balance()["USDT"]["total"] == 100000
    client.set_leverage(5, APT)
    assert client.fetch_position_mode(APT)["hedged"] is False
    with pytest.raises(ccxt.OperationRejected, match="-4059"):
        client.set_position_mode(False)


def test_in_hedge_mode_the_leg_is_said() -> None:
    exchange = SimulatedExchange("binance", hedge=True, clock=Clock())
    exchange.set_price(APT, "3.23")
    with exchange.http() as url:
        client = ccxt.binanceusdm({**KEYS, "options": OPTIONS})
        client.has["fetchCurrencies"] = False
        SimulatedExchange.point(client, url)
        with pytest.raises(ccxt.BaseError, match="-4061"):
            entered(client)
        entered(client, positionSide="SHORT")
        [held] = client.fetch_positions()
        assert (held["side"], held["hedged"]) == ("short", True)
        client.session.close()


@pytest.mark.parametrize("code", ["-2010", "-2019", "-2021", "-2027", "-4131", "-4140", "-1021", "-1007", "-1003"])
def test_a_refusal_comes_in_its_code(client: Any, exchange: SimulatedExchange, code: str) -> None:
    exchange.next_code(code)
    with pytest.raises(ccxt.BaseError, match=rf'"code": {code}\b'):
        entered(client)
    assert exchange.audit.orders() == []
    entered(client)


def test_what_is_absent_or_taken_says_so(client: Any) -> None:
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        client.fetch_order(None, APT, {"origClientOrderId": "e1"})
    entered(client)
    stop(client)
    with pytest.raises(ccxt.BaseError, match="-4116"):
        stop(client)
    with pytest.raises(ccxt.BaseError, match="-2022"):
        client.create_order(APT, "market", "sell", 61.8, None, {"reduceOnly": True})


@pytest.mark.parametrize("seed", range(4))
def test_a_lost_answer_is_none_that_the_client_could_take_for_a_refusal(client: Any, seed: int) -> None:
    del client
    exchange = SimulatedExchange("binance", seed=seed, clock=Clock())
    exchange.set_price(APT, "3.23")
    with exchange.http() as url:
        asking = ccxt.binanceusdm({**KEYS, "options": OPTIONS})
        asking.has["fetchCurrencies"] = False
        SimulatedExchange.point(asking, url)
        asking.load_markets()
        exchange.next_order(APT, OrderFault.ANSWER_LOST)
        with pytest.raises(ccxt.OperationFailed):
            entered(asking)
        assert asking.fetch_order(None, APT, {"origClientOrderId": "e1"})["filled"] == 61.8
        asking.session.close()


def test_too_many_calls_are_limited(client: Any, exchange: SimulatedExchange) -> None:
    client.load_markets()
    exchange.next_calls(CallFault.RATE_LIMIT)
    with pytest.raises(ccxt.DDoSProtection):
        client.fetch_positions()
    assert client.fetch_positions() == []


def test_average_zero_and_no_side_are_what_they_are_at_the_exchange(client: Any, exchange: SimulatedExchange) -> None:
    client.load_markets()
    exchange.next_order(APT, OrderFault.UNPRICED, OrderFault.SIDELESS)
    order = entered(client)
    assert (order["info"]["avgPrice"], order["side"], order["filled"]) == ("0.00", None, 61.8)


def test_the_client_of_asyncio_is_answered_the_same(exchange: SimulatedExchange) -> None:
    async def trade(url: str) -> Any:
        client = ccxt.async_support.binanceusdm({**KEYS, "options": OPTIONS, "timeout_on_exit": 0})
        client.has["fetchCurrencies"] = False
        SimulatedExchange.point(client, url)
        try:
            await client.create_order(APT, "market", "sell", 61.8, None, {"clientOrderId": "e1"})
            return await client.fetch_positions()
        finally:
            await client.close()

    with exchange.http() as url:
        [held] = asyncio.run(trade(url))
    assert held["contracts"] == 61.8


def test_an_exchange_without_routes_says_which_there_are() -> None:
    with pytest.raises(ValueError, match="over HTTP there are binance and bybit"), SimulatedExchange("okx").http():
        pass


def test_a_client_that_hangs_up_is_no_error_of_the_exchange(
    exchange: SimulatedExchange, capfd: pytest.CaptureFixture[str]
) -> None:
    with exchange.http() as url:
        quiet = threading.active_count()
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed by a reset
            client.sendall(b"GET /fapi/v1/exchangeInfo HTTP/1.1\r\nHost: bot\r\n")
            while threading.active_count() == quiet:
                time.sleep(0.001)
        while threading.active_count() > quiet:
            time.sleep(0.001)
    assert capfd.readouterr().err == ""
