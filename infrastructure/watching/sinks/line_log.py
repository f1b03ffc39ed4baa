"""A log: a line a notice, for whoever collects what a service prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infrastructure.watching.sinks.sink import DeliveryFailed, NoticeBatch
from projections.health.alarm import Notice


@dataclass(frozen=True)
class LineLog:
    """Whatever `write` writes to."""

    write: Callable[[Notice], None]
    name: str = "log"
    most: int = 1_000

    def send(self, batch: NoticeBatch) -> None:
        """Write a line a notice. Refuses: DeliveryFailed, on a full disk perhaps; BrokenPipeError: nobody reads on."""
        try:
            for notice in batch.notices:
                self.write(notice)
        except BrokenPipeError:
            raise
        except OSError as wrong:
            raise DeliveryFailed(str(wrong.strerror or wrong)) from None
