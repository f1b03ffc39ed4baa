"""Waiting for new events: how often to poll a log that does not notify."""

from __future__ import annotations

import threading
from typing import Final

POLL_SECONDS: Final = 0.05


class Wakeups:
    """The wait between two reads of a log whose writers do not notify."""

    def wait(self, stopped: threading.Event) -> bool:
        """Wait for one poll interval, or until `stopped` is set; returns whether it is time to read the log."""
        stopped.wait(POLL_SECONDS)
        return True

    def close(self) -> None:
        """Release what it waits on; polling has nothing to release."""
