"""The simulated exchange: it fills, nets, counts, and goes wrong when it is told to."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial

import pytest

from domain.values import Side
from infrastructure.exchanges.document import Given, read_snapshot
from infrastructure.timezones import zone_of
from position_ledger.testing import Clock
from projections.account_snapshot import OrderKind
from scripts.simulation.process_crew import together
from scripts.simulation.simulated_exchange import ExchangeRefused, ExchangeSilent, Fault, PlayedExchange

D = Decimal


@pytest.fixture
def exchange() -> PlayedExchange:
    exchange = PlayedExchange(clock=Clock())
    exchange.list_symbol("APTUSDT", D("3.2295"))
    return exchange


def exposure(exchange: PlayedExchange, symbol: str = "APTUSDT") -> Decimal:
    held = exchange.position(symbol)
    return D(0) if held is None else held.exposure


def test_an_order_is_filled_at_the_price_and_says_so_when_it_is_asked(exchange: PlayedExchange) -> None:
    order_id = exchange.place_market("APT/USDT:USDT", "sell", D("61.8"))
    order = exchange.order(order_id=order_id)
    assert order is not None
    assert (order.order_id, order.filled, order.avg_px, order.is_stop) == ("53190368", D("61.8"), D("3.2295"), False)
    held = exchange.position("APTUSDT")
    assert held is not None
    assert (held.side, held.quantity, held.avg_px_open, held.entries) == (
        Side.SHORT,
        D("61.8"),
        D("3.2295"),
        ("53190368",),
    )
    assert exchange.positions() == [held]
    assert (exchange.entries(), exchange.doubled.total()) == (1, 0)
    assert exchange.order(order_id="1") is None


def test_an_order_that_adds_to_a_position_is_counted_as_doubled(exchange: PlayedExchange) -> None:
    for _ in range(2):
        exchange.place_market("APTUSDT", "sell", D("61.8"))
    assert exposure(exchange) == D("-123.6")
    assert (exchange.entries("APTUSDT"), exchange.doubled["APTUSDT"]) == (2, 1)


def test_an_order_against_a_position_reduces_it_and_a_larger_one_turns_it_round(exchange: PlayedExchange) -> None:
    exchange.place_market("APTUSDT", "sell", D("61.8"))
    exchange.place_market("APTUSDT", "buy", D("1.8"))
    assert exposure(exchange) == D("-60")
    assert exchange.entries() == 1
    turning = exchange.place_market("APTUSDT", "buy", D("70"))
    held = exchange.position("APTUSDT")
    assert held is not None
    assert (held.exposure, held.entries) == (D("10"), (turning,))
    assert (exchange.entries(), exchange.doubled.total()) == (2, 0)


def test_reduce_only_never_opens_and_never_turns_round(exchange: PlayedExchange) -> None:
    with pytest.raises(ExchangeRefused, match="-2022"):
        exchange.place_market("APTUSDT", "buy", D("1"), reduce_only=True)
    exchange.place_market("APTUSDT", "sell", D("61.8"))
    with pytest.raises(ExchangeRefused, match="-2022"):
        exchange.place_market("APTUSDT", "sell", D("1"), reduce_only=True)
    exchange.place_market("APTUSDT", "buy", D("100"), reduce_only=True)
    assert exposure(exchange) == 0
    assert exchange.entries() == 1


def test_a_client_order_id_is_taken_once(exchange: PlayedExchange) -> None:
    first = exchange.place_market("APTUSDT", "sell", D("61.8"), client_order_id="p1")
    assert exchange.place_market("APTUSDT", "sell", D("61.8"), client_order_id="p1") == first
    assert exposure(exchange) == D("-61.8")
    found = exchange.order(client_order_id="p1")
    assert found is not None and found.order_id == first
    assert exchange.order(client_order_id="p2") is None


@pytest.mark.parametrize(("fault", "held"), [(Fault.ANSWER_LOST, D("-61.8")), (Fault.NEVER_ARRIVED, D(0))])
def test_without_an_answer_only_the_exchange_knows(exchange: PlayedExchange, fault: Fault, held: Decimal) -> None:
    exchange.go_wrong("APTUSDT", fault)
    with pytest.raises(ExchangeSilent):
        exchange.place_market("APTUSDT", "sell", D("61.8"), client_order_id="p1")
    assert exposure(exchange) == held
    assert (exchange.order(client_order_id="p1") is not None) == bool(held)
    exchange.place_market("APTUSDT", "sell", D("61.8"), client_order_id="p1")
    assert exposure(exchange) == D("-61.8")


def test_what_was_to_go_wrong_goes_well_once_it_has_calmed_down(exchange: PlayedExchange) -> None:
    exchange.go_wrong("APTUSDT", Fault.ANSWER_LOST)
    exchange.limit_next_fill("APTUSDT", D("1"))
    exchange.refuse_stops("APTUSDT")
    exchange.calm_down()
    exchange.place_market("APTUSDT", "sell", D("61.8"))
    exchange.place_stop("APTUSDT", "buy", D("61.8"), D("3.3"))
    assert exposure(exchange) == D("-61.8")


def test_a_fill_may_be_less_than_was_ordered(exchange: PlayedExchange) -> None:
    exchange.limit_next_fill("APTUSDT", D("61.0"))
    order = exchange.order(order_id=exchange.place_market("APTUSDT", "sell", D("61.8")))
    assert order is not None and (order.quantity, order.filled) == (D("61.8"), D("61.0"))
    exchange.place_market("APTUSDT", "sell", D("61.8"))
    assert exposure(exchange) == D("-122.8")


@pytest.mark.parametrize("quantity", [D("0"), D("-1")])
def test_nothing_is_no_order(exchange: PlayedExchange, quantity: Decimal) -> None:
    with pytest.raises(ExchangeRefused, match="is no order"):
        exchange.place_market("APTUSDT", "sell", quantity)


def test_a_symbol_without_a_price_is_not_listed(exchange: PlayedExchange) -> None:
    with pytest.raises(ExchangeRefused, match="does not list BTCUSDT"):
        exchange.place_market("BTCUSDT", "sell", D("1"))
    assert exchange.position("BTCUSDT") is None


def test_a_stop_needs_a_position_and_goes_with_it(exchange: PlayedExchange) -> None:
    with pytest.raises(ExchangeRefused, match="no position"):
        exchange.place_stop("APTUSDT", "buy", D("61.8"), D("3.3"))
    exchange.place_market("APTUSDT", "sell", D("61.8"))
    with pytest.raises(ExchangeRefused, match="no position"):
        exchange.place_stop("APTUSDT", "sell", D("61.8"), D("3.1"))
    exchange.refuse_stops("APTUSDT")
    with pytest.raises(ExchangeRefused, match="-2021"):
        exchange.place_stop("APTUSDT", "buy", D("61.8"), D("3.3"))
    stop = exchange.place_stop("APTUSDT", "buy", D("61.8"), D("3.3"), client_order_id="s")
    assert exchange.place_stop("APTUSDT", "buy", D("61.8"), D("3.3"), client_order_id="s") == stop
    assert exchange.snapshot()["orders_count"] == 1
    exchange.place_market("APTUSDT", "buy", D("61.8"))
    assert exchange.snapshot()["orders"] == []


def test_its_snapshot_is_read_as_what_it_holds(exchange: PlayedExchange) -> None:
    exchange.place_market("APTUSDT", "sell", D("61.8"))
    exchange.place_stop("APTUSDT", "buy", D("61.8"), D("3.3"))
    saved = json.dumps(exchange.snapshot()).encode()
    read = read_snapshot(saved, Given(zone=zone_of("UTC")))
    assert (read.exchange, read.taken_at, read.doubts, read.order_doubts) == ("binance", Clock()(), (), ())
    (held,) = read.positions or ()
    assert (held.key.stream, held.side, held.quantity, held.avg_px_open) == (
        "APTUSDT.binance",
        Side.SHORT,
        D("61.8"),
        D("3.2295"),
    )
    (stop,) = read.orders or ()
    assert (stop.kind, stop.side, stop.trigger_price, stop.reduce_only) == (OrderKind.STOP, "buy", D("3.3"), True)


def test_no_order_is_lost_among_threads(exchange: PlayedExchange) -> None:
    def order() -> None:
        for _ in range(50):
            exchange.place_market("APTUSDT", "sell", D("1"))

    together([partial(order) for _ in range(8)])
    assert exposure(exchange) == D("-400")
    assert (len(exchange.orders), exchange.entries(), exchange.doubled.total()) == (400, 400, 399)
