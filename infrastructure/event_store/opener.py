"""The process that opened a ledger: a fork of it has none of the threads, locks and sockets that a ledger needs."""

from __future__ import annotations

import os

from domain.errors import StoreUnavailable


class OpenedElsewhere(StoreUnavailable):
    """The ledger was opened before the fork that made this process; asking again changes nothing."""


class LedgerClosed(StoreUnavailable):
    """The ledger was disconnected by this process; asking again changes nothing."""

    def __init__(self, shown: str) -> None:
        """Say what was closed."""
        super().__init__(f"{shown} was disconnected; nothing was written. Connect again to go on")


class Opener:
    """The process that something was opened in."""

    def __init__(self, shown: str) -> None:
        """`shown` names what was opened, for the message in a fork."""
        self._shown, self._process = shown, os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether this is that process, not a fork of it."""
        return os.getpid() == self._process

    def require(self) -> None:
        """Refuses: OpenedElsewhere in a fork."""
        if not self.is_here:
            raise OpenedElsewhere(
                f"{self._shown} was opened by process {self._process}, of which this one, {os.getpid()}, is a fork; "
                "nothing was written. Connect in this process, after the fork"
            )
