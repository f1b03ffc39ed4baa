"""The words of exchanges that say what a resting order is for: of a stop it is said that it protects."""

from __future__ import annotations

import pytest

from infrastructure.exchanges.fields import ReportFields
from infrastructure.exchanges.order_kinds import kind_of
from projections.account_snapshot import OrderKind

TYPES = (
    *("stopOrderType", "origType", "strategyType", "orderType", "order_type", "ordertype", "ordType", "planType"),
    *("algoType", "entrustType", "type"),
)
DIRECTIONS = ("triggerDirection", "rule", "triggerType", "trigger_type", "stopDirection", "stop")


def kind(side: str = "sell", **said: object) -> OrderKind:
    return kind_of(ReportFields(said), side, reduces=True)


@pytest.mark.parametrize("name", TYPES)
def test_the_type_of_an_order_may_have_many_names(name: str) -> None:
    assert kind(**{name: "STOP_MARKET"}) is OrderKind.STOP


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("sl, pos_loss, loss_plan, StopLoss, stop limit", OrderKind.STOP),
        ("tp, pos_profit, profit_plan, MarketIfTouched, LIMIT_IF_TOUCHED, if-touched, takeProfit", OrderKind.TARGET),
        ("move_order_stop, track_plan, TRAILING_STOP_MARKET", OrderKind.TRAILING_STOP),
        ("limit, market", OrderKind.OTHER),
    ],
)
def test_the_type_says_what_an_order_is_for(words: str, meant: OrderKind) -> None:
    assert {word: kind(type=word) for word in words.split(", ")} == dict.fromkeys(words.split(", "), meant)


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize(
    ("words", "stops"),
    [("1, above, >=, ge, ascending, rising, up", "buy"), ("2, below, <=, le, descending, falling, down", "sell")],
)
def test_a_trigger_against_the_position_is_a_stop_and_one_for_it_is_a_target(name: str, words: str, stops: str) -> None:
    takes = "sell" if stops == "buy" else "buy"
    for word in words.split(", "):
        assert kind(stops, triggerPrice="5", **{name: word}) is OrderKind.STOP
        assert kind(takes, triggerPrice="5", **{name: word}) is OrderKind.TARGET


@pytest.mark.parametrize(
    "name", ["triggerPrice", "trigger_price", "stopPrice", "stop_price", "triggerPx", "activation_price"]
)
def test_an_order_with_a_trigger_alone_is_a_stop(name: str) -> None:
    assert kind(**{name: "5"}) is OrderKind.STOP
    assert kind(**{name: "0"}) is OrderKind.OTHER
