"""A sink: what takes notices, all of a batch or none of it, in bounded time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar, Protocol

from domain.json_object import JsonObject
from projections.health.alarm import Notice


class DeliveryFailed(Exception):
    """A sink did not take a batch, as far as is known; `retry_after` is how many seconds it asked to be left alone.

    The message names no more of an address than its host, for tokens stand in paths.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True)
class NoticeBatch(JsonObject):
    """What is sent at once: of which ledger, by which watch, when, and the notices."""

    ledger: str
    watch: str
    at: datetime
    notices: Sequence[Notice]

    json_keys: ClassVar = ("id", "ledger", "watch", "at", "notices")

    @property
    def id(self) -> str:
        """The same for the same notices, however often they are sent."""
        return f"msg_{sha256(''.join(notice.id for notice in self.notices).encode()).hexdigest()[:32]}"

    @property
    def in_words(self) -> str:
        """A line a notice, under the name of the ledger."""
        return "\n".join([self.ledger, *(notice.in_words for notice in self.notices)])


class AlarmSink(Protocol):
    """Where notices go to."""

    @property
    def name(self) -> str:
        """Under which it is remembered what it was told; it holds no secret."""

    @property
    def most(self) -> int:
        """How many notices it takes at once."""

    def send(self, batch: NoticeBatch) -> None:
        """Deliver a batch. Refuses: DeliveryFailed."""
