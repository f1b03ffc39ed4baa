"""Handling SIGTERM: it runs the same clean-up as Ctrl-C, or asks a long-running command to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def terminable() -> Iterator[None]:
    """Make SIGTERM raise SystemExit in the block, so that all clean-up in it is run."""

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    with _terminated_by(stop):
        yield


@contextmanager
def stoppable(stop: Callable[[], None]) -> Iterator[None]:
    """Make SIGTERM call `stop`; when the block has ended after that, raise SystemExit.

    For commands that run for months: an exception of a signal handler is lost where Python cannot pass it on, for
    example while an object is finalised, and the command would not stop.
    """
    is_ended = False

    def ask(_: int, __: FrameType | None) -> None:
        nonlocal is_ended
        is_ended = True
        stop()

    with _terminated_by(ask):
        yield
        if is_ended:
            raise SystemExit(128 + signal.SIGTERM)


@contextmanager
def _terminated_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
