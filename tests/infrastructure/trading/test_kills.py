"""A bot that is killed between any two steps of a flow, and starts again, owes nothing to anybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from infrastructure.trading.exchange_errors import Refused
from infrastructure.trading.flows.entering import rolled_back
from infrastructure.trading.flows.exiting import exit_position
from tests.infrastructure.trading.kill_matrix import BotWorld, killed_everywhere
from tests.infrastructure.trading.scripted_exchange import Answered, Lost, too_busy

POSITION = "APTUSDT.binance#1"


def fair(_: BotWorld) -> None:
    """Nothing goes wrong but the kill."""


def in_parts(world: BotWorld) -> None:
    """The entry is filled in three parts."""
    world.exchange.parts = ("20", "30.5", "0")


def place_lost_before(world: BotWorld) -> None:
    """The entry never arrives, and nobody says so."""
    world.exchange.weather["place"].append(Lost.BEFORE)


def place_lost_after(world: BotWorld) -> None:
    """The entry is filled, and nobody says so."""
    world.exchange.weather["place"].append(Lost.AFTER)


def place_refused(world: BotWorld) -> None:
    """The entry is refused."""
    world.exchange.weather["place"].append(Refused("-2019", "Margin is insufficient."))


def place_busy(world: BotWorld) -> None:
    """The exchange has no time for the entry, twice."""
    world.exchange.weather["place"].extend([too_busy(), too_busy()])


def shown_late(world: BotWorld) -> None:
    """The order and its position are shown after some looks."""
    world.exchange.hidden_looks = 3


def stop_lost_before(world: BotWorld) -> None:
    """The stop never arrives."""
    world.exchange.weather["place"].extend([None, Lost.BEFORE])


def stop_lost_after(world: BotWorld) -> None:
    """The stop is there, and nobody says so."""
    world.exchange.weather["place"].extend([None, Lost.AFTER])


def stop_refused(world: BotWorld) -> None:
    """No stop is ever taken: the entry is rolled back."""
    refusal = Refused("-4131", "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")
    world.exchange.weather["place"].extend([None, *[refusal] * 5])


def side_untold(world: BotWorld) -> None:
    """Answers name no side and no price."""
    world.exchange.weather["place"].extend([Answered({"side": None, "avg_px": None})] * 3)


def finds_lost(world: BotWorld) -> None:
    """Every other question is not answered."""
    world.exchange.weather["find"].extend([Lost.AFTER, None] * 8)
    world.exchange.weather["fills"].extend([Lost.BEFORE, None] * 4)


WEATHERS = [
    fair,
    in_parts,
    place_lost_before,
    place_lost_after,
    place_refused,
    place_busy,
    shown_late,
    stop_lost_before,
    stop_lost_after,
    stop_refused,
    side_untold,
    finds_lost,
]


def entering(world: BotWorld, steps: int) -> None:
    world.enter(steps=steps)


def entered(then: Callable[[BotWorld], None]) -> Callable[[BotWorld], None]:
    def prepare(world: BotWorld) -> None:
        world.enter()
        then(world)

    return prepare


def exiting(world: BotWorld, steps: int) -> None:
    world.run(exit_position(world.context(), POSITION, reason="target"), steps=steps)


def rolling_back(world: BotWorld, steps: int) -> None:
    world.run(rolled_back(world.context(), POSITION, "operator"), steps=steps)


@pytest.mark.parametrize("weather", WEATHERS, ids=lambda weather: weather.__name__)
def test_an_entry_killed_anywhere_is_sent_once_and_does_not_stay_bare(weather: Callable[[BotWorld], None]) -> None:
    assert killed_everywhere(weather, entering) > 3


CLOSINGS = [
    fair,
    in_parts,
    place_lost_before,
    place_lost_after,
    place_refused,
    place_busy,
    shown_late,
    side_untold,
    finds_lost,
]


@pytest.mark.parametrize("weather", CLOSINGS, ids=lambda weather: weather.__name__)
def test_an_exit_killed_anywhere_closes_once_and_leaves_no_order(weather: Callable[[BotWorld], None]) -> None:
    assert killed_everywhere(entered(weather), exiting) > 3


@pytest.mark.parametrize("weather", CLOSINGS, ids=lambda weather: weather.__name__)
def test_a_rollback_killed_anywhere_ends_flat_and_leaves_no_order(weather: Callable[[BotWorld], None]) -> None:
    assert killed_everywhere(entered(weather), rolling_back) > 3


@pytest.mark.parametrize("go", [entering, exiting, rolling_back], ids=lambda go: go.__name__)
@pytest.mark.parametrize("again", range(0, 12, 2))
def test_a_second_kill_while_starting_again_is_no_other(go: Callable[[BotWorld, int], None], again: int) -> None:
    prepare = in_parts if go is entering else entered(in_parts)
    assert killed_everywhere(prepare, go, again=again) > 3
