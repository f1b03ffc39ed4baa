"""The process that opened a ledger: a fork of it has none of the threads, locks and sockets that a ledger needs."""

from __future__ import annotations

import os

from domain.commands.base import BUILDING
from domain.errors import StoreUnavailable


class NotOpenHere(StoreUnavailable):
    """The ledger is not open in this process, so that another attempt fails in the same way."""


class OpenedElsewhere(NotOpenHere):
    """The ledger was opened before this process was forked."""


class LedgerClosed(NotOpenHere):
    """This process disconnected the ledger."""

    def __init__(self, shown: str) -> None:
        """Say what was closed."""
        super().__init__(f"{shown} was disconnected; nothing was written. Connect again to go on")


def without_thread(shown: str, error: RuntimeError) -> StoreUnavailable:
    """The error for a call that needs a thread which the system did not start."""
    return StoreUnavailable(
        f"{shown}: {error}; nothing was written. End threads or processes of this machine, or let there be more "
        "(ulimit -u, pids.max), and send the same command again"
    )


class Opener:
    """The process that opened a ledger."""

    here = os.getpid()
    """The id of this process, set anew after a fork; to ask the system would cost every command three calls."""

    def __init__(self, shown: str) -> None:
        """`shown` names what was opened, for the message in a fork."""
        self._shown, self._process = shown, Opener.here

    @property
    def is_here(self) -> bool:
        """Whether this is the process that opened it, not a fork."""
        return Opener.here == self._process

    def require(self) -> None:
        """Refuses: OpenedElsewhere in a forked process."""
        if Opener.here != self._process:
            raise OpenedElsewhere(
                f"{self._shown} was opened by process {self._process}, of which this one, {Opener.here}, is a fork; "
                "nothing was written. Connect in this process, after the fork"
            )


def _forked() -> None:
    Opener.here = os.getpid()
    BUILDING.release()


os.register_at_fork(before=BUILDING.acquire, after_in_parent=BUILDING.release, after_in_child=_forked)
