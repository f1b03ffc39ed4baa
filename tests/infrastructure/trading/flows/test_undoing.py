"""A rollback goes on from where it was, and knows what its closing order brought."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.values import Status
from infrastructure.trading.exchange_errors import NoAnswer, Refused
from infrastructure.trading.exchange_orders import OrderTicket, TicketKind
from infrastructure.trading.flows.undoing import rolled_back
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind
from infrastructure.trading.trader import Trader
from position_ledger.testing import Clock, OrderFault, SimulatedExchange, memory_ledger
from tests.infrastructure.trading.kill_matrix import BotWorld, bot_world

POSITION = "APTUSDT.binance#1"
CLOSED = Refused("-4140", "Invalid symbol status for opening position.")


def test_an_increase_that_may_still_arrive_is_waited_for_before_the_cycle_ends() -> None:
    """Its bot was killed when it had sent it. After the end nobody would look for it, and its fill would stand bare."""
    clock = Clock()
    exchange = SimulatedExchange("binance", clock=clock, sleep=clock.tick)
    exchange.set_price("APT/USDT:USDT", "3.2")
    with memory_ledger(clock) as ledger:
        trader = Trader(ledger, exchange, owner="bot-1", clock=clock, sleep=clock.tick)
        trader.enter(symbol="APT/USDT:USDT", side="long", quantity="10", stop_loss_percent="2", intent_id="1")
        promise = ledger.request_increase(position_id=POSITION, quantity="5", intent_id="more")
        assert promise.client_order_id is not None
        exchange.next_order("APT/USDT:USDT", OrderFault.DONE_LATER, OrderFault.HIDDEN)
        more = OrderTicket(
            symbol="APTUSDT",
            side="buy",
            kind=TicketKind.MARKET,
            client_order_id=promise.client_order_id,
            quantity=Decimal(5),
        )
        with pytest.raises(NoAnswer):
            exchange.place(more)
        assert trader.roll_back(POSITION, reason="operator").kind is OutcomeKind.ROLLED_BACK
        exchange.calm()
        row = ledger.position(POSITION)
        assert (row.filled_qty, row.quantity) == (Decimal(15), Decimal(0))
        assert not exchange.audit.held("APT/USDT:USDT")


def undoing(world: BotWorld) -> Outcome:
    return world.run(rolled_back(world.context(), POSITION, "operator"))


def test_a_refused_question_about_the_closing_order_is_not_its_refusal() -> None:
    """It had closed the position, and the proof of an empty account alone would not know at what price."""
    with bot_world() as world:
        world.enter()
        world.exchange.price = Decimal("3.2")
        world.exchange.weather["cancel"].append(CLOSED)
        assert undoing(world).kind is OutcomeKind.UNRESOLVED and not world.exchange.held["APTUSDT"]
        world.exchange.weather["find"].append(CLOSED)
        assert undoing(world).kind is OutcomeKind.UNRESOLVED
        assert undoing(world).kind is OutcomeKind.ROLLED_BACK
        row = world.ledger.position(POSITION)
        assert (row.status, row.avg_px_close) == (Status.ROLLED_BACK, Decimal("3.2"))
        assert row.realized_pnl == Decimal("61.8") * (Decimal("3.2333") - Decimal("3.2"))
