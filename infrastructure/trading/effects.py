"""Effects: a flow yields one effect at a time, and its driver executes it and sends the answer or the error back."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from domain.commands.base import Command

Ended = TypeVar("Ended")


@dataclass(frozen=True, slots=True)
class Tell:
    """A command to the ledger; the answer is its receipt, or CommandRefused."""

    command: Command


@dataclass(frozen=True, slots=True)
class Read:
    """A query to the ledger: one of its methods."""

    method: Literal["position", "positions", "history", "reconcile"]
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A call to the exchange: one of the methods of its port; the error is an ExchangeError."""

    method: Literal["market", "place", "cancel", "find", "fills", "account"]
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wait:
    """Let some time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Now:
    """What time it is."""


@dataclass(frozen=True, slots=True)
class Monotonic:
    """The seconds on a clock that is never set: only the difference between two answers means something."""


Effect = Tell | Read | Call | Wait | Now | Monotonic
Flow = Generator[Effect, Any, Ended]
"""A flow: it yields every effect, so that a test can stop, cancel or give a false answer between any two of them."""


class RunningFlow(Generic[Ended]):
    """A flow while it runs: the effect that it wants next, and its result when it has ended.

    Shape: execute `effect`, then call `answer` or `fail` to go on; both raise any error that the flow does not catch.
    """

    def __init__(self, flow: Flow[Ended]) -> None:
        """Run to the first effect."""
        self._flow = flow
        self._ended: list[Ended] = []
        self.effect: Effect = Now()
        self._step(lambda: flow.send(None))

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return bool(self._ended)

    @property
    def ended(self) -> Ended:
        """Its result, once it is over."""
        return self._ended[0]

    def answer(self, value: object) -> None:
        """Send the result of the effect to the flow, and run it to the next one."""
        self._step(lambda: self._flow.send(value))

    def fail(self, error: Exception) -> None:
        """Raise the error of the effect in the flow, and run it to the next one."""
        self._step(lambda: self._flow.throw(error))

    def _step(self, go_on: Callable[[], Effect]) -> None:
        try:
            self.effect = go_on()
        except StopIteration as end:
            self._ended.append(end.value)
