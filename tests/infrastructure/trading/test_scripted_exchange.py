"""The scripted exchange of the flow tests does what is scripted, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from infrastructure.trading.exchange_errors import NoAnswer, RateLimited, Refused
from infrastructure.trading.exchange_orders import OrderState, OrderTicket, TicketKind
from infrastructure.trading.exchange_port import Exchange
from position_ledger.testing import Clock
from tests.infrastructure.trading.scripted_exchange import Lost, ScriptedExchange, too_busy

SHORT = OrderTicket(
    symbol="APTUSDT", side="sell", kind=TicketKind.MARKET, client_order_id="e-1", quantity=Decimal("61.8")
)
STOP = OrderTicket(
    symbol="APTUSDT",
    side="buy",
    kind=TicketKind.STOP,
    client_order_id="s-1",
    quantity=Decimal("61.8"),
    trigger_price=Decimal("3.3"),
    reduce_only=True,
)


def scripted() -> ScriptedExchange:
    return ScriptedExchange(Clock())


def test_it_is_an_exchange() -> None:
    exchange: Exchange = scripted()
    assert exchange.market("APTUSDT").symbol == "APTUSDT"


def test_a_lost_call_was_done_or_not_as_it_was_told() -> None:
    exchange = scripted()
    exchange.weather["place"].extend([Lost.BEFORE, Lost.AFTER])
    for held in ("0", "-61.8"):
        with pytest.raises(NoAnswer):
            exchange.place(SHORT)
        assert exchange.held["APTUSDT"] == Decimal(held)
    found = exchange.find("APTUSDT", client_order_id="e-1")
    assert found is not None
    assert (found.state, found.avg_px) == (OrderState.FILLED, Decimal("3.2333"))


def test_a_refused_call_was_not_done() -> None:
    exchange = scripted()
    exchange.weather["place"].extend([Refused("-2019", "Margin is insufficient."), too_busy()])
    with pytest.raises(Refused):
        exchange.place(SHORT)
    with pytest.raises(RateLimited):
        exchange.place(SHORT)
    assert not exchange.placed


def test_a_filled_order_does_not_keep_its_client_id_from_being_used_again() -> None:
    exchange = scripted()
    exchange.place(SHORT)
    exchange.place(SHORT)
    assert exchange.held["APTUSDT"] == Decimal("-123.6")


def test_reduce_only_closes_no_more_than_there_is_and_opens_nothing() -> None:
    exchange = scripted()
    with pytest.raises(Refused, match="-2022"):
        exchange.place(STOP)
    exchange.place(SHORT)
    exchange.place(STOP)
    with pytest.raises(Refused, match="-4116"):
        exchange.place(STOP)
    exchange.trigger(exchange.stops("APTUSDT")[0])
    assert exchange.held["APTUSDT"] == 0
    assert not exchange.open_orders("APTUSDT")


def test_parts_are_filled_look_by_look() -> None:
    exchange = scripted()
    exchange.parts = ("20", "30", "0")
    placed = exchange.place(SHORT)
    assert placed.filled_qty == 0
    seen = [exchange.find("APTUSDT", exchange_order_id=placed.order_id) for _ in range(3)]
    assert [order and order.filled_qty for order in seen] == [Decimal(20), Decimal(50), Decimal("61.8")]
    assert len(exchange.fills("APTUSDT", placed)) == 3
