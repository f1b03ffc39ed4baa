"""A synchroniser that is killed between any two steps and restarted corrects each finding once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_orders import OrderState, OrderTicket, TicketKind
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.flows.resuming import resume
from infrastructure.trading.flows.synchronising import Synchronised, synchronise
from tests.infrastructure.trading.kill_matrix import BotWorld, killed_everywhere

SYMBOL = "APTUSDT"


def by_hand(world: BotWorld, side: str, quantity: str, *, reduce_only: bool = False) -> None:
    """A person trades beside the bot."""
    world.exchange.place(
        OrderTicket(
            symbol=SYMBOL,
            side="buy" if side == "buy" else "sell",
            kind=TicketKind.MARKET,
            client_order_id=f"by hand {quantity}",
            quantity=Decimal(quantity),
            reduce_only=reduce_only,
        )
    )


def nobodys(world: BotWorld) -> None:
    """A position that the ledger does not know of."""
    world.rules = replace(world.rules, adopted_stop_percent=Decimal(3))
    by_hand(world, "sell", "20")


def reduced_by_hand(world: BotWorld) -> None:
    world.enter()
    by_hand(world, "buy", "20.5", reduce_only=True)


def stop_taken_away(world: BotWorld) -> None:
    world.enter()
    (stop,) = world.exchange.stops(SYMBOL)
    stop.state = OrderState.CANCELED


def nothing_wrong(world: BotWorld) -> None:
    world.enter()


def one_round(ctx: FlowContext) -> Flow[Synchronised]:
    """What `run` does again and again."""
    yield from resume(ctx)
    return (yield from synchronise(ctx))


def as_it_runs(world: BotWorld, steps: int) -> None:
    """The bot comes to its next round after some minutes, and is killed in the middle of it."""
    world.clock.tick(300)
    world.run(one_round(world.context()), steps=steps)


def put_right(world: BotWorld) -> None:
    """After one more run, ledger and account agree, and all is covered by one stop."""
    world.clock.tick(120)
    world.run(one_round(world.context()))
    world.resume_until_over()
    world.require_books_agree()
    assert world.run(synchronise(world.context())).ok
    assert len(world.exchange.stops(SYMBOL)) == 1


@pytest.mark.parametrize(
    "wrong", [nobodys, reduced_by_hand, stop_taken_away, nothing_wrong], ids=lambda wrong: wrong.__name__
)
def test_a_synchroniser_killed_anywhere_puts_it_right_once(wrong: Callable[[BotWorld], None]) -> None:
    assert killed_everywhere(wrong, as_it_runs, look=put_right) > 1
