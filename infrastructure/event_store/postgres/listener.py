"""LISTEN for appends: a notification only means that it is time to read, so a lost one costs a second."""

from __future__ import annotations

import time
from typing import Final

import psycopg

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.session.connections import Connection, Connections
from infrastructure.event_store.wakeups import Stop, Wakeups

LOOK_SECONDS: Final = 1.0
"""How often to read the log without a notification, while notifications can arrive."""

_SLICE_SECONDS: Final = 0.2
"""How long one wait lasts before the caller checks whether it was stopped."""


class Listener(Wakeups):
    """The wait for a notification, on a connection of its own that is replaced when it is lost."""

    def __init__(self, connections: Connections, channel: str, look_seconds: float = LOOK_SECONDS) -> None:
        self._connections, self._channel, self._look_seconds = connections, channel, look_seconds
        self._connection: Connection | None = None
        self._look_at = 0.0

    def wait(self, stopped: Stop) -> bool:
        """Wait a moment for a notification; returns whether one came, or it is time to read the log without one."""
        try:
            if self._connection is None:
                self._connection = self._connections.listening(self._channel)
                is_time = True  # events that were appended before it listened are not notified again
            else:
                notifications = list(self._connection.notifies(timeout=_SLICE_SECONDS, stop_after=1))
                is_time = bool(notifications) or time.monotonic() >= self._look_at
        except (psycopg.Error, StoreUnavailable):
            self.close()
            return super().wait(stopped)
        if is_time:
            self._look_at = time.monotonic() + self._look_seconds
        return is_time

    def close(self) -> None:
        """Close the connection; the next wait opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
