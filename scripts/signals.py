"""SIGTERM runs the same clean-up as Ctrl-C, or asks what is at work to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM raise SystemExit in the block, so that everything that cleans up at its end does so."""

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    with _terminated_by(stop):
        yield


@contextmanager
def stoppable(stop: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM ask for an end, and the block end as if it had raised SystemExit.

    What a handler raises is lost where Python cannot pass it on, as while an object is finalised; something that runs
    for months would meet that once.
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
