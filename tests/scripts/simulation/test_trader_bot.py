"""The bot of the scenarios is the trader, stopped between two of its steps; its clock moves when it waits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from domain.values import Side
from infrastructure.settings import Settings
from infrastructure.simulation.books.fault_plan import OrderFault
from infrastructure.simulation.exchange_simulator import SimulatedExchange
from position_ledger.trading import Rules
from scripts.simulation.played_time import SPEED, FastTime, WaitedTime
from scripts.simulation.trade_signal import Signal, SignalStep, Stopped, Told
from scripts.simulation.trader_bot import LedgerWay, TraderBot

SIGNAL = Signal("5483266", "APTUSDT", "binance", Side.SHORT, Decimal("61.8"), Decimal("3.2333"))
RIVAL = Signal("5483267", "aptusdt", "Binance", Side.SHORT, Decimal("61.8"), Decimal("3.2333"))


@pytest.fixture
def clock() -> WaitedTime:
    return WaitedTime()


@pytest.fixture
def exchange(clock: WaitedTime) -> SimulatedExchange:
    exchange = SimulatedExchange(clock=clock, sleep=clock.sleep)
    exchange.list_market("APT/USDT:USDT", "3.2295", quantity_step="0.1")
    return exchange


@pytest.fixture
def bot(exchange: SimulatedExchange, tmp_path: Path) -> Iterator[TraderBot]:
    way = LedgerWay(Settings("sqlite", str(tmp_path / "ledger.db")))
    way.create()
    with way.bot(exchange, "bot-1") as bot:
        yield bot


def test_an_entry_is_told_step_by_step(bot: TraderBot, exchange: SimulatedExchange) -> None:
    seen = [(step, len(exchange.audit.orders())) for step in bot.enter(SIGNAL)]
    assert seen == [
        (SignalStep.CLAIMED, 0),
        (SignalStep.ORDERED, 1),
        (SignalStep.PLACED, 1),
        (SignalStep.ACTIVE, 2),
    ]
    assert bot.books()[0].words == "APTUSDT.binance#1: short 61.8 @ 3.2295, order 53190368, active"


@pytest.mark.parametrize(
    ("signal", "told"), [(RIVAL, Told.REFUSED), (SIGNAL, Told.REPLAYED)], ids=["another", "the same"]
)
def test_a_signal_that_is_not_to_order_is_told_so(
    bot: TraderBot, exchange: SimulatedExchange, signal: Signal, told: Told
) -> None:
    list(bot.enter(SIGNAL))
    with pytest.raises(Stopped) as stopped:
        list(bot.enter(signal))
    assert stopped.value.told is told
    assert len(exchange.audit.entries()) == 1


def test_an_order_that_never_arrives_fails_when_it_cannot_any_more(
    bot: TraderBot, exchange: SimulatedExchange, clock: WaitedTime
) -> None:
    began = clock()
    exchange.next_order("APTUSDT", OrderFault.NEVER_ARRIVED)
    with pytest.raises(Stopped, match="knows no order") as stopped:
        list(bot.enter(SIGNAL))
    assert stopped.value.told is Told.FAILED
    assert (clock() - began).total_seconds() >= Rules().lookup_seconds
    assert exchange.audit.entries() == []


def test_what_crashed_is_finished_by_the_next_start(bot: TraderBot, exchange: SimulatedExchange) -> None:
    steps = bot.enter(SIGNAL)
    assert [next(steps), next(steps)] == [SignalStep.CLAIMED, SignalStep.ORDERED]
    steps.close()
    assert bot.recover(SIGNAL)
    assert exchange.audit.is_covered("APTUSDT") and len(exchange.audit.entries()) == 1
    bot.close_late(SIGNAL)
    assert exchange.audit.held("APTUSDT") == 0


def test_fast_time_passes_for_everybody(clock: WaitedTime) -> None:
    stands = clock()
    assert clock() == stands
    fast = FastTime()
    began = fast()
    fast.sleep(SPEED / 100)
    assert (fast() - began).total_seconds() >= SPEED / 100
