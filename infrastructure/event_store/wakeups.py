"""The wait for something new in a log: how often to look, where nobody says that there is something."""

from __future__ import annotations

import threading
from typing import Final

POLL_SECONDS: Final = 0.05


class Wakeups:
    """The wait between two looks at a log whose writers tell nobody."""

    def wait(self, stopped: threading.Event) -> bool:
        """Wait for a moment, at most until `stopped`; answer whether it is time to look."""
        stopped.wait(POLL_SECONDS)
        return True

    def close(self) -> None:
        """Let go of whatever it waits with."""
