"""Scenario B: the synchroniser sees a position at the exchange before the signal that opened it is done."""

from __future__ import annotations

from functools import partial
from itertools import cycle, islice

from domain.symbols.spelling import normalized_symbol
from infrastructure.simulation.books.fault_plan import OrderFault
from scripts.simulation.scenario import QUANTITY, Scenario, Stage, unified
from scripts.simulation.thread_crew import together
from scripts.simulation.trade_signal import SignalStep


def play(stage: Stage) -> None:
    """I-01: 61.0 of 61.8 were filled, and the row of the signal stood outside the index while it slept."""
    symbol, exchange = normalized_symbol(stage.place.symbol), stage.place.exchange
    spellings = [
        (symbol, exchange),
        (unified(symbol), exchange),
        (symbol, exchange.title()),
    ]
    signal = stage.attempt(0)
    stage.exchange.next_order(symbol, OrderFault.REST_EXPIRES, at_once=QUANTITY - QUANTITY % 1)
    signal.go_on(SignalStep.PLACED)
    synchronisers = [stage.bot() for _ in range(stage.threads - 1)]
    together(
        [
            partial(bot.synchronise, *spelling)
            for bot, spelling in zip(synchronisers, islice(cycle(spellings), len(synchronisers)), strict=True)
        ]
    )
    signal.go_on()


SCENARIO = Scenario(
    "B",
    "signal against synchroniser",
    "one signal; when its order is placed, the synchronisers look at the exchange, each with a spelling of its own",
    play,
)
