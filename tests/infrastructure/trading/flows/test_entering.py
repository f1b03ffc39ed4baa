"""Adding that came to nothing is no success, and a call that is wrong is an error."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import InvalidCommand
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import Refused
from infrastructure.trading.exchange_orders import TradedMarket
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.flows.entering import increase
from infrastructure.trading.flows.exiting import exit_position
from infrastructure.trading.flows.moving_stops import protect
from infrastructure.trading.flows.undoing import rolled_back
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind
from tests.infrastructure.trading.kill_matrix import BotWorld, bot_world

POSITION = "APTUSDT.binance#1"


def adding(world: BotWorld) -> Outcome:
    return world.run(increase(world.context(), POSITION, intent_id="more", quantity=Decimal(10)))


def test_an_increase_of_which_nothing_was_filled_failed_however_often_it_is_asked_for() -> None:
    with bot_world() as world:
        world.enter()
        world.exchange.weather["place"].append(Refused("-2019", "Margin is insufficient."))
        first, again = adding(world), adding(world)
        assert (first.kind, first.reason) == (OutcomeKind.FAILED, "-2019: Margin is insufficient.")
        assert (again.kind, again.reason) == (OutcomeKind.FAILED, "entry.2 came to nothing before")
        for outcome in (first, again):
            assert outcome.position is not None and outcome.position.protected
            assert outcome.position.quantity == Decimal("61.8")
        world.require_books_agree()


def test_an_increase_that_was_filled_is_protected_however_often_it_is_asked_for() -> None:
    with bot_world() as world:
        world.enter()
        assert [adding(world).kind for _ in range(2)] == [OutcomeKind.PROTECTED] * 2
        assert world.ledger.position(POSITION).quantity == Decimal("71.8")


@pytest.mark.parametrize(
    "call",
    [
        lambda ctx, position_id: protect(ctx, position_id, Decimal("3.4")),
        lambda ctx, position_id: rolled_back(ctx, position_id, "operator"),
        lambda ctx, position_id: increase(ctx, position_id, intent_id="more", quantity=Decimal(10)),
        lambda ctx, position_id: exit_position(ctx, position_id, reason="target"),
        lambda ctx, _: rolled_back(ctx, POSITION, " "),
        lambda ctx, _: exit_position(ctx, POSITION, reason=" "),
    ],
    ids=["protect", "roll back", "increase", "exit", "roll back without a reason", "exit without a reason"],
)
def test_a_call_that_is_wrong_is_an_error_and_no_outcome(call: Callable[[FlowContext, str], Flow[Any]]) -> None:
    with bot_world() as world:
        world.enter()
        with pytest.raises(InvalidCommand):
            world.run(call(world.context(), "APTUSDT.binance"))
        world.require_books_agree()


def test_an_adapter_is_asked_for_a_symbol_as_the_ledger_spells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with bot_world() as world:
        asked: list[str] = []
        listed = world.exchange.market

        def market(symbol: str) -> TradedMarket:
            asked.append(symbol)
            return listed(symbol)

        monkeypatch.setattr(world.exchange, "market", market)
        world.enter(symbol="apt/usdt:usdt")
        assert set(asked) == {"APTUSDT"}
