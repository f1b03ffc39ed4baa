"""What a stop closed is on record with its price, whichever flow finds that less is held than the ledger says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest

from domain.values import Status, total_of
from infrastructure.trading.effects import Effect, Tell
from infrastructure.trading.exchange_orders import OrderTicket, TicketKind
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind
from infrastructure.trading.trader import Trader
from position_ledger import PositionLedger, PositionRow
from position_ledger.testing import Clock, SimulatedExchange, memory_ledger

APT = "APT/USDT:USDT"


class Killed(BaseException):
    """The process is gone."""


class KilledBeforeItTold(Trader):
    """A trader that is killed when it has placed a stop, before the ledger is told."""

    def _done(self, effect: Effect) -> object:
        if isinstance(effect, Tell) and effect.command.verb == "set_stop_loss":
            raise Killed
        return super()._done(effect)


@dataclass
class Desk:
    """A trader at an exchange, and what the exchange's own statement says."""

    ledger: PositionLedger
    clock: Clock
    exchange: SimulatedExchange

    def trader(self, kind: type[Trader] = Trader) -> Trader:
        return kind(self.ledger, self.exchange, owner="bot-1", clock=self.clock, sleep=self.clock.tick)

    def entered(self) -> str:
        position_id = self.trader().enter(symbol=APT, side="long", quantity="10", stop_loss_percent="2", intent_id="1")
        assert position_id.position_id is not None
        return position_id.position_id

    def entered_twice(self) -> str:
        """10 at 3.2 with a stop at 3.136, and 5 at 3.3 with one by their average; each for its own quantity."""
        position_id = self.entered()
        self.exchange.set_price(APT, "3.3")
        self.trader().increase(position_id, intent_id="more", quantity="5")
        return position_id

    def trailed_and_killed(self, stop_price: str) -> str:
        position_id = self.entered()
        self.exchange.set_price(APT, "3.4")
        with pytest.raises(Killed):
            self.trader(KilledBeforeItTold).protect(position_id, stop_price=stop_price)
        assert len(self.exchange.audit.stops(APT)) == 2
        return position_id

    def require_statement(self) -> PositionRow:
        """Profit and fees of the one position, which is over, are those of the orders of the exchange."""
        (row,) = self.ledger.positions()
        fills = [
            (order.ticket.side, fill)
            for order in self.exchange.audit.orders()
            for fill in self.exchange.audit.fills(order)
        ]
        assert not self.exchange.audit.held(APT) and not self.exchange.audit.stops(APT) and not row.status.is_open
        assert row.realized_pnl == total_of(
            fill.quantity * fill.price * (1 if side == "sell" else -1) for side, fill in fills
        )
        assert row.fees == total_of(fill.fee or Decimal(0) for _, fill in fills)
        return row


