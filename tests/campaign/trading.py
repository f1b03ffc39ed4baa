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
from domain.values import Status, total_of
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
KINDS = ("enter", "exit", "price") * 2 + ("increase", "protect", "roll_back", "resume", "synchronise")
OF_A_POSITION = ("increase", "protect", "exit", "roll_back")
ROUNDED = Decimal("1e-15")
"""How far what was paid may be off: an average of the open quantity has 18 decimals."""
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
        kind = self.rng.choice(KINDS)
        if kind == "price":
            self.exchange.set_price(SYMBOL, f"{self.rng.uniform(3.1, 3.4):.4f}")
            self.clock.tick(self.rng.randint(1, 90))
            return
        held = self.open_rows()
        if kind in OF_A_POSITION and not held:
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
            case "increase":
                self.intents += self.rng.choice((0, 1, 1))
                arguments, options = (held[0].position_id,), {"intent_id": f"more {self.intents}", "quantity": "15.5"}
            case "protect":
                share = Decimal(self.rng.choice(("0.997", "0.99", "1.003", "1.01")))
                moved = (self.exchange.audit.market(NAME).last_price or Decimal(0)) * share
                arguments, options = (held[0].position_id,), {"stop_price": f"{moved:.4f}"}
            case "exit":
                part, intent_id = self.rng.choice(((None, None), (None, "all"), ("20", None), ("20", "first target")))
                arguments = (held[0].position_id,)
                options = {"reason": "target", "quantity": part, "intent_id": intent_id}
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
        more = self.increases()
        doubled = [name for order in audit.doubled() if (name := order.ticket.client_order_id) not in more]
        names = [order.ticket.client_order_id for order in audit.entries()]
        doubled += [name for name in more if names.count(name) > 1]
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
        return found + self.wrong_money()

    def increases(self) -> set[str]:
        """The client order ids of what was asked to add to a position, one for each intent."""
        rows = [row for row in self.ledger.positions() if row.account == self.exchange.account_name]
        entries = [order for row in rows for order in row.orders.values() if order.role == "entry"]
        return {order.client_order_id or "" for order in entries if order.name != "entry"}

    def wrong_money(self) -> list[str]:
        """Where fees, or what was paid and not got back, are other than the exchange's own fills say.

        The price of a close is known, unless a stop that the exchange had set with the entry closed it before anybody
        knew of it. What was paid is the same in whatever order it is told.
        """
        rows = [row for row in self.ledger.positions() if row.account == self.exchange.account_name]
        unknown = [row for row in rows if row.filled_qty and (row.realized_pnl is None or row.avg_px_open is None)]
        if unknown:
            return [] if self.rules.attaches_stops else [f"the profit of {unknown[0].position_id} is not known"]
        fills = [(order, fill) for order in self.exchange.audit.orders() for fill in self.exchange.audit.fills(order)]
        fees = total_of(fill.fee or Decimal(0) for _, fill in fills)
        ours = total_of(row.fees for row in rows)
        paid = total_of(fill.quantity * fill.price * (1 if order.ticket.side == "buy" else -1) for order, fill in fills)
        booked = total_of(
            row.quantity * (row.avg_px_open or Decimal(0)) * row.side.sign - (row.realized_pnl or Decimal(0))
            for row in rows
        )
        found = [f"fees of {ours}, and the exchange took {fees}"] if ours != fees else []
        if abs(booked - paid) > ROUNDED:
            found.append(f"{booked} was paid by the ledger, {paid} at the exchange")
        return found
