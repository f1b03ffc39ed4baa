"""One attempt of one bot to open a position, which a scenario can hold up, let go on, or let crash."""

from __future__ import annotations

from collections.abc import Callable

from scripts.simulation.bot import Bot
from scripts.simulation.trade_signal import Signal, SignalStep, Stopped, Told


class Attempt:
    """A bot, a signal, and how far it came; `told` is None while it is under way."""

    def __init__(self, bot: Bot, signal: Signal) -> None:
        self.bot, self.signal = bot, signal
        self.told: Told | None = None
        self.words = ""
        self._steps = bot.enter(signal)

    def go_on(self, until: SignalStep | None = None) -> None:
        """Go on to a step, or to the end; nothing happens any more once it is over."""
        try:
            while self.told is None and next(self._steps) is not until:
                continue
        except StopIteration:
            self.told = Told.OPENED
        except Stopped as end:
            self.told, self.words = end.told, str(end)

    def to(self, step: SignalStep) -> Callable[[], None]:
        """The same, for a crew."""
        return lambda: self.go_on(step)

    def crash(self) -> None:
        """Let the process crash where it is."""
        self._steps.close()
        if self.told is None:
            self.told = Told.CRASHED
