"""A machine's clock may be set, forward or back, at any step of a trade; the exchange has a clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.commands.base import Command
from infrastructure.event_store.sqlite.store import SQLiteStore
from infrastructure.ledger.receipt import Receipt
from infrastructure.settings import Settings
from position_ledger import PositionLedger
from position_ledger.testing import Clock, OrderFault, SimulatedExchange, memory_ledger
from position_ledger.trading import Trader

HOUR = 3600.0
SIGNAL: dict[str, Any] = {"symbol": "APT/USDT:USDT", "side": "short", "quantity": "61.8", "stop_loss_percent": "2"}


class Machine:
    """A bot's machine: its time is that of the exchange, and as much more as it was set forward."""

    def __init__(self) -> None:
        self.exchange_clock = Clock()
        self.set_by = timedelta()
        self.exchange = SimulatedExchange("binance", seed=3, clock=self.exchange_clock)
        self.exchange.list_market("APT/USDT:USDT", "3.2295", quantity_step="0.1")

    def now(self) -> datetime:
        return self.exchange_clock() + self.set_by

    def set_clock(self, seconds: float) -> None:
        self.set_by += timedelta(seconds=seconds)

    def before(self, method: str, happens: Callable[[], object]) -> None:
        """Let something happen just before the first call of a method of the exchange."""
        called, left = getattr(self.exchange, method), [happens]

        def first(*arguments: Any, **options: Any) -> Any:
            if left:
                left.pop()()
            return called(*arguments, **options)

        setattr(self.exchange, method, first)

    def trader(self, ledger: PositionLedger, owner: str = "bot-1") -> Trader:
        return Trader(
            ledger,
            self.exchange,
            owner=owner,
            clock=self.now,
            sleep=self.exchange_clock.tick,
            monotonic=lambda: self.exchange_clock().timestamp(),
        )

    def ledger(self) -> PositionLedger:
        return PositionLedger(SQLiteStore(Settings("sqlite", ":memory:")), clock=self.now)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, 86_400, -86_400])
@pytest.mark.parametrize("fault", OrderFault)
def test_a_clock_that_is_set_while_an_order_is_looked_for_opens_nothing_twice(
    fault: OrderFault, seconds: float
) -> None:
    """An order was given up, and its slot free, as soon as the clock was set forward: the next signal doubled it."""
    machine = Machine()
    machine.exchange.next_order("APTUSDT", fault)
    machine.before("find", lambda: machine.set_clock(seconds))
    with machine.ledger() as ledger:
        trader = machine.trader(ledger)
        began = machine.exchange_clock()
        first = trader.enter(**SIGNAL, intent_id="1")
        assert machine.exchange_clock() - began < timedelta(seconds=90)
        machine.exchange.calm()
        trader.enter(**SIGNAL, intent_id="2")
        assert len(machine.exchange.audit.entries()) == 1
        assert abs(machine.exchange.audit.held("APTUSDT")) <= Decimal("61.8")
        if machine.exchange.audit.held("APTUSDT"):
            assert ledger.positions(open=True)[0].protected
            assert machine.exchange.audit.is_covered("APTUSDT")
        assert first.kind in ("protected", "failed")


def test_a_fill_that_is_yet_to_come_by_a_clock_that_is_behind_is_protected_and_counts_once() -> None:
    machine = Machine()
    machine.before("place", lambda: machine.set_clock(-HOUR))
    with machine.ledger() as ledger:
        outcome = machine.trader(ledger).enter(**SIGNAL, intent_id="1")
        assert outcome.kind == "protected" and outcome.position is not None
        assert any("which is yet to come: look which clock is wrong" in step.words for step in outcome.story)
        machine.set_clock(HOUR)
        entry = outcome.position.orders["entry"]
        order = machine.exchange.find("APTUSDT", exchange_order_id=entry.exchange_order_id)
        assert order is not None
        (fill,) = machine.exchange.fills("APTUSDT", order)
        again = ledger.record_entry_fill(
            position_id=outcome.position.position_id,
            exchange_order_id=order.order_id,
            trade_id=fill.trade_id,
            last_qty=fill.quantity,
            last_px=fill.price,
            at=fill.at,
        )
        assert (again.outcome, again.quantity) == ("replayed", Decimal("61.8"))


def test_an_order_is_not_sent_by_a_process_that_slept_though_its_clock_was_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    with machine.ledger() as ledger:
        decided = ledger.handle

        def sleeps_after_a_claim(command: Command) -> Receipt:
            receipt = decided(command)
            if command.verb == "request_entry":
                machine.exchange_clock.tick(60)
                machine.set_clock(-60)
            return receipt

        monkeypatch.setattr(ledger, "handle", sleeps_after_a_claim)
        outcome = machine.trader(ledger).enter(**SIGNAL, intent_id="1")
        assert (
            outcome.kind == "failed" and outcome.reason is not None and "have passed since the ledger" in outcome.reason
        )
        assert not machine.exchange.audit.orders()


def test_what_another_process_left_with_a_clock_that_was_ahead_is_taken_up() -> None:
    """It was left alone until its time had come: for an hour without a stop."""
    machine = Machine()
    with machine.ledger() as ledger:
        machine.set_clock(HOUR)
        entry = ledger.request_entry(**SIGNAL, exchange="binance", intent_id="1")
        ledger.record_entry_placed(
            position_id=entry.position_id, exchange_order_id="53190368", filled_qty="61.8", avg_px="3.2295"
        )
        machine.set_clock(-HOUR)
        (outcome,) = machine.trader(ledger, "bot-2").resume()
        assert outcome.position is not None
        assert outcome.position.position_id == entry.position_id


def test_what_another_process_is_at_is_left_alone_though_its_clock_is_some_seconds_ahead() -> None:
    machine = Machine()
    with machine.ledger() as ledger:
        machine.set_clock(30)
        ledger.request_entry(**SIGNAL, exchange="binance", intent_id="1")
        machine.set_clock(-30)
        assert machine.trader(ledger, "bot-2").resume() == []


def test_a_clock_of_ones_own_measures_how_long_something_lasts() -> None:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        exchange = SimulatedExchange("binance", clock=clock)
        exchange.set_price("APT/USDT:USDT", "3.2295")
        exchange.next_order("APTUSDT", OrderFault.NEVER_ARRIVED)
        trader = Trader(ledger, exchange, clock=clock, sleep=clock.tick)
        began = clock()
        assert trader.enter(**SIGNAL, intent_id="1").kind == "failed"
        assert clock() - began >= timedelta(seconds=20)
