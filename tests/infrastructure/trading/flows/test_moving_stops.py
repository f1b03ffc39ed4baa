"""A stop is moved without a moment without one: a bot that is killed at any step leaves one stop in the end."""

from __future__ import annotations

import asyncio
import inspect
from decimal import Decimal

import pytest

from domain.values import Status
from infrastructure.trading.async_trader import AsyncTrader
from infrastructure.trading.exchange_errors import Refused
from infrastructure.trading.flows.moving_stops import protect
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind
from infrastructure.trading.trader import Trader
from position_ledger import AsyncPositionLedger
from position_ledger.testing import SimulatedExchange
from tests.infrastructure.trading.kill_matrix import SYMBOL, BotWorld, Killed, bot_world
from tests.infrastructure.trading.scripted_exchange import Lost

POSITION = "APTUSDT.binance#1"
OF_THREADS = ("step", "stop")
"""What a task is cancelled for, and what tests do step by step."""
NEARER, PROFIT = Decimal("3.25"), Decimal("3.1")


def moving(world: BotWorld, price: Decimal = NEARER, *, steps: int | None = None) -> Outcome:
    world.stops_at_once = 3  # the old one, one that a killed process placed, and the new one
    return world.run(protect(world.context(), POSITION, price), steps=steps)


def prices(world: BotWorld) -> list[Decimal | None]:
    return [stop.ticket.trigger_price for stop in world.exchange.stops(SYMBOL)]


def test_a_stop_stands_at_another_price_and_alone() -> None:
    with bot_world() as world:
        world.enter()
        outcome = moving(world)
        assert outcome.kind is OutcomeKind.PROTECTED and outcome.reason is None
        assert prices(world) == [NEARER]
        row = world.ledger.position(POSITION)
        assert row.protected and row.stop_price == NEARER
        placed = len(world.exchange.placed)
        assert moving(world).kind is OutcomeKind.PROTECTED and len(world.exchange.placed) == placed


def test_a_stop_may_lock_in_what_was_earned() -> None:
    with bot_world() as world:
        world.enter()
        world.exchange.price = Decimal("2.9")
        assert moving(world, PROFIT).kind is OutcomeKind.PROTECTED
        assert prices(world) == [PROFIT] and world.ledger.position(POSITION).protected


def test_wherever_a_move_is_killed_it_is_covered_and_by_one_stop_in_the_end() -> None:
    for steps in range(100):
        with bot_world() as world:
            world.enter()
            try:
                moving(world, steps=steps)
                is_killed = False
            except Killed:
                is_killed = True
            assert prices(world)
            world.resume()
            assert moving(world, Decimal("3.24")).kind is OutcomeKind.PROTECTED
            assert prices(world) == [Decimal("3.24")]
            world.require_books_agree()
        if not is_killed:
            assert steps > 3
            return
    raise AssertionError("the move does not end")


def test_where_no_stop_can_be_had_the_one_that_there_is_stays() -> None:
    with bot_world() as world:
        world.enter()
        before = prices(world)
        world.exchange.weather["place"] += [Refused("-2021", "it would trigger at once")] * world.rules.stop_tries
        kept = moving(world)
        assert kept.kind is OutcomeKind.PROTECTED and kept.reason is not None and "-2021" in kept.reason
        assert prices(world) == before and world.ledger.position(POSITION).protected


@pytest.mark.parametrize("lost", Lost)
def test_a_move_of_which_nobody_heard_places_no_second_stop(lost: Lost) -> None:
    with bot_world() as world:
        world.enter()
        world.exchange.weather["place"].append(lost)
        assert moving(world).kind is OutcomeKind.PROTECTED
        assert prices(world) == [NEARER]


def test_a_position_that_is_not_active_says_so() -> None:
    with bot_world() as world:
        assert moving(world).kind is OutcomeKind.REFUSED
        with pytest.raises(Killed):
            world.enter(steps=3)
        early = moving(world)
        assert early.position is not None and early.position.status is not Status.ACTIVE
        assert early.reason is not None and "a stop is moved of an active position" in early.reason


def test_a_stop_is_moved_only_where_something_is_held_and_active() -> None:
    with bot_world() as world:
        row = world.enter().position
        assert row is not None
        placed = len(world.exchange.placed)
        world.ledger.reduce(position_id=POSITION, trade_id="by hand", last_qty=row.quantity, last_px="3.2")
        assert "a stop is moved of an active position" in str(moving(world).reason)
        assert len(world.exchange.placed) == placed
    with bot_world() as world:
        row = world.enter().position
        assert row is not None
        placed = len(world.exchange.placed)
        world.ledger.start_rollback(position_id=POSITION, reason="by hand")
        assert "is rolling_back, and a stop is moved of an active position" in str(moving(world).reason)
        assert len(world.exchange.placed) == placed


def test_on_asyncio_it_is_the_same() -> None:
    async def moved() -> Outcome:
        exchange = SimulatedExchange("binance")
        exchange.set_price("APT/USDT:USDT", "3.2")
        async with (
            await AsyncPositionLedger.connect("sqlite:///:memory:") as ledger,
            AsyncTrader(ledger, exchange, owner="bot-1") as trader,
        ):
            entry = await trader.enter(
                symbol="APTUSDT", side="long", quantity="10", stop_loss_percent="2", intent_id="1"
            )
            return await trader.protect(str(entry.position_id), stop_price="3.15")

    outcome = asyncio.run(moved())
    assert outcome.kind is OutcomeKind.PROTECTED and outcome.position is not None
    assert outcome.position.stop_price == Decimal("3.15")


@pytest.mark.parametrize("name", [name for name in vars(Trader) if name[0] != "_" and name not in OF_THREADS])
def test_what_a_trader_is_asked_its_twin_is_asked_in_the_same_words(name: str) -> None:
    asked, twin = (inspect.signature(getattr(kind, name)).parameters for kind in (Trader, AsyncTrader))
    assert [*asked.values()] == [*twin.values()]
