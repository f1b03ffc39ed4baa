"""Runs of a bot from a seed: killed or cancelled at any step, and started again, at an exchange that fails.

A run is judged by what was really done, which the exchange's audit says, once the exchange answers again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from domain.errors import LedgerError
from domain.values import Status
from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.trading.async_trader import AsyncTrader
from infrastructure.trading.effects import Effect
from infrastructure.trading.rules import Rules
from infrastructure.trading.trader import Trader
from position_ledger import PositionRow
from position_ledger.testing import CallFault, Clock, OrderFault, SimulatedExchange

SYMBOL, NAME = "APT/USDT:USDT", "APTUSDT"
DEEDS_MAX = 8
STEPS_MAX = 25
STARTS_MAX = 12
RATES = (0.0, 0.05, 0.2)
FAULTS = (*OrderFault, *CallFault)
RULES = Rules(fill_seconds=20, finish_seconds=600, lookup_seconds=20, stop_tries=3)


class Killed(BaseException):
    """The process is gone, between two steps."""


class KilledTrader(Trader):
    """A trader that is killed after so many steps; before the last one was done, or after it."""

    steps_left: int | None = None
    before = False

    def _done(self, effect: Effect) -> Any:
        if self.steps_left is None:
            return super()._done(effect)
        self.steps_left -= 1
        if self.steps_left <= 0 and self.before:
            raise Killed
        answer = super()._done(effect)
        if self.steps_left <= 0:
            raise Killed
        return answer


class CancelledTrader(AsyncTrader):
    """A trader whose caller is cancelled after so many steps."""

    steps_left: int | None = None
    caller: asyncio.Task[Any] | None = None

    async def _done(self, effect: Effect) -> Any:
        if self.steps_left is not None:
            self.steps_left -= 1
            if self.steps_left == 0 and self.caller is not None:
                self.caller.cancel()
        return await super()._done(effect)


class TradingRun:
    """One run: the bot, the exchange and the operator, from a seed."""

    def __init__(
        self, ledger: PositionLedger, clock: Clock, seed: int, *, on_asyncio: bool, account: str | None = None
    ) -> None:
        self.on_tasks = AsyncPositionLedger(ledger)
        self.rng, self.ledger, self.clock, self.on_asyncio = Random(seed), ledger, clock, on_asyncio
        rates = {fault: self.rng.choice(RATES) for fault in FAULTS}
        self.exchange = SimulatedExchange(
            self.rng.choice(("binance", "bybit")),
            seed=seed,
            account=account,
            rates=rates,
            clock=clock,
            sleep=self.sleep,
        )
        self.exchange.list_market(SYMBOL, "3.2295", quantity_step="0.1", min_quantity="0.1")
        self.intents = 0
        self.rules = replace(RULES, attaches_stops=self.rng.random() < 0.5)

    def sleep(self, seconds: float) -> None:
        self.clock.tick(max(1, round(seconds)))

    async def nap(self, seconds: float) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)

    def play(self) -> None:
        """Do what a day brings, then let the exchange answer again and start the bot until nothing is unfinished."""
        for _ in range(self.rng.randint(2, DEEDS_MAX)):
            self.deed()
        self.exchange.calm()
        trader = Trader(self.ledger, self.exchange, rules=self.rules, owner="bot", clock=self.clock, sleep=self.sleep)
        for _ in range(STARTS_MAX):
            self.clock.tick(30)
            trader.resume()
            trader.synchronise()
            if not self.faults():
                return

    def open_rows(self) -> list[PositionRow]:
        """What is open of this run's account; other runs may have theirs in the same ledger."""
        rows = self.ledger.positions(open=True)
        return [row for row in rows if row.account == self.exchange.account_name]

    def deed(self) -> None:
        kind = self.rng.choice(("enter", "enter", "exit", "roll_back", "resume", "synchronise", "price", "price"))
        if kind == "price":
            self.exchange.set_price(SYMBOL, f"{self.rng.uniform(3.1, 3.4):.4f}")
            self.clock.tick(self.rng.randint(1, 90))
            return
        held = self.open_rows()
        if kind in ("exit", "roll_back") and not held:
            return
        arguments: tuple[Any, ...] = ()
        options: dict[str, Any] = {}
        match kind:
            case "enter":
                self.intents += self.rng.choice((0, 1, 1))
                price = f"{self.exchange.audit.market(NAME).last_price}"
                options = {
                    "symbol": SYMBOL,
                    "side": self.rng.choice(("long", "short")),
                    "quantity": "61.8",
                    "stop_loss_percent": "2",
                    "signal_price": self.rng.choice((None, price, f"{Decimal(price) + Decimal('0.0031')}")),
                    "intent_id": str(self.intents),
                }
            case "exit":
                part = self.rng.choice((None, None, "20"))
                arguments, options = (held[0].position_id,), {"reason": "target", "quantity": part}
            case "roll_back":
                arguments, options = (held[0].position_id,), {"reason": "the operator wants it"}
        steps = self.rng.choice((None, self.rng.randint(1, STEPS_MAX)))
        if self.on_asyncio:
            asyncio.run(self.cancelled(kind, arguments, options, steps))
        else:
            self.killed(kind, arguments, options, steps)

    def killed(self, kind: str, arguments: tuple[Any, ...], options: dict[str, Any], steps: int | None) -> None:
        trader = KilledTrader(
            self.ledger, self.exchange, rules=self.rules, owner="bot", clock=self.clock, sleep=self.sleep
        )
        trader.steps_left, trader.before = steps, self.rng.random() < 0.5
        with suppress(Killed, LedgerError):
            getattr(trader, kind)(*arguments, **options)

    async def cancelled(
        self, kind: str, arguments: tuple[Any, ...], options: dict[str, Any], steps: int | None
    ) -> None:
        trader = CancelledTrader(
            AsyncPositionLedger(self.ledger),
            self.exchange,
            rules=self.rules,
            owner="bot",
            clock=self.clock,
            sleep=self.nap,
        )
        trader.steps_left = steps
        call: Callable[..., Coroutine[Any, Any, Any]] = getattr(trader, kind)
        trader.caller = asyncio.create_task(call(*arguments, **options))
        await asyncio.gather(trader.caller, return_exceptions=True)
        await trader.aclose()

    def faults(self) -> list[str]:
        """Whatever is wrong by now, once nothing is on its way any more."""
        audit, found = self.exchange.audit, []
        doubled = [order.ticket.client_order_id for order in audit.doubled()]
        if doubled:
            found.append(f"doubled: {doubled}")
        rows = self.open_rows()
        found += [
            f"{row.position_id} is {row.status}, protected {row.protected}"
            for row in rows
            if row.status is not Status.ACTIVE or not row.protected
        ]
        held = audit.held(NAME)
        ours = sum(row.side.sign * row.quantity for row in rows)
        if held != ours:
            found.append(f"{held} is held at the exchange, {ours} in the ledger")
        if held and not audit.is_covered(NAME):
            found.append(f"{held} is held without a stop for all of it")
        if not held and audit.stops(NAME):
            found.append(f"{len(audit.stops(NAME))} stops are left, and nothing is held")
        return found
