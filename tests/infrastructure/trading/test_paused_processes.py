"""A process that is paused between its last look and its order, while another one gives the order up."""

from __future__ import annotations

from typing import Any

import pytest

from infrastructure.trading.trader import Trader
from position_ledger.testing import Clock, OrderFault, SimulatedExchange, memory_ledger

PAUSE_SECONDS = 90
SIGNAL: dict[str, Any] = {"symbol": "APT/USDT:USDT", "side": "short", "quantity": "61.8", "stop_loss_percent": "2"}


@pytest.mark.parametrize("fault", [None, *OrderFault])
def test_an_order_that_another_process_gave_up_is_found_and_covered_whatever_becomes_of_its_answer(
    fault: OrderFault | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the answer was lost as well, it was called failed, and what it filled stood without a stop."""
    clock = Clock()
    exchange = SimulatedExchange("binance", seed=3, clock=clock)
    exchange.list_market("APT/USDT:USDT", "3.2295", quantity_step="0.1")
    with memory_ledger(clock) as ledger:
        paused, other = [
            Trader(ledger, exchange, owner=owner, clock=clock, sleep=clock.tick) for owner in ("bot-1", "bot-2")
        ]
        if fault is not None:
            exchange.next_order("APTUSDT", fault)
        place = exchange.place
        given_up: list[str] = []

        def pause(*words: Any, **names: Any) -> Any:
            if not given_up:
                clock.tick(PAUSE_SECONDS)
                given_up.extend(outcome.kind for outcome in other.resume())
            return place(*words, **names)

        monkeypatch.setattr(exchange, "place", pause)
        outcome = paused.enter(**SIGNAL, intent_id="1")
        assert given_up == ["failed"]
        exchange.calm()
        for trader in (paused, other):
            trader.resume()
            clock.tick(PAUSE_SECONDS)
        held = abs(exchange.audit.held("APTUSDT"))
        assert sum(row.quantity for row in ledger.positions()) == held
        assert exchange.audit.is_covered("APTUSDT") and len(exchange.audit.entries()) <= 1
        assert sum(order.is_open for order in exchange.audit.orders()) == bool(held)
        assert outcome.kind != "failed" or not held
