"""Scenario A: signals for one symbol at the same moment, and more while the first position is being opened."""

from __future__ import annotations

from scripts.simulation.scenario import Scenario, Stage
from scripts.simulation.thread_crew import together
from scripts.simulation.trade_signal import SignalStep, Told


def play(stage: Stage) -> None:
    """I-07: both signals got the same row and sent an order each. I-04: one of the signals comes twice."""
    at_once = (stage.threads + 1) // 2
    first = [stage.attempt(nth) for nth in range(at_once)]
    together([attempt.to(SignalStep.CLAIMED) for attempt in first])
    together([attempt.to(SignalStep.PLACED) for attempt in first])
    signals = [*range(at_once, stage.threads)]
    if len(signals) > 1:
        signals[-1] = next(nth for nth, attempt in enumerate(first) if attempt.told is not Told.REFUSED)
    second = [stage.attempt(nth) for nth in signals]
    together([attempt.to(SignalStep.CLAIMED) for attempt in second])
    together([attempt.to(SignalStep.PLACED) for attempt in second])
    together([attempt.go_on for attempt in (*first, *second)])


SCENARIO = Scenario(
    "A",
    "parallel signals",
    "half of the signals at the same moment, the others while the first position is being opened, one of them a "
    "signal that came before",
    play,
)
