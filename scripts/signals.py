"""SIGTERM runs the same clean-up as Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM raise SystemExit in the block, so that everything that cleans up at its end does so."""

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before: Any = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
