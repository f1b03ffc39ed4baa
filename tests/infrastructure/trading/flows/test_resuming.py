"""Orders that were requested before a crash are finished after the restart, with their side, quantity and reason."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from domain.values import Status
from infrastructure.trading.exchange_errors import Refused
from infrastructure.trading.flows.exiting import exit_position
from infrastructure.trading.flows.undoing import rolled_back
from infrastructure.trading.trade_outcome import OutcomeKind
from tests.infrastructure.trading.kill_matrix import BotWorld, Killed, bot_world
from tests.infrastructure.trading.scripted_exchange import Lost

POSITION = "APTUSDT.binance#1"
AFTER_THE_CLAIM, AFTER_THE_CLAIM_OF_A_PART, STEPS_MAX = 1, 2, 60


def killed_in_exit(world: BotWorld, steps: int, **said: Any) -> None:
    with pytest.raises(Killed):
        world.run(exit_position(world.context(), POSITION, **{"reason": "target", **said}), steps=steps)


def exits(world: BotWorld) -> list[Decimal | None]:
    """The quantities of the closing orders that reached the exchange."""
    tickets = [order.ticket for order in world.exchange.placed]
    return [ticket.quantity for ticket in tickets if ticket.reduce_only and ticket.trigger_price is None]


def test_an_exit_that_was_never_sent_is_sent_for_its_reason() -> None:
    with bot_world() as world:
        world.enter()
        killed_in_exit(world, AFTER_THE_CLAIM)
        assert exits(world) == []
        (taken_up,) = world.resume()
        assert taken_up.kind is OutcomeKind.CLOSED
        assert taken_up.position is not None and taken_up.position.exit_reason == "target"
        assert exits(world) == [Decimal("61.8")]
        world.require_books_agree()


def test_a_part_that_was_to_be_closed_is_that_part() -> None:
    with bot_world() as world:
        world.enter()
        killed_in_exit(world, AFTER_THE_CLAIM_OF_A_PART, quantity=Decimal("20.5"), intent_id="half")
        (taken_up,) = world.resume()
        assert taken_up.kind is OutcomeKind.PROTECTED
        assert world.ledger.position(POSITION).quantity == Decimal("41.3")
        assert exits(world) == [Decimal("20.5")]
        world.require_books_agree()


def nothing_more(_: BotWorld) -> None:
    """Nothing goes wrong but the kill."""


def never_arrived(world: BotWorld) -> None:
    """The order never arrives, and nobody says so."""
    world.exchange.weather["place"].append(Lost.BEFORE)


def not_answered(world: BotWorld) -> None:
    """The order is filled, and nobody says so."""
    world.exchange.weather["place"].append(Lost.AFTER)


@pytest.mark.parametrize("weather", [nothing_more, never_arrived, not_answered], ids=lambda weather: weather.__name__)
def test_wherever_an_exit_is_killed_it_is_over_after_the_next_start(weather: Callable[[BotWorld], None]) -> None:
    for steps in range(AFTER_THE_CLAIM, STEPS_MAX):
        with bot_world() as world:
            world.enter()
            weather(world)
            try:
                world.run(exit_position(world.context(), POSITION, reason="target"), steps=steps)
            except Killed:
                is_killed = True
            else:
                is_killed = False
            world.exchange.weather.clear()
            world.resume()
            row = world.ledger.position(POSITION)
            if is_killed:
                assert (row.status, row.exit_reason) == (Status.CLOSED, "target"), f"killed after {steps} steps"
                assert exits(world) == [Decimal("61.8")]
        if not is_killed:
            return
    raise AssertionError("the exit does not end")


def test_an_exit_that_the_exchange_refused_is_not_sent_again() -> None:
    with bot_world() as world:
        world.enter()
        world.exchange.weather["place"].append(Refused("-4140", "Invalid symbol status."))
        world.run(exit_position(world.context(), POSITION, reason="target"))
        assert [each.kind for each in world.resume()] == [OutcomeKind.PROTECTED]
        assert exits(world) == []


def test_a_rollback_is_taken_up_with_the_side_and_quantity_that_were_promised() -> None:
    with bot_world() as world:
        world.enter()
        with pytest.raises(Killed):
            world.run(rolled_back(world.context(), POSITION, "operator"), steps=4)
        (promised,) = [each for each in world.ledger.pending_orders() if each.role == "rollback"]
        (taken_up,) = world.resume()
        assert taken_up.kind is OutcomeKind.ROLLED_BACK
        (close,) = [order.ticket for order in world.exchange.placed if order.ticket.side == "buy"][-1:]
        assert (close.side, close.quantity, close.client_order_id) == (
            promised.side,
            promised.quantity,
            promised.client_order_id,
        )


def test_a_fill_is_in_the_story_of_whoever_told_it() -> None:
    with bot_world() as world:
        with pytest.raises(Killed):
            world.enter(steps=4)
        (taken_up,) = world.resume()
        assert [step.words for step in taken_up.story if "filled" in step.words] == [
            "entry filled 61.8 at 3.2333 (trade 53190368-1)"
        ]
