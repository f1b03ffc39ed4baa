"""What a flow wants done, one thing at a time: it yields one of these and is sent the answer, or the error."""

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
    """A question to the ledger: one of its methods."""

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


Effect = Tell | Read | Call | Wait | Now
Flow = Generator[Effect, Any, Ended]
"""A flow: every wish to the world outside is yielded, so that tests can stop, cancel or lie between any two."""


class RunningFlow(Generic[Ended]):
    """A flow while it runs: what it wants next, and how it ended.

    Shape: `effect` is the wish; `answer` or `fail` lets it go on. What the flow does not catch is raised out of these.
    """

    def __init__(self, flow: Flow[Ended]) -> None:
        """Run to its first wish."""
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
        """What came of it, once it is over."""
        return self._ended[0]

    def answer(self, value: object) -> None:
        """Give it what it asked for."""
        self._step(lambda: self._flow.send(value))

    def fail(self, error: Exception) -> None:
        """Tell it that what it asked for came to nothing, and why."""
        self._step(lambda: self._flow.throw(error))

    def _step(self, go_on: Callable[[], Effect]) -> None:
        try:
            self.effect = go_on()
        except StopIteration as end:
            self._ended.append(end.value)
