"""One attempt of one bot to open a position; a scenario can stop it at a step, let it go on, or let it crash."""

from __future__ import annotations

from collections.abc import Callable

from scripts.simulation.bot import Bot
from scripts.simulation.trade_signal import Signal, SignalStep, Stopped, Told


class Attempt:
    """A bot, a signal, and what the bot was told in the end; `told` is None while the attempt goes on."""

    def __init__(self, bot: Bot, signal: Signal) -> None:
        self.bot, self.signal = bot, signal
        self.told: Told | None = None
        self.words = ""
        self._steps = bot.enter(signal)

    def go_on(self, until: SignalStep | None = None) -> None:
        """Go on until a step is done, or to the end; an attempt that has ended does nothing."""
        try:
            while self.told is None and next(self._steps) is not until:
                continue
        except StopIteration:
            self.told = Told.OPENED
        except Stopped as end:
            self.told, self.words = end.told, str(end)

    def to(self, step: SignalStep) -> Callable[[], None]:
        """`go_on` until a step, as a function for `together`."""
        return lambda: self.go_on(step)

    def crash(self) -> None:
        """Crash the process of the bot at its present step."""
        self._steps.close()
        if self.told is None:
            self.told = Told.CRASHED
