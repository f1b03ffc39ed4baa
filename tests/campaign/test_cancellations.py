"""Of 200 simultaneous entries 60 are cancelled, each at another step: all positions get a stop, no slot stays taken."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from domain.values import Status
from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from infrastructure.trading.async_trader import AsyncTrader
from infrastructure.trading.effects import Effect
from infrastructure.trading.rules import Rules
from infrastructure.trading.trade_outcome import Outcome
from position_ledger import PositionLedger
from position_ledger.testing import CallFault, OrderFault, SimulatedExchange, assert_sound

ENTRIES, CANCELLED, STEPS_MAX, STARTS_MAX = 200, 60, 30, 8
SPEED = 40
"""How much faster than ours the time of a run goes."""
RULES = Rules(send_seconds=3600, stop_tries=3, finish_seconds=60)
RATE = 0.04


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of refusals and doubts are what is wanted here, and nobody reads them."""
    caplog.set_level(logging.ERROR, "position_ledger")


@dataclass
class Caller:
    """Whose flow it is, and after how many of its steps he is cancelled; None: never."""

    task: asyncio.Task[Any] | None
    steps_left: int | None


CALLER: ContextVar[Caller | None] = ContextVar("CALLER", default=None)


class CancellingTrader(AsyncTrader):
    """A trader whose callers are cancelled in the middle of a step."""

    async def _done(self, effect: Effect) -> Any:
        caller = CALLER.get()
        if caller is not None and caller.steps_left is not None:
            caller.steps_left -= 1
            if caller.steps_left == 0 and caller.task is not None:
                caller.task.cancel()
        return await super()._done(effect)


def quick_clock() -> Callable[[], datetime]:
    began, start = time.monotonic(), datetime(2025, 10, 22, 18, 50, tzinfo=UTC)
    return lambda: start + timedelta(seconds=(time.monotonic() - began) * SPEED)


async def nap(seconds: float) -> None:
    await asyncio.sleep(seconds / SPEED)


async def entered(trader: AsyncTrader, number: int, steps: int | None) -> Outcome:
    CALLER.set(Caller(asyncio.current_task(), steps))
    return await trader.enter(
        symbol=f"S{number}/USDT:USDT",
        side="short",
        quantity="61.8",
        stop_loss_percent="2",
        intent_id=f"signal-{number}",
    )


async def crowd(ledger: AsyncPositionLedger, exchange: SimulatedExchange, clock: Callable[[], datetime]) -> int:
    """Enter everything at once, and cancel some; how many callers heard of it."""
    numbers = Random(1)
    steps = {number: numbers.randint(1, STEPS_MAX) for number in numbers.sample(range(ENTRIES), CANCELLED)}
    async with CancellingTrader(ledger, exchange, rules=RULES, owner="bot", clock=clock, sleep=nap) as trader:
        ended = await asyncio.gather(
            *(asyncio.create_task(entered(trader, number, steps.get(number))) for number in range(ENTRIES)),
            return_exceptions=True,
        )
    odd = [each for each in ended if not isinstance(each, Outcome | asyncio.CancelledError)]
    assert odd == []
    return sum(isinstance(each, asyncio.CancelledError) for each in ended)


def is_settled(row: Any) -> bool:
    return not row.status.is_open or (row.status is Status.ACTIVE and bool(row.protected))


@pytest.mark.parametrize("rate", [0.0, RATE], ids=["fair", "with faults"])
def test_a_cancelled_entry_is_neither_bare_nor_stuck(ledger_url: str, rate: float) -> None:
    clock = quick_clock()
    exchange = SimulatedExchange("binance", seed=1, clock=clock, rates=dict.fromkeys((*OrderFault, *CallFault), rate))
    for number in range(ENTRIES):
        exchange.list_market(f"S{number}/USDT:USDT", "3.2295", quantity_step="0.1")

    async def day(kept: PositionLedger) -> None:
        ledger = AsyncPositionLedger(kept)
        assert await crowd(ledger, exchange, clock) > CANCELLED / 2
        if not rate:
            assert [row.position_id for row in await ledger.positions(open=True) if not is_settled(row)] == []
        exchange.calm()
        trader = AsyncTrader(ledger, exchange, rules=RULES, owner="bot", clock=clock, sleep=nap)
        for _ in range(STARTS_MAX):
            await trader.resume()
            if all(map(is_settled, await ledger.positions(open=True))):
                break
        assert [row.position_id for row in await ledger.positions(open=True) if not is_settled(row)] == []

    with PositionLedger(open_store(Settings.read(ledger_url)), clock=clock) as kept:
        asyncio.run(day(kept))
        audit, held = exchange.audit, {row.symbol: row for row in kept.positions(open=True)}
        assert audit.doubled() == []
        for number in range(ENTRIES):
            symbol = f"S{number}USDT"
            quantity = held[symbol].quantity if symbol in held else 0
            assert -audit.held(symbol) == quantity and audit.is_covered(symbol), symbol
            assert bool(audit.stops(symbol)) == bool(quantity), symbol
        assert_sound(kept)
