"""Stress: bots act at random, at an exchange that loses answers, until the time is up."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count
from math import ceil
from typing import Final

from domain.symbols.spelling import normalized_symbol
from infrastructure.simulation.books.fault_plan import OrderFault
from scripts.simulation.attempt import Attempt
from scripts.simulation.bot import STOP_TRIES, Bot
from scripts.simulation.played_time import FastTime
from scripts.simulation.scenario import Place, Scenario, Stage
from scripts.simulation.thread_crew import together
from scripts.simulation.trade_signal import Signal, SignalStep, Told

OTHER_SYMBOLS: Final = ("PERPUSDT", "KASUSDT")
LATENCY_SECONDS: Final = 0.05
FAULTS: Final = (OrderFault.ANSWER_LOST, OrderFault.NEVER_ARRIVED)
RECENT: Final = 20
RESTARTS_MAX: Final = 3
CRASH_SHARE, FAULT_SHARE, REFUSED_STOP_SHARE = 0.15, 0.1, 0.05


class Worker:
    """One bot that acts at random; the same seed gives the same choices."""

    def __init__(self, stage: Stage, number: int, seed: int, recent: deque[Signal]) -> None:
        """Start a process; `recent` are the signals of all workers."""
        self._stage, self._bot = stage, stage.bot()
        self._chance = random.Random(f"{seed} {number}")  # noqa: S311 - no secret depends on it
        self._intents = (f"{number}-{nth}" for nth in count(1))
        self._recent = recent
        self._symbols = symbols(stage.place)
        self.attempts: list[Attempt] = []
        self._unfinished: list[Signal] = []
        self._actions: dict[Callable[[], None], int] = {
            self._enter: 6,
            self._deliver_again: 3,
            self._synchronise: 4,
            self._exit: 6,
            self.come_to_rest: 4,
        }
        """What it may do next, with the relative frequency of each."""

    def work(self, is_over: Callable[[], bool]) -> None:
        """Work until the time is up."""
        while not is_over():
            (action,) = self._chance.choices([*self._actions], [*self._actions.values()])
            action()

    def come_to_rest(self) -> None:
        """Recover the unfinished entries."""
        self._unfinished = [signal for signal in self._unfinished if not self._bot.recover(signal)]

    def _symbol(self) -> str:
        return self._chance.choice(self._symbols)

    def _enter(self) -> None:
        place = Place(self._symbol(), self._stage.place.exchange)
        signal = place.signal(next(self._intents))
        self._recent.append(signal)
        if self._chance.random() < FAULT_SHARE:
            self._stage.exchange.next_order(place.symbol, self._chance.choice(FAULTS))
        if self._chance.random() < REFUSED_STOP_SHARE:
            for _ in range(STOP_TRIES):
                self._stage.exchange.next_stop(place.symbol, OrderFault.REFUSED)
        self._deliver(signal)

    def _deliver_again(self) -> None:
        if self._recent:
            self._deliver(self._chance.choice(list(self._recent)))

    def _deliver(self, signal: Signal) -> None:
        attempt = Attempt(self._bot, signal)
        self.attempts.append(attempt)
        if self._chance.random() < CRASH_SHARE:
            attempt.go_on(self._chance.choice([SignalStep.CLAIMED, SignalStep.ORDERED, SignalStep.PLACED]))
            attempt.crash()
        else:
            attempt.go_on()
        if attempt.told in (Told.CRASHED, Told.FAILED):
            self._unfinished.append(signal)

    def _synchronise(self) -> None:
        self._bot.synchronise(self._symbol(), self._stage.place.exchange)

    def _exit(self) -> None:
        self._bot.exit(self._symbol())


def symbols(place: Place) -> list[str]:
    """The few symbols that all bots trade."""
    return [place.symbol, *(symbol for symbol in OTHER_SYMBOLS if symbol != normalized_symbol(place.symbol))]


def stress(seconds: float, seed: int) -> Scenario:
    """The scenario for a number of seconds and a seed."""

    def play(stage: Stage) -> None:
        for symbol in symbols(stage.place):
            stage.list_symbol(symbol)
        recent: deque[Signal] = deque(maxlen=RECENT)
        workers = [Worker(stage, number, seed, recent) for number in range(stage.threads)]
        clock = _SharedClock(seconds, stage.advance)
        together([partial(worker.work, clock.is_over) for worker in workers], stop=clock.stop, meanwhile=clock.tell)
        _come_to_rest(stage, workers)
        stage.attempts += [attempt for worker in workers for attempt in worker.attempts]

    return Scenario(
        "stress",
        "everything at random",
        f"signals, signals that come again, synchronisers, exits and crashes for {seconds:g} s (seed {seed}), while "
        "the exchange loses answers and refuses stops; at the end everybody comes back and looks",
        play,
        ceil(seconds),
        FastTime,
        LATENCY_SECONDS,
    )


class _SharedClock:
    """Says when the time is up, and reports each second that has passed."""

    def __init__(self, seconds: float, advance: Callable[[int], None]) -> None:
        self._seconds, self._advance = seconds, advance
        self._began, self._told = time.monotonic(), 0
        self._stopped = threading.Event()

    def is_over(self) -> bool:
        return self._stopped.is_set() or time.monotonic() - self._began >= self._seconds

    def stop(self) -> None:
        self._stopped.set()

    def tell(self) -> None:
        over = int(time.monotonic() - self._began)
        self._advance(over - self._told)
        self._told = over


def _come_to_rest(stage: Stage, workers: list[Worker]) -> None:
    """Remove all faults, let every bot recover, and synchronise once.

    Time runs fast, so on a busy machine the patience of a bot may end before the exchange has answered: it tries again.
    """
    stage.exchange.calm()
    for _ in range(RESTARTS_MAX):
        for worker in workers:
            worker.come_to_rest()
    bot: Bot = stage.bot()
    for symbol in symbols(stage.place):
        bot.synchronise(symbol, stage.place.exchange)
