"""Scenario A: signals for one symbol at the same moment, and more while the first position is being opened."""

from __future__ import annotations

from scripts.simulation.scenario import Scenario, Stage
from scripts.simulation.thread_crew import together
from scripts.simulation.trade_signal import SignalStep, Told

FIRST_INTENT = 5483266


def play(stage: Stage) -> None:
    """I-07: both signals got the same row and sent an order each. I-04: one of the signals comes twice."""
    at_once = (stage.threads + 1) // 2
    first = [stage.attempt(stage.place.signal(str(FIRST_INTENT + number))) for number in range(at_once)]
    together([attempt.to(SignalStep.CLAIMED) for attempt in first])
    together([attempt.to(SignalStep.PLACED) for attempt in first])
    intents = [str(FIRST_INTENT + number) for number in range(at_once, stage.threads)]
    if len(intents) > 1:
        intents[-1] = next(attempt.signal.intent_id for attempt in first if attempt.told is not Told.REFUSED)
    second = [stage.attempt(stage.place.signal(intent)) for intent in intents]
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
