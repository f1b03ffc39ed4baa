"""The bot of the simulation after a time-out: what is not known yet may still arrive."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from domain.values import Side
from position_ledger.testing import Clock, memory_ledger
from scripts.simulation.ledger_bot import LedgerBot
from scripts.simulation.simulated_exchange import (
    ARRIVES_WITHIN_SECONDS,
    Fault,
    PlayedExchange,
)
from scripts.simulation.trade_signal import Signal, Stopped

SIGNAL = Signal("5483266", "APTUSDT", "binance", Side.SHORT, Decimal("61.8"), Decimal("3.2333"))


@pytest.fixture
def exchange() -> PlayedExchange:
    exchange = PlayedExchange(clock=Clock())
    exchange.list_symbol("APTUSDT", SIGNAL.price)
    exchange.go_wrong("APTUSDT", Fault.NEVER_ARRIVED)
    return exchange


def test_an_order_that_arrives_late_is_the_bot_s(exchange: PlayedExchange) -> None:
    with memory_ledger() as ledger:

        def arrive() -> None:
            exchange.place_market(
                "APTUSDT", "sell", SIGNAL.quantity, client_order_id=ledger.position("APTUSDT.binance#1").client_order_id
            )

        late = threading.Timer(ARRIVES_WITHIN_SECONDS / 3, arrive)
        late.start()
        list(LedgerBot(ledger, exchange).enter(SIGNAL))
        late.join()
        assert ledger.position("APTUSDT.binance#1").status == "active"
        assert exchange.entries("APTUSDT") == 1


def test_an_order_that_never_arrives_expires_when_it_cannot_any_more(exchange: PlayedExchange) -> None:
    with memory_ledger() as ledger:
        with pytest.raises(Stopped, match="nor did it when one could still arrive"):
            list(LedgerBot(ledger, exchange).enter(SIGNAL))
        assert ledger.position("APTUSDT.binance#1").status == "failed"
        assert exchange.entries("APTUSDT") == 0
