"""Cleaning up also when told to terminate: SIGTERM ends a block as Ctrl-C does."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def terminable() -> Iterator[None]:
    """Let whoever cleans up at the end of a block do so when the process is told to terminate."""

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before: Any = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
