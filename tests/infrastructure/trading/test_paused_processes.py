"""A process that is paused between its last look and its order, while another one gives the order up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from domain.events import ExitRequested
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.trading.trader import Trader
from position_ledger.testing import Clock, OrderFault, SimulatedExchange, memory_ledger

PAUSE_SECONDS = 90
SIGNAL: dict[str, Any] = {"symbol": "APT/USDT:USDT", "side": "short", "quantity": "61.8", "stop_loss_percent": "2"}


@contextmanager
def two_traders() -> Iterator[tuple[Clock, SimulatedExchange, PositionLedger, Trader, Trader]]:
    """The one that will be paused, and another one, with their clock, exchange and ledger."""
    clock = Clock()
    exchange = SimulatedExchange("binance", seed=3, clock=clock)
    exchange.list_market("APT/USDT:USDT", "3.2295", quantity_step="0.1")
    with memory_ledger(clock) as ledger:
        paused, other = [
            Trader(ledger, exchange, owner=owner, clock=clock, sleep=clock.tick) for owner in ("bot-1", "bot-2")
        ]
        yield clock, exchange, ledger, paused, other


@pytest.mark.parametrize("fault", [None, *OrderFault])
def test_an_order_that_another_process_gave_up_is_found_and_covered_whatever_becomes_of_its_answer(
    fault: OrderFault | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the answer was lost as well, it was called failed, and what it filled stood without a stop."""
    with two_traders() as (clock, exchange, ledger, paused, other):
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


class _Ended(BaseException):
    """The process was killed."""


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_part_that_is_closed_twice_is_on_record_twice_or_found_by_the_next_synchronisation(
    monkeypatch: pytest.MonkeyPatch, *, is_killed: bool
) -> None:
    with two_traders() as (clock, exchange, ledger, paused, other):
        entered = paused.enter(**SIGNAL | {"quantity": "60"}, intent_id="1").position
        assert entered is not None
        position_id = entered.position_id
        place = exchange.place

        def pause(*words: Any, **names: Any) -> Any:
            monkeypatch.setattr(exchange, "place", place)
            clock.tick(PAUSE_SECONDS)
            other.resume()
            placed = place(*words, **names)
            if is_killed:
                raise _Ended
            return placed

        monkeypatch.setattr(exchange, "place", pause)
        with suppress(_Ended):
            paused.exit(position_id, reason="take", quantity="20", intent_id="p1")
        assert exchange.audit.held("APTUSDT") == -20
        events = [entry.event for entry in ledger.history(position_id)]
        assert [event.intent_id for event in events if isinstance(event, ExitRequested)] == ["p1", "p1"]
        assert ledger.position(position_id).quantity == (40 if is_killed else 20)
        clock.tick(PAUSE_SECONDS)
        other.synchronise()
        row = ledger.position(position_id)
        assert row.quantity == 20
        assert row.protected and row.status.is_open
