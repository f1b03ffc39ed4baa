"""Scenario C: a first attempt is rolled back without an answer, a second one opens, then the close comes again."""

from __future__ import annotations

from functools import partial

from scripts.simulation.process_crew import together
from scripts.simulation.scenario import Scenario, Stage
from scripts.simulation.scenarios.parallel_signals import FIRST_INTENT
from scripts.simulation.simulated_exchange import Fault
from scripts.simulation.trade_signal import SignalStep, Told

STOPS_REFUSED = 3


def play(stage: Stage) -> None:
    """I-08: a late close of the first attempt hits the second."""
    first = stage.attempt(stage.place.signal(str(FIRST_INTENT)))
    first.go_on(SignalStep.PLACED)
    stage.exchange.refuse_stops(stage.place.symbol, STOPS_REFUSED)
    stage.exchange.go_wrong(stage.place.symbol, Fault.ANSWER_LOST)
    first.go_on()
    again = stage.place.signal(str(FIRST_INTENT + 1))
    second = stage.attempt(again)
    second.go_on()
    if second.told is Told.REFUSED:
        first.bot.close_late(first.signal)
        stage.attempt(again).go_on()
    bots = [stage.bot() for _ in range(max(1, stage.threads - 1))]
    together([partial(bot.close_late, first.signal) for bot in bots])


SCENARIO = Scenario(
    "C",
    "retry after rollback",
    "the stop of a first attempt is refused, and nobody answers its closing order; a second attempt opens; then the "
    "closing order of the first is sent again by everybody else",
    play,
)
