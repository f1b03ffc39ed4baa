"""The interface of a sink: it takes all notices of a batch or none, in bounded time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import ClassVar, Protocol

from domain.json_object import JsonObject
from projections.health.alarm import Notice


class DeliveryFailed(Exception):
    """A sink did not take a batch, as far as is known; it may have asked for a pause of `retry_after` seconds.

    The message names only the host of an address, because its path may contain a token.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True)
class NoticeBatch(JsonObject):
    """The notices that are sent together, with their ledger, their watch, and the time of sending."""

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
        """The name of the ledger, then one line for each notice."""
        return "\n".join([self.ledger, *(notice.in_words for notice in self.notices)])


class AlarmSink(Protocol):
    """Delivers notices to one destination."""

    @property
    def name(self) -> str:
        """The name under which the watch stores which notices it has taken; it contains no secret."""

    @property
    def notices_max(self) -> int:
        """How many notices a batch may have."""

    def send(self, batch: NoticeBatch) -> None:
        """Deliver a batch. Refuses: DeliveryFailed."""
