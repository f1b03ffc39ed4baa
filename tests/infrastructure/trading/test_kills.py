"""A bot that is killed between any two steps of a flow and restarted leaves nothing unfinished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import count

import pytest

from domain.orders.order import Order
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from infrastructure.trading.effects import Flow
from infrastructure.trading.exchange_errors import Refused
from infrastructure.trading.exchange_orders import ExchangeOrder, TradedMarket
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.flows import entering as entering_flow
from infrastructure.trading.flows.entering import increase
from infrastructure.trading.flows.exiting import exit_position
from infrastructure.trading.flows.undoing import rolled_back
from position_ledger.testing import Clock, assert_sound
from projections.positions import PositionRow
from tests.infrastructure.trading.kill_matrix import BotWorld, Killed, killed_everywhere
from tests.infrastructure.trading.scripted_exchange import Answered, Lost, too_busy


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
    world.run(exit_position(world.context(), world.position_id, reason="target"), steps=steps)


def rolling_back(world: BotWorld, steps: int) -> None:
    world.run(rolled_back(world.context(), world.position_id, "operator"), steps=steps)


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


def part_exiting(world: BotWorld, steps: int) -> None:
    world.run(
        exit_position(world.context(), world.position_id, reason="target", quantity=Decimal("20.5"), intent_id="half"),
        steps=steps,
    )


def increasing(world: BotWorld, steps: int) -> None:
    world.run(increase(world.context(), world.position_id, intent_id="5483267", quantity=Decimal("30.2")), steps=steps)


@pytest.mark.parametrize("weather", CLOSINGS, ids=lambda weather: weather.__name__)
@pytest.mark.parametrize("go", [part_exiting, increasing], ids=lambda go: go.__name__)
def test_a_change_of_what_is_held_killed_anywhere_is_sent_once_and_is_covered(
    weather: Callable[[BotWorld], None], go: Callable[[BotWorld, int], None]
) -> None:
    assert killed_everywhere(entered(weather), go) > 3


def of_whole_positions(then: Callable[[BotWorld], None]) -> Callable[[BotWorld], None]:
    def prepare(world: BotWorld) -> None:
        world.exchange.market_terms = replace(world.exchange.market_terms, closes_position=True)
        then(world)

    return prepare


@pytest.mark.parametrize("weather", [fair, in_parts, stop_lost_after, shown_late], ids=lambda weather: weather.__name__)
@pytest.mark.parametrize("go", [entering, exiting, rolling_back, part_exiting, increasing], ids=lambda go: go.__name__)
def test_where_a_stop_is_for_all_that_is_held_a_kill_does_no_harm_either(
    weather: Callable[[BotWorld], None], go: Callable[[BotWorld, int], None]
) -> None:
    prepare = weather if go is entering else entered(weather)
    assert killed_everywhere(of_whole_positions(prepare), go) > 3


def with_attached_stops(then: Callable[[BotWorld], None]) -> Callable[[BotWorld], None]:
    def prepare(world: BotWorld) -> None:
        world.exchange.market_terms = replace(world.exchange.market_terms, attaches_stops=True)
        world.rules = replace(world.rules, attaches_stops=True)
        then(world)

    return prepare


def entering_by_signal(price: str) -> Callable[[BotWorld, int], None]:
    def go(world: BotWorld, steps: int) -> None:
        world.enter(steps=steps, signal_price=price)

    return go


@pytest.mark.parametrize("price", ["3.2333", "3.2345"], ids=["as planned", "filled elsewhere"])
@pytest.mark.parametrize(
    "weather",
    [fair, in_parts, place_lost_before, place_lost_after, shown_late, finds_lost],
    ids=lambda weather: weather.__name__,
)
def test_an_entry_with_its_stop_killed_anywhere_leaves_one_stop(
    weather: Callable[[BotWorld], None], price: str
) -> None:
    def one_stop(world: BotWorld) -> None:
        world.require_books_agree()
        assert len(world.exchange.stops("APTUSDT")) == bool(world.exchange.held["APTUSDT"])

    assert killed_everywhere(with_attached_stops(weather), entering_by_signal(price), look=one_stop) > 3


@pytest.mark.parametrize("go", [exiting, rolling_back, part_exiting], ids=lambda go: go.__name__)
@pytest.mark.parametrize("weather", [fair, shown_late], ids=lambda weather: weather.__name__)
def test_what_closes_such_an_entry_leaves_no_stop(
    weather: Callable[[BotWorld], None], go: Callable[[BotWorld, int], None]
) -> None:
    def prepare(world: BotWorld) -> None:
        world.enter(signal_price="3.2333")
        weather(world)

    assert killed_everywhere(with_attached_stops(prepare), go) > 3


def all_stops_trigger(world: BotWorld) -> None:
    for stop in world.exchange.stops("APTUSDT"):
        world.exchange.trigger(stop)


def the_operator_rolls_back(world: BotWorld) -> None:
    world.run(rolled_back(world.context(), world.position_id, "operator"))


def the_operator_closes(world: BotWorld) -> None:
    world.run(exit_position(world.context(), world.position_id, reason="operator"))


def a_minute_passes(world: BotWorld) -> None:
    world.owner = "bot-2"
    world.clock.tick(61)


@pytest.mark.parametrize(
    "meanwhile",
    [all_stops_trigger, the_operator_rolls_back, the_operator_closes, a_minute_passes],
    ids=lambda happens: happens.__name__,
)
@pytest.mark.parametrize("weather", [fair, in_parts], ids=lambda weather: weather.__name__)
@pytest.mark.parametrize("go", [entering, exiting, rolling_back], ids=lambda go: go.__name__)
def test_what_happens_before_the_bot_starts_again_leaves_nothing_either(
    go: Callable[[BotWorld, int], None], weather: Callable[[BotWorld], None], meanwhile: Callable[[BotWorld], None]
) -> None:
    prepare = weather if go is entering else entered(weather)

    def killed_meanwhile(world: BotWorld, steps: int) -> None:
        try:
            go(world, steps)
        except Killed:
            if world.rows():
                meanwhile(world)
            raise

    assert killed_everywhere(prepare, killed_meanwhile) > 3


@pytest.mark.parametrize("go", [entering, exiting, rolling_back, part_exiting, increasing], ids=lambda go: go.__name__)
def test_so_it_is_on_postgresql(postgres_url: str, go: Callable[[BotWorld, int], None]) -> None:
    with closing(open_store(Settings.read(postgres_url))) as store:
        numbers = count()

        @contextmanager
        def shared(clock: Clock) -> Iterator[tuple[PositionLedger, str | None]]:
            yield PositionLedger(store, clock=clock), f"world{next(numbers)}"

        prepare = in_parts if go is entering else entered(in_parts)
        assert killed_everywhere(prepare, go, opening=shared) > 3
        assert_sound(PositionLedger(store))


def sought_too_briefly(_: FlowContext, *_arguments: object) -> Flow[None]:
    """Say that there is no order, without asking."""
    yield from ()


def left_alone(_: FlowContext, *_arguments: object) -> Flow[None]:
    """Take nothing away."""
    yield from ()


def sent_again(ctx: FlowContext, row: PositionRow, ours: Order, market: TradedMarket) -> Flow[ExchangeOrder]:
    """Send an order that may have been sent, as if it had just been claimed."""
    ctx._claimed_at = yield from ctx.monotonic()
    return (yield from entering_flow._sent(ctx, row, ours, market))


@pytest.mark.parametrize(
    ("safeguard", "without", "go", "missed"),
    [
        ("flows.entering.sought", sought_too_briefly, entering, "held"),
        ("flows.entering._found", sent_again, entering, "sent twice"),
        ("flows.exiting.sought", sought_too_briefly, exiting, "held"),
        ("steps.stop_news.stops_cancelled", left_alone, exiting, "rest"),
        ("flows.undoing.stops_cancelled", left_alone, rolling_back, "rest"),
    ],
)
def test_a_safeguard_that_is_taken_away_is_missed(
    safeguard: str,
    without: object,
    go: Callable[[BotWorld, int], None],
    missed: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"infrastructure.trading.{safeguard}", without)
    with pytest.raises(AssertionError, match=missed):
        killed_everywhere(shown_late if go is entering else entered(fair), go)