@pytest.fixture(params=["binance", "bybit"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    clock = Clock()
    exchange = SimulatedExchange(request.param, clock=clock, sleep=clock.tick)
    exchange.set_price(APT, "3.2")
    with memory_ledger(clock) as ledger:
        yield Desk(ledger, clock, exchange)


def rolled_back(desk: Desk, position_id: str) -> Outcome:
    return desk.trader().roll_back(position_id, reason="operator")


def left(desk: Desk, position_id: str) -> Outcome:
    return desk.trader().exit(position_id, reason="signal")


CLOSING = pytest.mark.parametrize(
    ("closing", "kind"), [(rolled_back, OutcomeKind.ROLLED_BACK), (left, OutcomeKind.CLOSED)], ids=["roll back", "exit"]
)


@CLOSING
def test_what_the_stop_closed_before_has_its_price(
    desk: Desk, closing: Callable[[Desk, str], Outcome], kind: OutcomeKind
) -> None:
    position_id = desk.entered()
    desk.exchange.set_price(APT, "3.1")
    assert closing(desk, position_id).kind is kind
    assert desk.require_statement().avg_px_close == Decimal("3.1")


@CLOSING
def test_what_one_of_two_stops_closed_before_has_its_price(
    desk: Desk, closing: Callable[[Desk, str], Outcome], kind: OutcomeKind
) -> None:
    """At Binance the first one is for all. At Bybit the closing order is for 15, and finds 10."""
    position_id = desk.entered_twice()
    desk.exchange.set_price(APT, "3.15")
    assert closing(desk, position_id).kind is kind
    desk.require_statement()


@CLOSING
def test_what_a_stop_closed_that_was_never_told_has_its_price(
    desk: Desk, closing: Callable[[Desk, str], Outcome], kind: OutcomeKind
) -> None:
    position_id = desk.trailed_and_killed("3.3")
    desk.exchange.set_price(APT, "3.29")
    desk.clock.tick(5)
    assert closing(desk, position_id).kind is kind
    assert desk.require_statement().avg_px_close == Decimal("3.29")


def test_what_a_stop_closed_that_was_never_told_is_heard_by_a_synchronisation(desk: Desk) -> None:
    desk.trailed_and_killed("3.3")
    desk.exchange.set_price(APT, "3.29")
    for _ in range(2):
        desk.clock.tick(130)
        desk.trader().synchronise()
    row = desk.require_statement()
    assert (row.status, row.exit_reason, row.avg_px_close) == (Status.CLOSED, "stop_loss", Decimal("3.29"))


def test_what_a_stop_closed_is_heard_by_others_while_an_entry_is_promised(desk: Desk) -> None:
    """Another bot of the account synchronises; it tells the price, and leaves the cycle to whoever began it."""
    position_id = desk.entered()
    desk.ledger.request_increase(position_id=position_id, quantity="5", intent_id="more")  # killed before it was sent
    desk.exchange.set_price(APT, "3.1")
    other = Trader(desk.ledger, desk.exchange, owner="bot-2", clock=desk.clock, sleep=desk.clock.tick)
    desk.clock.tick(30)
    other.synchronise()
    row = desk.ledger.position(position_id)
    assert (row.status, row.quantity, row.realized_pnl) == (Status.ACTIVE, Decimal(0), Decimal(-1))
    assert [each.kind for each in desk.trader().resume()] == [OutcomeKind.CLOSED]
    assert desk.require_statement().exit_reason == "stop_loss"


def test_what_a_promised_exit_closed_is_heard_by_others(desk: Desk) -> None:
    """Its bot was killed when it had sent it; the account is believed, because it shows another position."""
    other = Trader(desk.ledger, desk.exchange, owner="bot-2", clock=desk.clock, sleep=desk.clock.tick)
    desk.exchange.set_price("SOL/USDT:USDT", "100")
    other.enter(symbol="SOL/USDT:USDT", side="long", quantity="1", stop_loss_percent="2", intent_id="2")
    position_id = desk.entered()
    desk.exchange.set_price(APT, "3.3")
    promise = desk.ledger.request_exit(position_id=position_id, reason="signal")
    assert promise.client_order_id is not None
    order = OrderTicket(
        symbol="APTUSDT",
        side="sell",
        kind=TicketKind.MARKET,
        client_order_id=promise.client_order_id,
        quantity=Decimal(10),
        reduce_only=True,
    )
    desk.exchange.place(order)
    desk.clock.tick(130)
    other.synchronise()
    assert desk.ledger.position(position_id).status is Status.ACTIVE
    assert OutcomeKind.CLOSED in [each.kind for each in desk.trader().resume()]
    row = desk.ledger.position(position_id)
    assert (row.status, row.exit_reason, row.realized_pnl) == (Status.CLOSED, "signal", Decimal(1))


def test_a_target_that_was_filled_or_taken_away_is_no_target_any_more(desk: Desk) -> None:
    """The bot placed both, and told the ledger."""
    position_id = desk.entered()
    for number, price in enumerate(("3.3", "3.4")):
        ticket = OrderTicket(
            symbol="APTUSDT",
            side="sell",
            kind=TicketKind.TARGET,
            client_order_id=f"target-{number}",
            quantity=Decimal(4),
            trigger_price=Decimal(price),
            reduce_only=True,
        )
        placed = desk.exchange.place(ticket)
        desk.ledger.set_take_profit(
            position_id=position_id, price=price, quantity="4", exchange_order_id=placed.order_id
        )
    desk.exchange.set_price(APT, "3.3")
    desk.exchange.cancel(APT, placed)
    assert [each.kind for each in desk.trader().resume()] == [OutcomeKind.PROTECTED]
    row = desk.ledger.position(position_id)
    assert (row.quantity, row.orders["target.1"].filled_qty) == (Decimal(6), Decimal(4))
    assert not row.orders.live("target")


def test_a_move_that_was_killed_between_its_two_stops_is_finished_by_a_synchronisation(desk: Desk) -> None:
    desk.trailed_and_killed("3.3")
    desk.clock.tick(130)
    found = desk.trader().synchronise()
    (stop,) = desk.exchange.audit.stops(APT)
    assert stop.ticket.trigger_price == Decimal("3.3") and desk.exchange.audit.is_covered(APT)
    (row,) = desk.ledger.positions()
    assert row.protected and row.stop_price == Decimal("3.3")
    assert not any("cancel at the exchange" in step.words for step in found.story)
    desk.clock.tick(130)
    assert desk.trader().synchronise().ok
