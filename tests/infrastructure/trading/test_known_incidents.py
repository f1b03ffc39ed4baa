"""Known incidents in which bots lost money, with their real numbers: each flow handles them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.commands import requests as c
from domain.errors import NothingToRollBack
from domain.values import ZERO, Status
from infrastructure.trading.exchange_errors import NoAnswer, RateLimited, Refused
from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder, OrderState, OrderTicket
from infrastructure.trading.flows.exiting import exit_position
from infrastructure.trading.flows.moving_stops import protect
from infrastructure.trading.flows.undoing import rolled_back
from infrastructure.trading.trade_outcome import OutcomeKind
from infrastructure.trading.trader import Trader
from position_ledger.testing import Clock, SimulatedExchange, memory_ledger
from projections.reconciliation.grace_periods import is_overdue
from tests.infrastructure.trading.kill_matrix import BotWorld, Killed, bot_world
from tests.infrastructure.trading.scripted_exchange import Answered, Lost, ScriptedExchange, too_busy

POSITION = "APTUSDT.binance#1"
AFTER_THE_CLAIM, AFTER_THE_ORDER, AFTER_ITS_ACKNOWLEDGEMENT = 2, 3, 4


def killed_in_entry(world: BotWorld, steps: int) -> None:
    with pytest.raises(Killed):
        world.enter(steps=steps)


@pytest.mark.parametrize("steps", [AFTER_THE_CLAIM, AFTER_THE_ORDER])
def test_of_two_signals_the_loser_is_refused_before_it_sends_anything(steps: int) -> None:
    with bot_world() as world:
        killed_in_entry(world, steps)
        sent = len(world.exchange.placed)
        loser = world.enter(intent_id="5483267")
        assert loser.kind is OutcomeKind.REFUSED
        assert loser.refusal is not None
        assert POSITION in loser.refusal.message
        assert len(world.exchange.placed) == sent
        world.resume_until_over()
        assert world.exchange.held["APTUSDT"] in (Decimal("-61.8"), Decimal(0))


def test_a_signal_that_is_delivered_twice_is_one_order() -> None:
    with bot_world() as world:
        first, second = world.enter(), world.enter()
        assert (first.kind, second.kind) == (OutcomeKind.PROTECTED, OutcomeKind.PROTECTED)
        assert second.position_id == POSITION
        assert world.exchange.held["APTUSDT"] == Decimal("-61.8")


def test_after_a_crash_a_new_signal_sends_no_second_order_on_the_old_cycle() -> None:
    with bot_world() as world:
        killed_in_entry(world, AFTER_ITS_ACKNOWLEDGEMENT)
        assert world.ledger.position(POSITION).status is Status.ENTRY_PLACED
        assert world.enter(intent_id="5483267").kind is OutcomeKind.REFUSED
        (taken_up,) = world.resume()
        assert taken_up.kind is OutcomeKind.PROTECTED
        assert world.exchange.held["APTUSDT"] == Decimal("-61.8")
        assert len(world.exchange.entries) == 1


def test_another_bot_takes_a_cycle_up_only_when_it_was_left_alone() -> None:
    with bot_world() as world:
        killed_in_entry(world, AFTER_THE_ORDER)
        world.owner = "bot-2"
        assert world.resume() == []
        world.clock.tick(60)
        (taken_up,) = world.resume()
        assert taken_up.kind is OutcomeKind.PROTECTED


def test_a_stop_on_the_wrong_side_is_not_sent_three_hundred_times() -> None:
    with bot_world() as world:
        world.exchange.price = Decimal("1.751549")
        outcome = world.enter(
            symbol="HNT/USDT", side="long", quantity="60", stop_loss_percent=None, stop_price="3.2438"
        )
        assert outcome.kind is OutcomeKind.ROLLED_BACK
        assert outcome.reason is not None
        assert (
            "planned at 3.2438 would trigger at once: that of a long stands below its entry of 1.75" in outcome.reason
        )
        assert world.exchange.held["HNTUSDT"] == 0
        assert not [order for order in world.exchange.placed if order.ticket.trigger_price is not None]


def test_a_stop_on_the_wrong_side_of_its_signal_is_refused_before_an_order_goes_out() -> None:
    with bot_world() as world:
        planned: dict[str, Any] = {"stop_loss_percent": None, "stop_price": "3.2438", "signal_price": "1.751549"}
        outcome = world.enter(symbol="HNT/USDT", side="long", quantity="60", **planned)
        assert outcome.kind is OutcomeKind.REFUSED
        assert world.exchange.placed == []


def test_a_stop_that_would_trigger_at_once_is_tried_a_few_times_and_the_position_is_not_left_bare() -> None:
    with bot_world() as world:
        world.exchange.price = Decimal("1.751549")
        refusal = Refused("-2021", "Order would immediately trigger.")
        world.exchange.weather["place"].extend([None, *[refusal] * 5])
        outcome = world.enter(symbol="HNT/USDT", side="long", quantity="60")
        assert outcome.kind is OutcomeKind.ROLLED_BACK
        assert world.exchange.calls.count("place") == 1 + 5 + 1
        assert world.exchange.held["HNTUSDT"] == 0


def test_a_stop_that_never_arrives_is_tried_a_few_times_and_the_position_is_not_left_bare() -> None:
    with bot_world() as world:
        world.exchange.weather["place"] += [None, *[Lost.BEFORE] * world.rules.stop_tries]
        outcome = world.enter()
        assert outcome.kind is OutcomeKind.ROLLED_BACK
        assert f"took no stop in {world.rules.stop_tries} tries" in str(outcome.story)
        assert world.exchange.held["APTUSDT"] == 0


def test_a_question_that_the_exchange_has_no_time_for_is_no_refused_stop() -> None:
    with bot_world(stop_tries=1) as world:
        world.exchange.weather["find"].extend([too_busy()] * 7)
        assert world.enter().kind is OutcomeKind.PROTECTED
        assert world.exchange.calls.count("place") == 2


def test_how_long_something_was_bare_can_be_asked() -> None:
    with bot_world() as world:
        world.ledger.handle(
            c.Adopt.of(
                symbol="HNTUSDT",
                exchange="binance",
                side="long",
                quantity="60",
                avg_px_open="1.751549",
                reason="nobody knows whose",
            )
        )
        world.clock.tick(90 * 60)
        (bare,) = world.ledger.positions(unprotected=True)
        assert bare.unprotected_since is not None
        assert (world.clock() - bare.unprotected_since).total_seconds() == 90 * 60


@pytest.mark.parametrize("looks", [1, 3, 5])
def test_an_order_that_is_closed_and_filled_by_nothing_is_waited_for(looks: int) -> None:
    with bot_world() as world:
        world.exchange.hidden_looks = looks
        world.exchange.weather["place"].append(Answered({"state": OrderState.FILLED, "filled_qty": Decimal(0)}))
        outcome = world.enter(symbol="WAVES/USDT")
        assert outcome.kind is OutcomeKind.PROTECTED, [str(step) for step in outcome.story]
        assert outcome.position is not None
        assert outcome.position.quantity == Decimal("61.8")


def test_an_order_whose_fills_never_show_holds_the_slot_and_is_not_rolled_back() -> None:
    with bot_world() as world:
        world.exchange.hidden_looks = 10**6
        world.exchange.weather["place"].append(Answered({"state": OrderState.FILLED, "filled_qty": Decimal(0)}))
        outcome = world.enter()
        assert outcome.kind is OutcomeKind.UNRESOLVED
        assert outcome.position is not None
        assert outcome.position.status is Status.ENTRY_PLACED
        assert world.enter(intent_id="5483267").kind is OutcomeKind.REFUSED
        assert len(world.exchange.placed) == 1


@pytest.mark.parametrize("symbol", ["WAVES", "FLR", "CAMP", "ES", "AVL"])
def test_a_position_that_is_shown_after_twenty_seconds_is_protected_then(symbol: str) -> None:
    with bot_world() as world:
        began = world.clock()
        world.exchange.hidden_looks = 10**6
        world.exchange.weather["place"].append(Answered({"state": OrderState.FILLED, "filled_qty": Decimal(0)}))
        world.enter(symbol=f"{symbol}/USDT")
        world.clock.time = max(world.clock(), began + timedelta(seconds=20))
        for order in world.exchange.placed:
            order.hidden_looks = 0
        (taken_up,) = world.resume()
        assert taken_up.kind is OutcomeKind.PROTECTED
        assert world.exchange.held[f"{symbol}USDT"] == Decimal("-61.8")
        assert len(world.exchange.entries) == 1


def test_a_rollback_closes_by_the_ledgers_side_whatever_the_answer_says() -> None:
    with bot_world() as world:
        world.exchange.price = Decimal("0.1358")
        no_side = Answered({"side": None, "avg_px": None})
        world.exchange.weather["place"].extend([no_side, *[Refused("-4131", "PERCENT_PRICE")] * 5, no_side])
        outcome = world.enter(symbol="AVL/USDT", side="long", quantity="43")
        assert outcome.kind is OutcomeKind.ROLLED_BACK
        entry, close = world.exchange.placed
        assert (entry.ticket.side, close.ticket.side, close.ticket.quantity) == ("buy", "sell", Decimal(43))
        assert close.ticket.reduce_only
        assert world.exchange.held["AVLUSDT"] == 0


def test_nothing_is_rolled_back_without_a_proof_of_flat() -> None:
    with bot_world() as world:
        refusal = Refused("-4131", "PERCENT_PRICE")
        world.exchange.weather["place"].extend([None, *[refusal] * 5, *[Lost.BEFORE] * 40])
        world.exchange.weather["account"].extend([Lost.BEFORE] * 40)
        outcome = world.enter()
        assert outcome.kind is OutcomeKind.UNRESOLVED
        assert outcome.position is not None
        assert outcome.position.status is Status.ROLLING_BACK
        assert world.exchange.held["APTUSDT"] == Decimal("-61.8")
        world.exchange.weather.clear()
        world.resume_until_over()
        assert world.ledger.position(POSITION).status is Status.ROLLED_BACK
        world.require_books_agree()


def test_an_account_that_does_not_show_the_position_yet_is_no_proof_of_flat() -> None:
    with bot_world() as world:
        world.enter()
        world.exchange.weather["place"].extend([Refused("-1015", "Too many new orders.")] * 3)
        world.exchange.shows_nothing_until = world.clock() + timedelta(seconds=15)
        outcome = world.run(rolled_back(world.context(), POSITION, "operator"))
        assert outcome.kind is OutcomeKind.UNRESOLVED
        world.resume_until_over()
        world.require_books_agree()


def test_no_alarm_is_raised_while_an_entry_is_on_its_way() -> None:
    with bot_world() as world:
        killed_in_entry(world, AFTER_ITS_ACKNOWLEDGEMENT)
        row = world.ledger.position(POSITION)
        assert not is_overdue(row, row.opened_at + timedelta(seconds=6))
        assert is_overdue(row, row.opened_at + timedelta(seconds=31))


@pytest.mark.parametrize("price", [None, Decimal(0)])
def test_a_price_of_zero_in_an_acknowledgement_is_not_the_entry_price(price: Decimal | None) -> None:
    with bot_world() as world:
        world.exchange.weather["place"].append(Answered({"avg_px": price}))
        outcome = world.enter()
        assert outcome.kind is OutcomeKind.PROTECTED
        assert outcome.position is not None
        assert outcome.position.avg_px_open == Decimal("3.2333")
        (stop,) = world.exchange.stops("APTUSDT")
        assert stop.ticket.trigger_price == Decimal("3.2980")


def test_a_price_of_zero_is_not_told_when_the_fills_stay_out_of_sight() -> None:
    with bot_world() as world:
        world.exchange.shows_fills = False
        world.exchange.weather["place"].append(Answered({"avg_px": Decimal(0)}))
        world.exchange.weather["find"].extend([Answered({"avg_px": Decimal(0)})] * 20)
        outcome = world.enter()
        assert outcome.kind is not OutcomeKind.PROTECTED
        assert outcome.position is not None
        assert outcome.position.avg_px_open is None


def test_a_rollback_of_nothing_is_refused() -> None:
    with bot_world() as world:
        killed_in_entry(world, AFTER_THE_CLAIM)
        outcome = world.run(rolled_back(world.context(), POSITION, "operator"))
        assert outcome.kind is OutcomeKind.REFUSED
        assert isinstance(outcome.refusal, NothingToRollBack)
        assert not world.exchange.placed


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("30208", "Failed to submit order(s). The order price is higher than the maximum buying price."),
        ("30209", "Failed to submit order(s). The order price is lower than the minimum selling price."),
        ("10001", "The number of contracts exceeds minimum limit allowed"),
        ("110017", "Reduce-only rule not satisfied"),
        ("170193", "Buy order price cannot be higher than the limit."),
        ("-2027", "Exceeded the maximum allowable position at current leverage."),
        ("-4140", "Invalid symbol status for opening position."),
    ],
)
def test_a_refused_entry_fails_with_the_code_and_the_text(code: str, text: str) -> None:
    with bot_world() as world:
        world.exchange.weather["place"].append(Refused(code, text))
        outcome = world.enter()
        assert outcome.kind is OutcomeKind.FAILED
        failed = world.ledger.history(POSITION)[-1].event
        assert (type(failed).__name__, getattr(failed, "code", None)) == ("EntryFailed", code)
        assert text in str(outcome.reason)
        assert world.enter(intent_id="5483267").kind is OutcomeKind.PROTECTED


def test_a_fill_that_no_ledger_takes_is_said_to_be_the_exchange_s() -> None:
    with bot_world() as world:
        world.exchange.price = Decimal("1e-19")
        outcome = world.enter()
        assert outcome.kind is OutcomeKind.UNRESOLVED
        assert "the ledger cannot take what binance reports: " in str(outcome)
        assert "somebody else" not in str(outcome)


def test_a_fill_of_nothing_leaves_nothing_bare(monkeypatch: pytest.MonkeyPatch) -> None:
    with bot_world() as world:
        shown = world.exchange.fills

        def with_nothing(symbol: str, order: ExchangeOrder) -> Sequence[ExchangeFill]:
            return [
                *shown(symbol, order),
                *(replace(each, trade_id="0", quantity=ZERO) for each in shown(symbol, order)),
            ]

        monkeypatch.setattr(world.exchange, "fills", with_nothing)
        assert world.enter().kind is OutcomeKind.PROTECTED


def test_no_order_is_sent_after_it_may_have_been_given_up() -> None:
    with bot_world() as world:
        world.exchange.weather["place"].extend([RateLimited("-1003", "Too many requests.", retry_seconds=7)] * 2)
        outcome = world.enter()
        assert outcome.kind is OutcomeKind.FAILED
        assert not world.exchange.placed


def test_an_entry_by_cost_is_sent_with_its_cost() -> None:
    with bot_world() as world:
        outcome = world.enter(quantity=None, cost="200")
        assert [order.ticket.cost for order in world.exchange.entries] == [Decimal(200)]
        assert outcome.kind is OutcomeKind.PROTECTED


def test_an_order_that_is_given_up_says_by_which_clock_it_is_too_late() -> None:
    exchange, late = SimulatedExchange("binance"), Clock()
    exchange.set_price("APT/USDT:USDT", "3.2")
    with memory_ledger() as ledger:
        late.tick(11)
        entry = Trader(ledger, exchange, clock=late).enter(
            symbol="APTUSDT", side="long", quantity="10", stop_loss_percent="2", intent_id="1"
        )
    assert entry.kind is OutcomeKind.FAILED and exchange.audit.orders() == []
    assert entry.reason == (
        "nothing was sent: it was promised at 2025-10-22T18:50:40.000000Z, and the trader's clock says "
        "2025-10-22T18:50:51.000000Z, more than 10 s later"
    )


class SlowToShow(ScriptedExchange):
    """It takes orders at once, and shows neither stops nor fills of an order until some seconds after them."""

    stops_behind, fills_behind = timedelta(seconds=9), timedelta(seconds=4)

    def find(
        self, symbol: str, *, client_order_id: str | None = None, exchange_order_id: str | None = None
    ) -> ExchangeOrder | None:
        found = super().find(symbol, client_order_id=client_order_id, exchange_order_id=exchange_order_id)
        is_new = (
            found is not None and found.trigger_price is not None and self._is_new(found.order_id, self.stops_behind)
        )
        return None if is_new else found

    def fills(self, symbol: str, order: ExchangeOrder) -> Sequence[ExchangeFill]:
        return () if self._is_new(order.order_id, self.fills_behind) else super().fills(symbol, order)

    def place(self, ticket: OrderTicket) -> ExchangeOrder:
        placed = super().place(ticket)
        self.taken_at[placed.order_id] = self._clock()
        return placed

    def _is_new(self, order_id: str, time: timedelta) -> bool:
        return self._clock() < self.taken_at[order_id] + time

    @classmethod
    def of(cls, world: BotWorld) -> SlowToShow:
        exchange = cls(world.clock)
        exchange.taken_at = {}
        world.exchange = exchange
        return exchange

    taken_at: dict[str, datetime]


def test_a_stop_that_is_not_shown_yet_is_not_left_behind_by_the_exit() -> None:
    with bot_world() as world:
        exchange = SlowToShow.of(world)
        assert world.enter().kind is OutcomeKind.PROTECTED
        assert len(exchange.stops("APTUSDT")) == 1
        assert world.run(exit_position(world.context(), POSITION, reason="signal")).kind is OutcomeKind.CLOSED
        assert exchange.open_orders("APTUSDT") == []
        world.require_books_agree()


def test_what_a_rollback_brought_is_known_though_its_fills_are_shown_late() -> None:
    with bot_world() as world:
        SlowToShow.of(world)
        assert world.enter().kind is OutcomeKind.PROTECTED
        world.exchange.price = Decimal("3.2")
        assert world.run(rolled_back(world.context(), POSITION, "no more")).kind is OutcomeKind.ROLLED_BACK
        row = world.ledger.position(POSITION)
        assert (row.status, row.realized_pnl) == (Status.ROLLED_BACK, Decimal("2.05794"))
        assert world.exchange.open_orders("APTUSDT") == []


class Overtaken(ScriptedExchange):
    """Before the first stop is placed another process closes its position, and opens the next one."""

    world: BotWorld
    is_heard = True
    is_overtaken = False

    def place(self, ticket: OrderTicket) -> ExchangeOrder:
        if ticket.trigger_price is None or self.is_overtaken:
            return super().place(ticket)
        self.is_overtaken = True
        assert self.world.run(exit_position(self.world.context(), POSITION, reason="signal")).kind is OutcomeKind.CLOSED
        assert self.world.enter(intent_id="5483267").kind is OutcomeKind.PROTECTED
        if not self.is_heard:
            raise NoAnswer("timed out")
        return super().place(ticket)


@pytest.mark.parametrize("is_heard", [True, False])
def test_no_stop_of_a_cycle_that_is_over_is_left_at_the_next_position(is_heard: bool) -> None:  # noqa: FBT001 - a case
    with bot_world() as world:
        exchange = Overtaken(world.clock)
        exchange.world, exchange.is_heard, world.exchange = world, is_heard, exchange
        assert world.enter().kind is OutcomeKind.CLOSED
        assert [row.status for row in world.ledger.positions()] == [Status.CLOSED, Status.ACTIVE]
        (row,) = world.ledger.positions(open=True)
        assert [stop.order_id for stop in exchange.stops("APTUSDT")] == [row.stop_order_id]
        world.require_books_agree()


class StoppedOut(ScriptedExchange):
    """While it has no time for an exit its stop is hit, another process hears of it, and opens the next position."""

    world: BotWorld
    is_over = False

    def place(self, ticket: OrderTicket) -> ExchangeOrder:
        if self.is_over or not ticket.reduce_only or ticket.trigger_price is not None:
            return super().place(ticket)
        self.is_over = True
        (stop,) = self.stops("APTUSDT")
        self.trigger(stop)
        world = self.world
        told = c.Reduce.of(
            position_id=POSITION, trade_id="stop", last_qty="61.8", last_px="3.298", exchange_order_id=stop.order_id
        )
        world.ledger.handle(told)
        world.ledger.handle(c.Close.of(position_id=POSITION, exit_reason="stop_loss"))
        assert world.enter(intent_id="5483267").kind is OutcomeKind.PROTECTED
        raise too_busy()


def test_an_exit_of_a_cycle_that_is_over_does_not_close_the_next_position() -> None:
    with bot_world() as world:
        exchange = StoppedOut(world.clock)
        exchange.world, world.exchange = world, exchange
        world.enter()
        assert world.run(exit_position(world.context(), POSITION, reason="signal")).kind is OutcomeKind.CLOSED
        assert exchange.held["APTUSDT"] == Decimal("-61.8")
        world.require_books_agree()


@pytest.mark.parametrize("state", [OrderState.REJECTED, OrderState.CANCELED, OrderState.EXPIRED])
def test_a_stop_that_the_exchange_answers_as_over_protects_nothing(state: OrderState) -> None:
    with bot_world() as world:
        world.exchange.weather["place"].extend([None, Answered({"state": state})])
        outcome = world.enter()
        assert (outcome.kind, outcome.reason) == (OutcomeKind.ROLLED_BACK, f"the stop 53190369 is {state} already")
        assert world.exchange.held["APTUSDT"] == 0
        assert not world.exchange.stops("APTUSDT")


class Falling(ScriptedExchange):
    """From the stop with this number on, the price reaches each one before its acknowledgement is out."""

    hit_from = 1

    def _taken(self, ticket: OrderTicket) -> ExchangeOrder:
        placed = super()._taken(ticket)
        if ticket.trigger_price is None or sum(each.ticket.kind is ticket.kind for each in self.placed) < self.hit_from:
            return placed
        self.trigger(self.placed[-1])
        return self.placed[-1].as_stated()


@pytest.mark.parametrize("is_answered", [True, False])
def test_what_a_stop_closed_before_its_acknowledgement_was_out_has_its_price(*, is_answered: bool) -> None:
    with bot_world() as world:
        world.exchange = Falling(world.clock)
        world.exchange.weather["place"].extend([None, None if is_answered else Lost.AFTER])
        assert world.enter().kind is OutcomeKind.CLOSED
        row = world.ledger.position(POSITION)
        assert (row.exit_reason, str(row.realized_pnl)) == ("stop_loss", "-3.99846")
        world.require_books_agree()


def test_a_stop_that_was_hit_while_it_was_moved_closes_the_cycle() -> None:
    with bot_world() as world:
        world.exchange = Falling(world.clock)
        world.exchange.hit_from = 2
        world.enter()
        assert world.run(protect(world.context(), POSITION, Decimal("3.25"))).kind is OutcomeKind.CLOSED
        assert world.ledger.position(POSITION).avg_px_close == Decimal("3.25")
        world.require_books_agree()


def test_an_entry_is_given_up_at_once_while_the_exchange_bans_the_bot_for_days() -> None:
    with bot_world() as world:
        began = world.clock()
        world.exchange.weather["place"].append(RateLimited("429", "banned", 259_200.0))
        outcome = world.enter()
        assert outcome.kind is OutcomeKind.FAILED and "takes no order for 259200 s (banned)" in str(outcome.reason)
        assert world.clock() - began < timedelta(seconds=10)
        assert world.enter(intent_id="5483267").kind is OutcomeKind.PROTECTED
