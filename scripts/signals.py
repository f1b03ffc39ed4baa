"""Handling SIGTERM: it runs the same clean-up as Ctrl-C, and neither is lost; or it asks a long command to stop."""

from __future__ import annotations

import signal
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Final

_AGAIN_SECONDS: Final = 0.1


class _SystemExit(SystemExit):
    """A SystemExit that can be referred to weakly; its name tells what it is where nothing else is told of it."""


class _KeyboardInterrupt(KeyboardInterrupt):
    """A KeyboardInterrupt like that."""


_Stop = _SystemExit | _KeyboardInterrupt


@contextmanager
def terminable() -> Iterator[None]:
    """Make SIGTERM raise SystemExit in the block, so that all clean-up in it is run, and lose no Ctrl-C either.

    Python cannot pass an exception of a signal handler on while an object is finalised, and code that is called back
    from C may swallow it. One that is being passed on, or waits for a clean-up, is referred to by the interpreter, or
    another one was made of it; so a timer looks whether either is there, and raises it again when it was lost.
    """
    asked: int | None = None
    raised: weakref.ref[_Stop] | None = None
    alarm_before = signal.getsignal(signal.SIGALRM)

    def stop() -> _Stop:
        nonlocal raised
        made = _KeyboardInterrupt() if asked == signal.SIGINT else _SystemExit(128 + signal.SIGTERM)
        raised = weakref.ref(made)
        return made

    def ask(number: int, _: FrameType | None) -> None:
        nonlocal asked
        asked = number
        signal.signal(signal.SIGALRM, ask_again)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS, _AGAIN_SECONDS)
        raise stop()  # no name refers to it here: its traceback keeps the names of this frame

    def ask_again(_: int, __: FrameType | None) -> None:
        if not isinstance(sys.exception(), SystemExit | KeyboardInterrupt) and (raised is None or raised() is None):
            raise stop()

    is_python_s = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    try:
        with _handled(signal.SIGTERM, ask), _handled(signal.SIGINT, ask) if is_python_s else nullcontext():
            yield
            if asked is not None:
                raise stop()  # it was lost at the very end
    finally:  # when no signal can start the timer any more
        if asked is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, alarm_before)


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

    with _handled(signal.SIGTERM, ask):
        yield
        if is_ended:
            raise SystemExit(128 + signal.SIGTERM)


@contextmanager
def _handled(number: signal.Signals, handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)
