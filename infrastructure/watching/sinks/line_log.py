"""A log with one line for each notice, for programs that collect the output of services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infrastructure.watching.sinks.sink import DeliveryFailed, NoticeBatch
from projections.health.alarm import Notice


@dataclass(frozen=True)
class LineLog:
    """A sink that calls `write` for each notice."""

    write: Callable[[Notice], None]
    name: str = "log"
    notices_max: int = 1_000

    def send(self, batch: NoticeBatch) -> None:
        """Write the notices. Refuses: DeliveryFailed, for example on a full disk; BrokenPipeError when nobody reads."""
        try:
            for notice in batch.notices:
                self.write(notice)
        except BrokenPipeError:
            raise
        except OSError as wrong:
            raise DeliveryFailed(str(wrong.strerror or wrong)) from None
