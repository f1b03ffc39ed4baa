"""The real client of Bybit against the simulated exchange, on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from infrastructure.ccxt_trading.ccxt_exchange import CcxtExchange
from infrastructure.exchanges.ccxt_answers import snapshot_document
from infrastructure.exchanges.document import read_snapshot
from infrastructure.simulation.books.fault_plan import OrderFault
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from infrastructure.trading.rules import Rules
from infrastructure.trading.trader import Trader
from position_ledger.testing import Clock, memory_ledger

APT = "APT/USDT:USDT"
CONFIG = {
    "apiKey": "key-of-the-test",
    "secret": "secret-of-the-test",
    "enableRateLimit": False,
    "timeout": 5_000,
    "options": {"fetchMarkets": {"types": ["linear"]}, "defaultType": "swap", "defaultSubType": "linear"},
}


@pytest.fixture
def exchange() -> SimulatedExchange:
    made = SimulatedExchange("bybit", clock=Clock())
    made.set_price(APT, "3.23")
    return made


@pytest.fixture
def client(exchange: SimulatedExchange) -> Iterator[Any]:
    with exchange.http() as url:
        made = ccxt.bybit(CONFIG)
        made.has["fetchCurrencies"] = False
        SimulatedExchange.point(made, url)
        yield made
        made.session.close()


def entered(client: Any, **params: Any) -> Any:
    return client.create_order(APT, "market", "sell", 61.8, None, {"clientOrderId": "e1", **params})


def closed(client: Any, client_order_id: str = "e1") -> Any:
    return client.fetch_canceled_and_closed_orders(APT, params={"orderLinkId": client_order_id})


def test_an_entry_its_order_its_trades_and_the_position(client: Any, exchange: SimulatedExchange) -> None:
    placed = entered(client)
    [order] = closed(client)
    assert (order["id"], order["status"], order["filled"], order["average"]) == (placed["id"], "closed", 61.8, 3.23)
    [trade] = client.fetch_my_trades(APT, params={"orderId": placed["id"]})
    assert (trade["amount"], trade["price"], trade["fee"]["currency"]) == (61.8, 3.23, "USDT")
    [held] = client.fetch_positions([APT])
    assert (held["side"], held["contracts"], held["entryPrice"]) == ("short", 61.8, 3.23)
    assert exchange.audit.held("APTUSDT") == Decimal("-61.8")


def test_a_stop_rests_with_the_others_and_is_triggered(client: Any, exchange: SimulatedExchange) -> None:
    entered(client)
    params = {"clientOrderId": "s1", "stopLossPrice": 3.3, "reduceOnly": True}
    placed = client.create_order(APT, "market", "buy", 61.8, None, params)
    [listed] = client.fetch_open_orders(APT)
    assert (listed["id"], listed["triggerPrice"], listed["reduceOnly"]) == (placed["id"], 3.3, True)
    assert exchange.audit.is_covered("APTUSDT")
    exchange.set_price(APT, "3.31")
    assert [order["average"] for order in closed(client, "s1")] == [3.31]


def test_a_stop_is_attached_to_an_entry(client: Any, exchange: SimulatedExchange) -> None:
    entered(client, stopLoss={"triggerPrice": "3.3"})
    assert exchange.audit.is_covered("APTUSDT")
    [listed] = client.fetch_open_orders(APT)
    assert (listed["info"]["stopOrderType"], listed["clientOrderId"]) == ("StopLoss", None)


@pytest.mark.parametrize("signal_price", ["3.23", "3.2333"], ids=["as planned", "filled elsewhere"])
def test_a_trader_sends_a_stop_along_and_puts_it_on_record(
    client: Any, exchange: SimulatedExchange, signal_price: str
) -> None:
    clock = exchange.clock
    assert isinstance(clock, Clock)
    with memory_ledger(clock) as ledger, closing(CcxtExchange(client)) as port:
        trader = Trader(ledger, port, rules=Rules(attaches_stops=True), clock=clock, sleep=lambda _: clock.tick())
        outcome = trader.enter(
            symbol=APT,
            side="short",
            quantity="61.8",
            stop_loss_percent="2",
            signal_price=signal_price,
            intent_id="1",
        )
        assert outcome.kind == "protected", [str(step) for step in outcome.story]
        assert outcome.position is not None and outcome.position.stop_price == Decimal("3.2946")
        (stop,) = exchange.audit.stops("APTUSDT")
        assert outcome.position.stop_order_id == stop.order_id
        assert exchange.audit.bare_seconds("APTUSDT") == [0.0]
        assert trader.exit(outcome.position.position_id, reason="signal").kind == "closed"
        assert exchange.audit.stops("APTUSDT") == []


def test_what_was_filled_in_part_and_cancelled_says_so(client: Any, exchange: SimulatedExchange) -> None:
    exchange.next_order(APT, OrderFault.REST_EXPIRES)
    entered(client)
    [order] = closed(client)
    assert order["info"]["orderStatus"] == "PartiallyFilledCanceled" and 0 < order["filled"] < 61.8


def test_the_account_is_read_as_that_of_the_real_exchange(client: Any, exchange: SimulatedExchange) -> None:
    entered(client)
    for number in range(60):
        client.create_order(APT, "limit", "sell", 10, 4, {"clientOrderId": f"l{number}"})
    at = exchange.clock()
    over_http = read_snapshot(snapshot_document(client, exchange="bybit", with_balances=False, taken_at=at))
    in_process = exchange.account()
    [held], [same] = over_http.positions or (), in_process.positions or ()
    assert (held.key, held.side, held.quantity, held.avg_px_open) == (
        same.key,
        same.side,
        same.quantity,
        same.avg_px_open,
    )
    assert over_http.orders is not None and in_process.orders is not None
    assert {order.order_id for order in over_http.orders} == {order.order_id for order in in_process.orders}
    assert len(over_http.orders) == 60 and (over_http.doubts, over_http.has_conditional) == ((), True)


@pytest.mark.parametrize("code", ["10001", "10006", "10016", "110001", "110007", "110017", "110072", "30208"])
def test_a_refusal_comes_in_its_code(client: Any, exchange: SimulatedExchange, code: str) -> None:
    exchange.next_code(code)
    with pytest.raises(ccxt.BaseError, match=rf'"retCode": {code}\b'):
        entered(client)
    assert exchange.audit.orders() == []


def test_an_id_is_taken_for_ever_and_what_is_gone_cannot_be_cancelled(client: Any) -> None:
    placed = entered(client)
    with pytest.raises(ccxt.BaseError, match="110072"):
        entered(client)
    with pytest.raises(ccxt.OrderNotFound, match="110001"):
        client.cancel_order(placed["id"], APT)
    assert closed(client, "never") == []


def test_a_lost_answer_is_found_by_its_client_id(client: Any, exchange: SimulatedExchange) -> None:
    client.load_markets()
    exchange.next_order(APT, OrderFault.ANSWER_LOST)
    with pytest.raises(ccxt.BaseError):
        entered(client)
    assert [order["filled"] for order in closed(client)] == [61.8]


def test_what_a_bot_sets_up(client: Any) -> None:
    assert client.fetch_balance()["USDT"]["total"] == 100000
    client.set_leverage(5, APT)
    with pytest.raises(ccxt.BaseError, match="110025"):
        client.set_position_mode(hedged=False, symbol=APT)
