"""Scenario D: the process crashes when its order is placed; new signals come before its entry is recovered."""

from __future__ import annotations

from scripts.simulation.scenario import Scenario, Stage
from scripts.simulation.scenarios.parallel_signals import FIRST_INTENT
from scripts.simulation.thread_crew import together
from scripts.simulation.trade_signal import SignalStep


def play(stage: Stage) -> None:
    """I-09: the second order was sent on the old row."""
    signal = stage.place.signal(str(FIRST_INTENT))
    crashed = stage.attempt(signal)
    crashed.go_on(SignalStep.PLACED)
    crashed.crash()
    others = max(1, stage.threads - 1)
    new = [stage.attempt(stage.place.signal(str(FIRST_INTENT + number))) for number in range(1, others + 1)]
    together([attempt.to(SignalStep.CLAIMED) for attempt in new])
    together([attempt.go_on for attempt in new])
    crashed.bot.recover(signal)


SCENARIO = Scenario(
    "D",
    "crash in mid-entry, then a new signal",
    "the process dies when its order is placed; after the restart come new signals, and only then is the unfinished "
    "entry looked at",
    play,
)
