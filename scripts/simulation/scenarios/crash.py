"""Scenario D: the process crashes when its order is placed; new signals come before its entry is recovered."""

from __future__ import annotations

from scripts.simulation.scenario import Scenario, Stage
from scripts.simulation.thread_crew import together
from scripts.simulation.trade_signal import SignalStep


def play(stage: Stage) -> None:
    """I-09: the second order was sent on the old row."""
    crashed = stage.attempt(0)
    crashed.go_on(SignalStep.PLACED)
    crashed.crash()
    new = [stage.attempt(nth) for nth in range(1, stage.threads)]
    together([attempt.to(SignalStep.CLAIMED) for attempt in new])
    together([attempt.go_on for attempt in new])
    crashed.bot.recover(crashed.signal)


SCENARIO = Scenario(
    "D",
    "crash in mid-entry, then a new signal",
    "the process dies when its order is placed; after the restart come new signals, and only then is the unfinished "
    "entry looked at",
    play,
)
