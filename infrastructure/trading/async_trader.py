"""The driver for asyncio: when a caller is cancelled, an order that was sent is still followed and protected."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from inspect import isawaitable
from typing import Any, Self, TypeVar

from domain.commands.order_requests import RequestExit, RequestIncrease
from domain.commands.requests import RequestEntry
from domain.errors import LedgerError
from domain.values import Leg, Side
from infrastructure.awaited_hooks import awaited_on
from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.ledger_clock import monotonic_beside, now
from infrastructure.trading.effects import Call, Effect, Flow, Monotonic, Now, Read, RunningFlow, Tell, Wait
from infrastructure.trading.exchange_errors import ExchangeError, GivenUp
from infrastructure.trading.exchange_orders import Amount, above_zero, amount
from infrastructure.trading.exchange_port import AsyncExchange, Exchange
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


class AsyncTrader:
    """The asyncio twin of Trader: `async with AsyncTrader(...)`; the same flows, awaited.

    A caller that is cancelled before its order was sent gives the slot back. If the order was sent, a task of the
    trader goes on to protect what it fills; `aclose` waits for that task, `finish_seconds` at most.
    """

    def __init__(
        self,
        ledger: AsyncPositionLedger,
        exchange: AsyncExchange | Exchange,
        *,
        rules: Rules | None = None,
        owner: str | None = None,
        on_unprotected: OnUnprotected | None = None,
        clock: Callable[[], datetime] = now,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        """Trade on one account; see Trader."""
        self._ledger, self._exchange = ledger, exchange
        self._rules, self._owner = rules or Rules(), owner
        self._clock, self._sleep = clock, sleep
        self._monotonic = monotonic or monotonic_beside(clock)
        self._log = TradeLog(awaited_on(lambda: self._loop, on_unprotected))
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop

    async def enter(
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
        """Open a position, once for an intent, with a stop; see Trader.enter."""
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
        return await self._run(enter(self._context(), wanted))

    async def increase(
        self, position_id: str, *, intent_id: str, quantity: Amount | None = None, cost: Amount | None = None
    ) -> Outcome:
        """Add to a position; see Trader.increase."""
        more = {"quantity": amount("quantity", quantity), "cost": amount("cost", cost)}
        return await self._run(increase(self._context(), position_id, intent_id=intent_id, **more))

    async def exit(
        self, position_id: str, *, reason: str, quantity: Amount | None = None, intent_id: str | None = None
    ) -> Outcome:
        """Close a position, or a part of it; see Trader.exit."""
        part = amount("quantity", quantity)
        return await self._run(
            exit_position(self._context(), position_id, reason=reason, quantity=part, intent_id=intent_id)
        )

    async def protect(self, position_id: str, *, stop_price: Amount) -> Outcome:
        """Move the stop of an active position; see Trader.protect."""
        return await self._run(protect(self._context(), position_id, above_zero("stop_price", stop_price)))

    async def roll_back(self, position_id: str, *, reason: str) -> Outcome:
        """Undo an entry; see Trader.roll_back."""
        return await self._run(rolled_back(self._context(), position_id, reason))

    async def resume(self) -> list[Outcome]:
        """Take up what is unfinished; see Trader.resume."""
        return await self._run(resume(self._context()))

    async def synchronise(self) -> Synchronised:
        """Compare the ledger with the account; see Trader.synchronise."""
        return await self._run(synchronise(self._context()))

    async def run(self, every: float = 120.0) -> None:
        """Resume and synchronise again and again, until the task is cancelled; see Trader.run. Units: seconds."""
        while True:
            with self._log.round():
                await self.resume()
                await self.synchronise()
            await self._sleep(every)

    async def aclose(self) -> None:
        """Wait for flows, `finish_seconds` at most, and then for the hook; `resume` takes up the rest."""
        if self._unfinished:
            _, late = await asyncio.wait(self._unfinished, timeout=self._rules.finish_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await asyncio.to_thread(self._log.close)  # the hook may need this loop, so another thread waits for it

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _context(self) -> FlowContext:
        return FlowContext(self._rules, self._exchange.name, self._exchange.account_name, self._owner)

    async def _run(self, flow: Flow[Ended]) -> Ended:
        self._loop, given_up = asyncio.get_running_loop(), asyncio.Event()
        task = asyncio.create_task(self._drive(flow, given_up))
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            given_up.set()
            raise

    async def _drive(self, flow: Flow[Ended], given_up: asyncio.Event) -> Ended:
        running = RunningFlow(flow)
        while not running.is_over:
            try:
                if given_up.is_set():
                    _require_caller(running.effect)
                answer = await self._done(running.effect)
            except (LedgerError, ExchangeError) as error:
                self._log.failed(running.effect, error)
                running.fail(error)
            else:
                running.answer(answer)
        self._log.ended(running.ended)
        return running.ended

    async def _done(self, effect: Effect) -> Any:
        match effect:
            case Tell(command):
                return await self._ledger.handle(command)
            case Read(method, arguments, options):
                return await getattr(self._ledger, method)(*arguments, **options)
            case Call(method, arguments, options):
                answer = getattr(self._exchange, method)(*arguments, **options)
                return await answer if isawaitable(answer) else answer
            case Wait(seconds):
                return await self._sleep(seconds)
            case Now():
                return self._clock()
            case Monotonic():
                return self._monotonic()


def _require_caller(effect: Effect) -> None:
    """Begin nothing new for a cancelled caller: neither a claim, nor an order that opens.

    Raises: CancelledError before a claim, because nothing was begun; GivenUp before an order, so that the flow frees
            its slot.
    """
    if isinstance(effect, Tell) and isinstance(effect.command, RequestEntry | RequestIncrease | RequestExit):
        raise asyncio.CancelledError
    if isinstance(effect, Call) and effect.method == "place" and not effect.arguments[0].reduce_only:
        raise GivenUp
