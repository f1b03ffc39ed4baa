"""Flows of two traders on one account, step by step in turn: no position is unprotected, and no flow waits for ever."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from domain.values import Status
from infrastructure.trading.effects import Call, Flow, RunningFlow, Tell, Wait
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.flows.entering import enter, increase
from infrastructure.trading.flows.exiting import exit_position
from infrastructure.trading.flows.moving_stops import protect
from infrastructure.trading.flows.resuming import resume
from infrastructure.trading.flows.synchronising import synchronise
from infrastructure.trading.flows.undoing import rolled_back
from infrastructure.trading.trade_outcome import OutcomeKind
from infrastructure.trading.trader import Trader
from infrastructure.trading.wanted_entry import WantedEntry
from position_ledger.testing import Clock, OrderFault, SimulatedExchange, memory_ledger
from position_ledger.trading import Rules
from projections.positions import PositionRow

SYMBOL: Final = "APT/USDT:USDT"
FIRST: Final = "APTUSDT.{}#1"
RULES: Final = Rules(adopted_stop_percent=Decimal(3))
TURNS: Final = 160
EFFECTS_MAX: Final = 20_000
"""How many steps a conversation takes at most: more is a flow that never ends."""


@dataclass
class Turn:
    """A flow under way, and when it goes on."""

    trader: Trader
    flow: RunningFlow[Any]
    wakes_at: datetime


@dataclass
class Account:
    """Two traders, one exchange, one ledger, one clock."""

    ledger: Any
    exchange: SimulatedExchange
    clock: Clock
    turns: list[Turn] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        self.traders = [
            Trader(
                self.ledger,
                self.exchange,
                rules=RULES,
                owner=f"bot-{number}",
                clock=self.clock,
                sleep=self.clock.tick,
            )
            for number in range(2)
        ]

    @property
    def first(self) -> str:
        return FIRST.format(self.exchange.name)

    @property
    def open_row(self) -> PositionRow | None:
        return next((row for row in self.ledger.positions(open=True) if row.status.is_open), None)

    def begin(self, number: int, flow: Callable[[FlowContext], Flow[Any]]) -> Turn:
        context = FlowContext(RULES, self.exchange.name, None, f"bot-{number}")
        self.turns.append(Turn(self.traders[number], RunningFlow(flow(context)), self.clock.time))
        return self.turns[-1]

    def step(self, turn: Turn) -> None:
        self.steps += 1
        assert self.steps < EFFECTS_MAX, f"it never ends: {turn.flow.effect}"
        effect = turn.flow.effect
        if isinstance(effect, Wait):
            turn.wakes_at = self.clock.time + timedelta(seconds=effect.seconds)
            turn.flow.answer(None)
        else:
            turn.trader.step(turn.flow)
        if turn.flow.is_over:
            self.turns.remove(turn)

    def until(self, turn: Turn, method: str) -> None:
        """Go on with one flow until it is about to do that at the exchange or the ledger."""
        while not _is_about_to(turn, method):
            self.step(turn)

    def finish(self, turn: Turn) -> Any:
        while turn in self.turns:
            if isinstance(turn.flow.effect, Wait):
                self.clock.tick(turn.flow.effect.seconds)
            self.step(turn)
        return turn.flow.ended

    def settle(self) -> None:
        """Let every trader look, as often as it takes."""
        for _ in range(5):
            self.clock.tick(70)
            for trader in self.traders:
                trader.resume()
                trader.synchronise()

    def require_sound(self) -> None:
        held = self.exchange.audit.held(SYMBOL)
        rows = self.ledger.positions()
        assert sum((row.quantity * row.side.sign for row in rows), Decimal(0)) == held
        assert not held or self.exchange.audit.is_covered(SYMBOL)
        assert held or not self.exchange.audit.stops(SYMBOL)
        assert {row.status for row in self.ledger.positions(open=True)} <= {Status.ACTIVE}


def _is_about_to(turn: Turn, method: str) -> bool:
    effect = turn.flow.effect
    return (isinstance(effect, Call) and effect.method == method) or (
        isinstance(effect, Tell) and effect.command.verb == method
    )


@contextmanager
def account(exchange: str = "binance", *, seed: int = 0) -> Iterator[Account]:
    clock = Clock()
    venue = SimulatedExchange(exchange, seed=seed, clock=clock, sleep=clock.tick)
    venue.set_price(SYMBOL, "100")
    with memory_ledger(clock) as ledger:
        yield Account(ledger, venue, clock)


def wanted(side: str, intent_id: str) -> WantedEntry:
    plan: dict[str, Any] = {"stop_loss_percent": "2", "stop_price": None, "signal_price": None}
    return WantedEntry.of(
        RULES, symbol=SYMBOL, side=side, intent_id=intent_id, quantity="1", cost=None, leg="BOTH", **plan
    )


def entered(world: Account, side: str = "long") -> None:
    world.finish(world.begin(0, lambda ctx: enter(ctx, wanted(side, "s0"))))


def adding(world: Account) -> Turn:
    return world.begin(1, lambda ctx: increase(ctx, world.first, intent_id="d1", quantity=Decimal("0.5")))


def leaving(world: Account) -> Turn:
    return world.begin(0, lambda ctx: exit_position(ctx, world.first, reason="signal"))


# -- one of each ------------------------------------------------------------------------------------------------


def test_a_rollback_that_an_increase_outgrew_closes_what_came_in() -> None:
    with account() as world:
        entered(world)
        undo = world.begin(0, lambda ctx: rolled_back(ctx, world.first, "asked"))
        world.until(undo, "start_rollback")  # it waits for what is promised before that
        more = adding(world)
        world.until(more, "place")
        world.until(undo, "place")
        world.until(more, "record_entry_fill")
        world.step(more)
        world.finish(undo)
        world.finish(more)
        row = world.ledger.position(world.first)
        assert row.status is Status.ROLLED_BACK and not row.quantity and row.realized_pnl == 0
        world.require_sound()


def test_a_rollback_that_another_one_overtook_was_not_refused() -> None:
    """It sent an order, and of what was refused nothing was sent."""
    with account() as world:
        entered(world)
        undo = world.begin(0, lambda ctx: rolled_back(ctx, world.first, "asked"))
        world.until(undo, "roll_back")
        assert world.finish(world.begin(1, lambda ctx: rolled_back(ctx, world.first, "asked"))).kind == "rolled_back"
        assert world.finish(undo).kind == "rolled_back"
        world.require_sound()


def test_an_order_is_not_sent_once_its_cycle_is_over() -> None:
    with account() as world:
        entered(world)
        more = adding(world)
        world.until(more, "request_increase")
        world.step(more)
        row = world.ledger.position(world.first)
        world.ledger.reduce(position_id=row.position_id, trade_id="x", last_qty="1", last_px="100")
        world.exchange.liquidate(SYMBOL)
        world.ledger.close(position_id=row.position_id, exit_reason="by hand")
        outcome = world.finish(more)
        assert outcome.kind is OutcomeKind.FAILED and "nothing was sent" in outcome.reason
        assert len(world.exchange.audit.entries(SYMBOL)) == 1


def test_an_order_that_came_after_the_end_of_its_cycle_is_covered() -> None:
    with account() as world:
        entered(world)
        more = adding(world)
        world.until(more, "place")
        world.finish(leaving(world))
        assert world.ledger.position(world.first).status is Status.CLOSED
        assert world.finish(more).kind is OutcomeKind.PROTECTED
        assert world.ledger.position(world.first).quantity == Decimal("0.5")
        world.require_sound()


def test_a_stray_of_our_own_is_closed() -> None:
    with account() as world:
        entered(world)
        more = adding(world)
        world.until(more, "place")
        world.finish(leaving(world))
        world.finish(world.begin(0, lambda ctx: enter(ctx, wanted("long", "s1"))))
        world.finish(more)
        assert world.ledger.position(world.first).stray
        world.settle()
        assert not world.ledger.position(world.first).stray
        world.require_sound()


def test_a_stray_of_which_something_is_left_is_not_called_closed() -> None:
    with account() as world:
        entered(world)
        more = adding(world)
        world.until(more, "place")
        world.finish(leaving(world))
        world.finish(world.begin(0, lambda ctx: enter(ctx, wanted("long", "s1"))))
        world.finish(more)
        world.exchange.next_code("-2022", "ReduceOnly Order is rejected.")
        assert world.finish(leaving(world)).kind is OutcomeKind.FAILED
        world.exchange.next_order(SYMBOL, OrderFault.REST_EXPIRES, at_once="0.2")
        assert world.finish(leaving(world)).kind is OutcomeKind.REDUCED
        assert world.ledger.position(world.first).stray
        assert world.finish(leaving(world)).kind is OutcomeKind.CLOSED
        world.require_sound()


def test_nothing_is_added_to_a_position_whose_stop_was_hit() -> None:
    with account() as world:
        entered(world)
        world.exchange.set_price(SYMBOL, "97")
        outcome = world.finish(adding(world))
        assert outcome.kind is OutcomeKind.REFUSED
        assert world.ledger.position(world.first).exit_reason == "stop_loss"
        world.require_sound()


def test_what_is_added_while_the_stop_is_hit_has_a_stop_of_its_own() -> None:
    with account() as world:
        entered(world)
        more = adding(world)
        world.until(more, "place")
        world.exchange.set_price(SYMBOL, "97")
        world.exchange.set_price(SYMBOL, "100")
        assert world.finish(more).kind is OutcomeKind.PROTECTED
        assert world.ledger.position(world.first).quantity == Decimal("0.5")
        world.require_sound()


def test_a_stop_that_is_hit_while_it_is_moved_has_closed_the_position() -> None:
    with account() as world:
        entered(world)
        move = world.begin(0, lambda ctx: protect(ctx, world.first, Decimal(99)))
        world.until(move, "set_stop_loss")
        world.exchange.set_price(SYMBOL, "97.5")
        outcome = world.finish(move)
        row = world.ledger.position(world.first)
        assert (outcome.kind, row.status, row.exit_reason) == (OutcomeKind.CLOSED, Status.CLOSED, "stop_loss")
        assert row.realized_pnl is not None
        world.settle()
        world.require_sound()


def test_a_stop_that_took_the_place_of_another_on_record_leaves_the_next_one_a_name() -> None:
    with account() as world:
        entered(world)
        stop = world.exchange.find(SYMBOL, exchange_order_id=world.ledger.position(world.first).stop_order_id)
        assert stop is not None
        world.exchange.cancel(SYMBOL, stop)
        world.ledger.adjust(position_id=world.first, avg_px_open="97", reason="the exchange says so")
        world.finish(world.begin(0, lambda ctx: enter(ctx, wanted("long", "s0"))))
        assert world.ledger.position(world.first).protected
        outcome = world.finish(world.begin(0, lambda ctx: protect(ctx, world.first, Decimal(95))))
        assert outcome.kind is OutcomeKind.PROTECTED
        assert [each.ticket.trigger_price for each in world.exchange.audit.stops(SYMBOL)] == [95]
        world.require_sound()
        world.finish(leaving(world))
        world.require_sound()


# -- whatever comes ---------------------------------------------------------------------------------------------


def _some_flow(world: Account, rnd: random.Random, name: str) -> Callable[[FlowContext], Flow[Any]]:
    row = world.open_row
    if row is None or rnd.random() < 0.1:
        return lambda ctx: enter(ctx, wanted(rnd.choice(["long", "short"]), name))
    position_id, away = row.position_id, Decimal("0.97") if row.side.sign > 0 else Decimal("1.03")
    flows: list[Callable[[FlowContext], Flow[Any]]] = [
        lambda ctx: increase(ctx, position_id, intent_id=name, quantity=Decimal("0.5")),
        lambda ctx: exit_position(ctx, position_id, reason="signal"),
        lambda ctx: exit_position(ctx, position_id, reason="part", quantity=Decimal("0.3")),
        lambda ctx: protect(ctx, position_id, away * 100),
        lambda ctx: rolled_back(ctx, position_id, "asked"),
        resume,
        synchronise,
    ]
    return rnd.choice(flows)


@pytest.mark.parametrize("exchange", ["binance", "bybit"])
def test_whatever_flows_meet_the_account_is_covered_and_told_in_the_end(exchange: str) -> None:
    for seed in range(25):
        rnd = random.Random(seed)
        with account(exchange, seed=seed) as world:
            price = Decimal(100)
            for turn in range(TURNS):
                world.clock.tick(rnd.choice([0, 0.05, 0.3]))
                if rnd.random() < 0.06 and len(world.turns) < 4:
                    world.begin(rnd.randrange(2), _some_flow(world, rnd, f"i{turn}"))
                elif rnd.random() < 0.02:
                    price = (price * Decimal(rnd.choice(["0.97", "0.99", "1.01", "1.03"]))).quantize(Decimal("0.01"))
                    world.exchange.set_price(SYMBOL, price)
                awake = [each for each in world.turns if each.wakes_at <= world.clock.time]
                if awake:
                    world.step(rnd.choice(awake))
            for left in [*world.turns]:
                world.finish(left)
            world.settle()
            world.require_sound()
