"""A position that was opened by hand is adopted, protected if the rules say how, and never closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from domain.values import Status
from infrastructure.trading.exchange_orders import OrderTicket, TicketKind
from infrastructure.trading.flows.entering import increase
from infrastructure.trading.flows.synchronising import Synchronised, synchronise
from infrastructure.trading.rules import Rules
from infrastructure.trading.steps.protecting import stop_names
from infrastructure.trading.trade_outcome import OutcomeKind
from infrastructure.trading.trader import Trader
from position_ledger import PositionLedger
from position_ledger.testing import Clock, SimulatedExchange, memory_ledger
from projections.positions import PositionRow
from tests.infrastructure.trading.kill_matrix import bot_world

APT = "APT/USDT:USDT"
LATER = 130
"""Seconds after which nothing is too early any more."""


@dataclass
class Desk:
    """A bot and a person at one account, and one clock."""

    ledger: PositionLedger
    clock: Clock
    exchange: SimulatedExchange = field(init=False)

    def __post_init__(self) -> None:
        self.exchange = SimulatedExchange("binance", clock=self.clock, sleep=self.clock.tick)
        self.exchange.set_price(APT, "3.2")

    def bought_by_hand(self) -> None:
        ticket = OrderTicket(
            symbol="APTUSDT", side="buy", kind=TicketKind.MARKET, client_order_id="by-hand", quantity=Decimal(5)
        )
        self.exchange.place(ticket)

    def trader(self, rules: Rules | None = None) -> Trader:
        return Trader(self.ledger, self.exchange, rules=rules, owner="bot-1", clock=self.clock, sleep=self.clock.tick)

    def synchronise(self, rules: Rules | None = None) -> Synchronised:
        self.clock.tick(LATER)
        return self.trader(rules).synchronise()


@pytest.fixture
def desk() -> Iterator[Desk]:
    clock = Clock()
    with memory_ledger(clock) as ledger:
        yield Desk(ledger, clock)


def test_what_was_opened_by_hand_is_protected_at_once_where_the_rules_say_how(desk: Desk) -> None:
    desk.bought_by_hand()
    (taken_up,) = desk.synchronise(Rules(adopted_stop_percent=Decimal(3))).taken_up
    assert taken_up.kind is OutcomeKind.PROTECTED
    assert desk.exchange.audit.is_covered(APT)
    assert sum(desk.exchange.audit.bare_seconds(APT)) < 2 * LATER


def test_what_was_opened_by_hand_is_never_closed_for_want_of_a_plan(desk: Desk) -> None:
    desk.bought_by_hand()
    (taken_up,) = desk.synchronise().taken_up
    assert taken_up.kind is OutcomeKind.UNRESOLVED
    assert taken_up.reason is not None and "adopted_stop_percent" in taken_up.reason
    desk.clock.tick(LATER)
    assert [each.kind for each in desk.trader().resume()] == [OutcomeKind.UNRESOLVED]
    assert desk.exchange.audit.held(APT) == 5 and desk.ledger.positions(open=True)[0].quantity == 5


def test_a_stop_that_came_after_its_position_had_ended_is_named(desk: Desk) -> None:
    entry = {"symbol": APT, "side": "long", "quantity": "10", "stop_loss_percent": "2"}
    entered = desk.trader().enter(**entry, intent_id="1")
    assert entered.position is not None
    desk.trader().exit(entered.position.position_id, reason="target")
    assert desk.synchronise().story == ()
    late = OrderTicket(
        symbol="APTUSDT",
        side="sell",
        kind=TicketKind.STOP,
        client_order_id="sent-before-a-kill",
        quantity=Decimal(10),
        trigger_price=Decimal(3),
        reduce_only=True,
    )
    desk.exchange.place(late)
    done = desk.synchronise()
    (told,) = (step.words for step in done.story)
    assert not done.ok and told.startswith("APTUSDT.binance: stop order ") and "there is no position for it" in told
    desk.trader().enter(**entry, intent_id="2")
    (told,) = (step.words for step in desk.synchronise().story)
    assert "2 stops for one position" in told


def test_a_surplus_stop_is_named_also_beside_one_on_record_that_has_the_name_of_a_move(desk: Desk) -> None:
    desk.trader().enter(symbol=APT, side="long", quantity="10", stop_loss_percent="2", intent_id="1")
    (row,) = desk.ledger.positions()
    stop = OrderTicket(
        symbol="APTUSDT",
        side="sell",
        kind=TicketKind.STOP,
        client_order_id=stop_names(row)[0],
        quantity=Decimal(10),
        trigger_price=Decimal(3),
        reduce_only=True,
    )
    moved = desk.exchange.place(stop)
    old = desk.exchange.find("APTUSDT", exchange_order_id=row.stop_order_id)
    assert old is not None
    desk.exchange.cancel("APTUSDT", old)
    desk.ledger.set_stop_loss(position_id=row.position_id, stop_price="3", exchange_order_id=moved.order_id)
    assert moved.client_order_id in stop_names(desk.ledger.positions()[0]), "the ledger took it for the same stop"
    desk.exchange.place(replace(stop, client_order_id="by-hand", trigger_price=Decimal("2.9")))
    (told,) = (step.words for step in desk.synchronise().story)
    assert "2 stops for one position" in told


def test_an_account_that_is_not_believed_is_said_in_the_story(desk: Desk) -> None:
    desk.trader().enter(symbol=APT, side="long", quantity="10", stop_loss_percent="2", intent_id="1")
    desk.exchange.liquidate(APT)
    synchronised = desk.synchronise()
    assert not synchronised.ok
    assert ["it shows no positions at all" in step.words for step in synchronised.story] == [True]


def test_an_account_without_a_name_is_believed_beside_a_subaccount(desk: Desk) -> None:
    """A file would have to say of which of them it is; a trader knows its account."""
    sub = SimulatedExchange("binance", account="sub1", clock=desk.clock, sleep=desk.clock.tick)
    sub.set_price(APT, "3.2")
    entry = {"symbol": APT, "side": "long", "quantity": "10", "stop_loss_percent": "2"}
    traders = [desk.trader(), Trader(desk.ledger, sub, owner="bot-2", clock=desk.clock, sleep=desk.clock.tick)]
    for trader in traders:
        assert trader.enter(**entry, intent_id="1").kind is OutcomeKind.PROTECTED
    desk.clock.tick(LATER)
    for trader in traders:
        found = trader.synchronise()
        assert found.ok and not found.story


def test_the_only_stop_is_asked_for_where_a_list_without_any_is_not_believed(desk: Desk) -> None:
    """The list of an exchange that lists conditional orders apart would look the same."""
    entry = {"symbol": APT, "side": "long", "quantity": "10", "stop_loss_percent": "2"}
    assert desk.trader().enter(**entry, intent_id="1").kind is OutcomeKind.PROTECTED
    (stop,) = desk.exchange.audit.stops(APT)
    desk.exchange.cancel(APT, stop.stated())
    found = desk.synchronise()
    assert [each.kind for each in found.taken_up] == [OutcomeKind.PROTECTED]
    assert desk.exchange.audit.is_covered(APT) and desk.synchronise().ok


def test_a_stop_that_a_list_leaves_out_stays_and_the_story_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"symbol": APT, "side": "long", "quantity": "10", "stop_loss_percent": "2"}
    assert desk.trader().enter(**entry, intent_id="1").kind is OutcomeKind.PROTECTED
    shown = desk.exchange.account
    monkeypatch.setattr(desk.exchange, "account", lambda: replace(shown(), orders=()))
    found = desk.synchronise()
    (told,) = (step.words for step in found.story)
    assert not found.ok and told.startswith("the account is not believed: its orders (0) show a stop for none of 1 ")
    assert not found.taken_up and len(desk.exchange.audit.stops(APT)) == 1


def test_what_a_stop_closed_is_known_though_the_account_then_shows_nothing(desk: Desk) -> None:
    trader = desk.trader()
    entry = {"symbol": APT, "side": "long", "quantity": "10", "stop_loss_percent": "2"}
    assert trader.enter(**entry, intent_id="1").kind is OutcomeKind.PROTECTED
    desk.exchange.set_price(APT, "3.1")  # the stop at 3.136 is hit: the account is empty
    found = desk.synchronise()
    (row,) = desk.ledger.positions()
    assert (row.status, row.exit_reason, row.avg_px_close) == (Status.CLOSED, "stop_loss", Decimal("3.1"))
    assert found.ok and not any("not believed" in step.words for step in found.story)


def test_what_a_stop_closed_is_told_at_its_price_before_anything_is_adjusted() -> None:
    with bot_world() as world:
        position_id = str(world.enter().position_id)
        world.exchange.price = Decimal("3.1")
        world.run(increase(world.context(), position_id, intent_id="more", quantity=Decimal(10)))
        first, nearer = world.exchange.stops("APTUSDT")
        world.clock.tick(LATER)
        world.exchange.trigger(nearer)
        world.run(synchronise(world.context()))
        row = world.ledger.position(position_id)
        assert (row.quantity, row.protected) == (Decimal("61.8"), True)
        assert [order.filled_qty for order in row.orders.values() if order.role == "stop"] == [0, 10]
        cost = (Decimal("61.8") * Decimal("3.2333") + 10 * Decimal("3.1")) * 10 / Decimal("71.8")
        assert row.realized_pnl == round(cost - 10 * (nearer.ticket.trigger_price or 0), 18)
        assert [stop.order_id for stop in world.exchange.stops("APTUSDT")] == [first.order_id]


def test_a_position_that_its_stop_closed_is_no_phantom(desk: Desk) -> None:
    trader = desk.trader()
    entered = trader.enter(symbol=APT, side="long", quantity="20", stop_loss_percent="2", intent_id="s1")
    desk.exchange.set_price("SUI/USDT:USDT", "3.52")
    trader.enter(symbol="SUI/USDT:USDT", side="long", quantity="20", stop_loss_percent="2", intent_id="s2")
    desk.exchange.set_price(APT, "3.1")
    desk.synchronise()
    row = trader_row(desk, entered.position_id)
    assert (row.status, row.exit_reason) == ("closed", "stop_loss")
    assert row.realized_pnl is not None and row.realized_pnl < 0


def trader_row(desk: Desk, position_id: str | None) -> PositionRow:
    assert position_id is not None
    return desk.ledger.position(position_id)
