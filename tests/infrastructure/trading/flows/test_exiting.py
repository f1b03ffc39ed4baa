"""A part is closed once for each intent, as far as an order can close it; an exit that failed gives the reason."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import UnknownPosition
from domain.values import Leg
from infrastructure.trading.exchange_errors import Refused
from infrastructure.trading.flows.entering import increase
from infrastructure.trading.flows.exiting import exit_position
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind
from infrastructure.trading.trader import Trader
from position_ledger import PositionLedger
from position_ledger.testing import Clock, SimulatedExchange, memory_ledger
from tests.infrastructure.trading.kill_matrix import BotWorld, Killed, bot_world

POSITION, NOWHERE = "APTUSDT.binance#1", "APTUSDT.binance#9"


def exiting(world: BotWorld, quantity: str, *, steps: int | None = None, intent_id: str | None = None) -> Outcome:
    asked = exit_position(world.context(), POSITION, reason="target", quantity=Decimal(quantity), intent_id=intent_id)
    return world.run(asked, steps=steps)


def test_a_part_that_is_asked_for_again_after_a_kill_at_any_step_is_closed_once() -> None:
    for steps in range(200):
        with bot_world() as world:
            world.enter()
            try:
                exiting(world, "20.5", intent_id="half", steps=steps)
            except Killed:
                is_killed = True
            else:
                is_killed = False
            world.resume_until_over()
            assert exiting(world, "20.5", intent_id="half").kind is OutcomeKind.REDUCED
            assert world.ledger.position(POSITION).quantity == Decimal("41.3"), f"killed after {steps} steps"
            world.require_books_agree()
        if not is_killed:
            assert steps > 3
            return
    raise AssertionError("the exit does not end")


def test_a_part_is_rounded_down_to_the_step_as_an_entry_is() -> None:
    with bot_world() as world:
        world.enter()
        assert exiting(world, "20.55").kind is OutcomeKind.REDUCED
        assert world.ledger.position(POSITION).quantity == Decimal("41.3")
        more = increase(world.context(), POSITION, intent_id="more", quantity=Decimal("10.05"))
        assert world.run(more).kind is OutcomeKind.PROTECTED
        assert world.ledger.position(POSITION).quantity == Decimal("51.3")
        world.require_books_agree()


def test_less_than_can_be_ordered_is_not_claimed() -> None:
    with bot_world() as world:
        world.enter()
        sent = len(world.exchange.placed)
        too_little = exiting(world, "0.05")
        assert too_little.kind is OutcomeKind.FAILED
        assert too_little.reason == "0.05 is less than the 0.1 that binance lets anybody order of APTUSDT"
        more = world.run(increase(world.context(), POSITION, intent_id="more", quantity=Decimal("0.05")))
        assert (more.kind, more.reason) == (OutcomeKind.FAILED, too_little.reason)
        assert len(world.exchange.placed) == sent
        assert [*world.ledger.position(POSITION).orders] == ["entry", "stop.1"]


def test_an_exit_that_the_exchange_refuses_says_what_it_said() -> None:
    with bot_world() as world:
        world.enter()
        world.exchange.weather["place"].append(Refused("-2019", "Margin is insufficient."))
        outcome = exiting(world, "20.5")
        assert outcome.kind is OutcomeKind.FAILED
        assert outcome.reason == "-2019: Margin is insufficient."
        assert world.ledger.position(POSITION).protected


def test_an_exit_of_which_nothing_was_filled_failed() -> None:
    """The exchange took the order, and rejected it a moment later, as it may with any market order."""
    with bot_world(fill_seconds=0) as world:
        world.enter()
        world.exchange.parts = ("0",)
        outcome = exiting(world, "20.5")
        assert (outcome.kind, outcome.reason) == (OutcomeKind.FAILED, "nothing of it was filled: it is canceled")
        assert world.ledger.position(POSITION).protected


def test_a_position_that_nobody_knows_is_refused_and_not_raised() -> None:
    with bot_world() as world:
        for asked in (
            exit_position(world.context(), NOWHERE, reason="target"),
            exit_position(world.context(), NOWHERE, reason="target", quantity=Decimal(1)),
            increase(world.context(), NOWHERE, intent_id="more", quantity=Decimal(1)),
        ):
            outcome = world.run(asked)
            assert (outcome.kind, outcome.position) == (OutcomeKind.REFUSED, None)
            assert isinstance(outcome.refusal, UnknownPosition)


class Account:
    """A bot in a market of its own: an entry of 10 that somebody else may close."""

    def __init__(self, ledger: PositionLedger, clock: Clock, **options: Any) -> None:
        self.exchange = SimulatedExchange("binance", clock=clock, sleep=clock.tick, **options)
        self.exchange.set_price("APT/USDT:USDT", "3.2")
        self.trader = Trader(ledger, self.exchange, owner="bot-1", clock=clock, sleep=clock.tick)

    def entered(self, side: str = "long", leg: str = "BOTH") -> str:
        entry = self.trader.enter(
            symbol="APTUSDT", side=side, leg=leg, quantity="10", stop_loss_percent="2", intent_id=f"entry {side}"
        )
        assert entry.position_id is not None and entry.kind is OutcomeKind.PROTECTED
        return entry.position_id


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Iterator[PositionLedger]:
    with memory_ledger(clock) as ledger:
        yield ledger


def test_what_somebody_else_closed_is_over_once_the_exchange_has_nothing_to_reduce(
    ledger: PositionLedger, clock: Clock
) -> None:
    account = Account(ledger, clock)
    position_id = account.entered()
    account.exchange.liquidate("APTUSDT")
    over = account.trader.exit(position_id, reason="signal")
    assert over.kind is OutcomeKind.CLOSED and over.position is not None
    assert over.position.realized_pnl is None  # at what price, nobody said
    assert over.position.exit_reason is not None and over.position.exit_reason.startswith("gone from binance: -2022")
    assert not any(order.is_open for order in account.exchange.audit.orders())
    assert account.trader.synchronise().ok


def test_what_its_stop_closed_a_moment_ago_is_closed_by_it(ledger: PositionLedger, clock: Clock) -> None:
    account = Account(ledger, clock)
    position_id = account.entered()
    account.exchange.set_price("APTUSDT", "3.1")
    over = account.trader.exit(position_id, reason="signal")
    assert over.kind is OutcomeKind.CLOSED and over.position is not None
    assert (over.position.exit_reason, over.position.realized_pnl) == ("stop_loss", Decimal("-1.0"))


def test_what_the_account_still_shows_is_not_let_go(ledger: PositionLedger, clock: Clock) -> None:
    account = Account(ledger, clock)
    position_id = account.entered()
    account.exchange.next_code("-2022", "ReduceOnly Order is rejected.")
    kept = account.trader.exit(position_id, reason="signal")
    assert (kept.kind, kept.reason) == (OutcomeKind.FAILED, "-2022: ReduceOnly Order is rejected.")
    assert ledger.position(position_id).protected and account.exchange.audit.is_covered("APTUSDT")


def test_the_other_leg_is_no_reason_to_keep_what_is_gone(ledger: PositionLedger, clock: Clock) -> None:
    account = Account(ledger, clock, hedge=True)
    long, short = account.entered("long", "LONG"), account.entered("short", "SHORT")
    account.exchange.liquidate("APTUSDT", Leg.LONG)
    assert account.trader.exit(long, reason="signal").kind is OutcomeKind.CLOSED
    assert ledger.position(short).protected and account.exchange.audit.is_covered("APTUSDT", Leg.SHORT)
