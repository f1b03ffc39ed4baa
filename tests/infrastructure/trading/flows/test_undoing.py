"""A rollback goes on from where it was, and knows what its closing order brought."""

from __future__ import annotations

from decimal import Decimal

from domain.values import Status
from infrastructure.trading.exchange_errors import Refused
from infrastructure.trading.flows.undoing import rolled_back
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind
from tests.infrastructure.trading.kill_matrix import BotWorld, bot_world

POSITION = "APTUSDT.binance#1"
CLOSED = Refused("-4140", "Invalid symbol status for opening position.")


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
