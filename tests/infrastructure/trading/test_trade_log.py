"""The log of a trader: failed calls, the ends of flows, and positions that they leave unprotected."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.trading.async_trader import AsyncTrader
from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder
from infrastructure.trading.rules import Rules
from infrastructure.trading.trade_outcome import Outcome
from infrastructure.trading.trader import Trader
from position_ledger import PositionLedger, PositionRow
from position_ledger.testing import CallFault, Clock, OrderFault, SimulatedExchange, memory_ledger

SIGNAL: dict[str, Any] = {"symbol": "APT/USDT:USDT", "side": "short", "quantity": "61.8", "stop_loss_percent": "2"}
RULES = Rules(stop_tries=2, rollback_tries=1)


class SilentAfterFills(SimulatedExchange):
    """An exchange that shows the fills of an entry, and answers nothing from then on."""

    def fills(self, symbol: str, order: ExchangeOrder) -> list[ExchangeFill]:
        found = super().fills(symbol, order)
        self.next_calls(CallFault.OUTAGE, 500)
        return found


def exchange_at(clock: Clock, kind: type[SimulatedExchange] = SimulatedExchange) -> SimulatedExchange:
    exchange = kind("binance", seed=1, clock=clock)
    exchange.list_market("APT/USDT:USDT", "3.2295", quantity_step="0.1")
    return exchange


def passing(clock: Clock) -> Callable[[float], None]:
    return lambda seconds: clock.tick(max(1, round(seconds)))


def words(caplog: pytest.LogCaptureFixture, level: str) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "position_ledger" and each.levelname == level]


def test_how_a_flow_ends_is_a_line_and_a_call_that_failed_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    exchange = exchange_at(clock)
    caplog.set_level(logging.INFO, "position_ledger")
    with memory_ledger(clock) as ledger:
        trader = Trader(ledger, exchange, rules=RULES, clock=clock, sleep=passing(clock))
        exchange.next_code("-1", "no\x1b[2J\nWARNING \u202e")
        assert trader.enter(**SIGNAL, intent_id="0").kind == "failed"
        exchange.next_stop("APTUSDT", OrderFault.REFUSED)
        assert trader.enter(**SIGNAL, intent_id="1").kind == "protected"
        assert trader.enter(**SIGNAL, intent_id="2").kind == "refused"
    assert "APTUSDT.binance#2: protected" in words(caplog, "INFO")
    assert all(line.isprintable() for line in words(caplog, "WARNING"))
    warnings = words(caplog, "WARNING")
    assert any(line.startswith("place: Refused: ") for line in warnings)
    assert any(line.startswith("no position: refused: ") for line in warnings)


def test_what_a_flow_leaves_bare_is_told_to_a_hook() -> None:
    clock, bare = Clock(), list[Any]()
    exchange = exchange_at(clock, SilentAfterFills)
    options: dict[str, Any] = {"rules": RULES, "clock": clock, "sleep": passing(clock), "on_unprotected": bare.append}
    with memory_ledger(clock) as ledger, Trader(ledger, exchange, **options) as trader:
        outcome = trader.enter(**SIGNAL, intent_id="1")
        assert outcome.kind == "unresolved"
    assert bare == [outcome.position]


def test_so_it_is_on_asyncio_though_the_program_ends_at_once() -> None:
    clock, bare = Clock(), list[Any]()
    exchange = exchange_at(clock, SilentAfterFills)

    async def tell(row: PositionRow) -> None:
        await asyncio.sleep(0.01)
        bare.append(row)

    async def nap(seconds: float) -> None:
        passing(clock)(seconds)

    async def day(ledger: PositionLedger) -> Outcome:
        options: dict[str, Any] = {"rules": RULES, "clock": clock, "sleep": nap, "on_unprotected": tell}
        async with AsyncTrader(AsyncPositionLedger(ledger), exchange, **options) as trader:
            return await trader.enter(**SIGNAL, intent_id="1")

    with memory_ledger(clock) as ledger:
        outcome = asyncio.run(day(ledger))
    assert bare == [outcome.position]


def test_what_is_covered_in_the_end_is_no_alarm() -> None:
    clock, bare = Clock(), list[Any]()
    exchange = exchange_at(clock)
    options: dict[str, Any] = {"rules": RULES, "clock": clock, "sleep": passing(clock), "on_unprotected": bare.append}
    with memory_ledger(clock) as ledger, Trader(ledger, exchange, **options) as trader:
        trader.enter(**SIGNAL, intent_id="1")
        trader.synchronise()
        trader.exit("APTUSDT.binance#1", reason="target")
        assert trader.resume() == []
    assert bare == []
