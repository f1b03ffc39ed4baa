"""A part is closed once for an intent, as much of it as can be ordered; what came to nothing says why."""

from __future__ import annotations

from decimal import Decimal

from domain.errors import UnknownPosition
from infrastructure.trading.exchange_errors import Refused
from infrastructure.trading.flows.entering import increase
from infrastructure.trading.flows.exiting import exit_position
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind
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
