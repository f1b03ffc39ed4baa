"""The driver for threads: it executes the effects of a flow one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Self, TypeVar

from domain.errors import LedgerError
from domain.values import Leg, Side
from infrastructure.event_store.wakeups import Stop
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger_clock import monotonic_beside, now
from infrastructure.trading.effects import Call, Effect, Flow, Monotonic, Now, Read, RunningFlow, Tell, Wait
from infrastructure.trading.exchange_errors import ExchangeError
from infrastructure.trading.exchange_orders import Amount, above_zero, amount
from infrastructure.trading.exchange_port import Exchange
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.flows.entering import enter, increase
from infrastructure.trading.flows.exiting import exit_position
from infrastructure.trading.flows.moving_stops import protect
from infrastructure.trading.flows.resuming import resume
from infrastructure.trading.flows.synchronising import Synchronised, synchronise
from infrastructure.trading.flows.undoing import rolled_back
from infrastructure.trading.rules import Rules
from infrastructure.trading.trade_log import TradeLog
from infrastructure.trading.trade_outcome import Outcome
from infrastructure.trading.wanted_entry import WantedEntry
from infrastructure.witness import OnUnprotected

Ended = TypeVar("Ended")


class Trader:
    """Trades for a bot: claims orders in the ledger, sends them once, protects what they fill, or rolls it back.

    Thread-safe. Every outcome is returned, not raised. Only a ledger that cannot be reached raises (StoreUnavailable,
    OutcomeUnknown), and then no order was sent that the ledger does not know of.
    """

    def __init__(
        self,
        ledger: PositionLedger,
        exchange: Exchange,
        *,
        rules: Rules | None = None,
        owner: str | None = None,
        on_unprotected: OnUnprotected | None = None,
        clock: Callable[[], datetime] = now,
        sleep: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        """Trade on one account. `owner` names this bot, so that it resumes its own cycles at once after a crash.

        `on_unprotected` is called, in a thread of the trader, for every position that a flow leaves without a stop.
        How long something lasts is measured by `monotonic`: that of the machine, or else a `clock` of your own.
        """
        self._ledger, self._exchange = ledger, exchange
        self._rules, self._owner = rules or Rules(), owner
        self._clock, self._sleep = clock, sleep
        self._monotonic = monotonic or monotonic_beside(clock)
        self._log = TradeLog(on_unprotected)
        self._stopped = Stop()

    def enter(
        self,
        *,
        symbol: str,
        side: str | Side,
        intent_id: str,
        quantity: Amount | None = None,
        cost: Amount | None = None,
        stop_loss_percent: Amount | None = None,
        stop_price: Amount | None = None,
        signal_price: Amount | None = None,
        leg: str | Leg = Leg.BOTH,
    ) -> Outcome:
        """Open a position, once for an intent, with a stop.

        Shape:   `protected`, `refused` (somebody has the slot), `failed` (nothing is held), `rolled_back`, or
                 `unresolved`: the slot is held, and `resume` goes on.
        Units:   quantity as orders are counted at the market, rounded down to its step; `cost` in quote.
        Refuses: ValueError without a plan for the stop (unless the bot keeps it); StoreUnavailable, OutcomeUnknown.
        """
        wanted = WantedEntry.of(
            self._rules,
            symbol=symbol,
            side=side,
            intent_id=intent_id,
            quantity=quantity,
            cost=cost,
            leg=leg,
            stop_loss_percent=stop_loss_percent,
            stop_price=stop_price,
            signal_price=signal_price,
        )
        return self._run(enter(self._context(), wanted))

    def increase(
        self,
        position_id: str,
        *,
        intent_id: str,
        quantity: Amount | None = None,
        cost: Amount | None = None,
    ) -> Outcome:
        """Add to a position, once for an intent; what is added is covered as well. Units: as in `enter`."""
        more = {"quantity": amount("quantity", quantity), "cost": amount("cost", cost)}
        return self._run(increase(self._context(), position_id, intent_id=intent_id, **more))

    def exit(
        self,
        position_id: str,
        *,
        reason: str,
        quantity: Amount | None = None,
        intent_id: str | None = None,
    ) -> Outcome:
        """Close a position, or a part of it; if two processes decide to, only one of them sends the order.

        Shape: `closed`, `reduced`, `refused` (another exit is under way), `failed`, or `unresolved`.
        Units: `quantity` as in `enter`: a part is rounded down to the step of the market.
        """
        part = amount("quantity", quantity)
        return self._run(exit_position(self._context(), position_id, reason=reason, quantity=part, intent_id=intent_id))

    def protect(self, position_id: str, *, stop_price: Amount) -> Outcome:
        """Move the stop of an active position, also beyond its entry: the new one is placed before the old one goes.

        Shape: `protected`, with a `reason` where the stop stays as it was, because the exchange refuses the new one.
        Units: rounded to the tick, away from the market. Refuses: ValueError when `stop_price` is no price.
        """
        return self._run(protect(self._context(), position_id, above_zero("stop_price", stop_price)))

    def roll_back(self, position_id: str, *, reason: str) -> Outcome:
        """Undo an entry: close it reduce-only and prove that nothing is left; goes on where an earlier try stopped."""
        return self._run(rolled_back(self._context(), position_id, reason))

    def resume(self) -> list[Outcome]:
        """Take up every unfinished cycle of this owner, and overdue ones of others; call it at every start."""
        return self._run(resume(self._context()))

    def synchronise(self) -> Synchronised:
        """Compare the ledger with two reads of the account, correct what is certain, and protect what was adopted.

        Safe while other flows run: every correction names the version that was compared. What the two reads do not
        agree on is left to the next time.
        """
        return self._run(synchronise(self._context()))

    def run(self, every: float = 120.0) -> None:
        """Resume and synchronise again and again, until `stop` is called. Units: seconds.

        A ledger that does not answer is a warning in the log, and is asked again in the next round.
        """
        while not self._stopped.is_set():
            with self._log.round():
                self.resume()
                self.synchronise()
            self._stopped.wait(every)

    def stop(self) -> None:
        """End `run` after its current round, from any thread or a signal handler."""
        self._stopped.set()

    def step(self, running: RunningFlow[Any]) -> Any:
        """Execute the next effect of a flow, and let it go on: for tests that stop between any two steps.

        Shape: the answer that the flow got; None where it got an error.
        """
        try:
            answer = self._done(running.effect)
        except (LedgerError, ExchangeError) as error:
            self._log.failed(running.effect, error)
            running.fail(error)
            return None
        running.answer(answer)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._log.close()

    def _context(self) -> FlowContext:
        return FlowContext(self._rules, self._exchange.name, self._exchange.account_name, self._owner)

    def _run(self, flow: Flow[Ended]) -> Ended:
        running = RunningFlow(flow)
        while not running.is_over:
            self.step(running)
        self._log.ended(running.ended)
        return running.ended

    def _done(self, effect: Effect) -> Any:
        match effect:
            case Tell(command):
                return self._ledger.handle(command)
            case Read(method, arguments, options):
                return getattr(self._ledger, method)(*arguments, **options)
            case Call(method, arguments, options):
                return getattr(self._exchange, method)(*arguments, **options)
            case Wait(seconds):
                return self._sleep(seconds)
            case Now():
                return self._clock()
            case Monotonic():
                return self._monotonic()
