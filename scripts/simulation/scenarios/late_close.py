"""Scenario C: the close of a first attempt gets no answer, a second attempt opens, then the close is sent again."""

from __future__ import annotations

from functools import partial

from infrastructure.simulation.books.fault_plan import OrderFault
from scripts.simulation.bot import STOP_TRIES
from scripts.simulation.scenario import Scenario, Stage
from scripts.simulation.thread_crew import together
from scripts.simulation.trade_signal import SignalStep


def play(stage: Stage) -> None:
    """I-08: a late close of the first attempt closes the second."""
    first = stage.attempt(0)
    first.go_on(SignalStep.PLACED)
    for _ in range(STOP_TRIES):
        stage.exchange.next_stop(stage.place.symbol, OrderFault.REFUSED)
    stage.exchange.next_order(stage.place.symbol, OrderFault.ANSWER_LOST)
    first.go_on()
    stage.attempt(1).go_on()
    bots = [stage.bot() for _ in range(stage.threads - 1)]
    together([partial(bot.close_late, first.signal) for bot in bots])


SCENARIO = Scenario(
    "C",
    "retry after rollback",
    "the stop of a first attempt is refused, and nobody answers its closing order; a second attempt opens; then the "
    "closing order of the first is sent again by everybody else",
    play,
)
