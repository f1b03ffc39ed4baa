"""Why an append was not made, or is not known to have been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from domain.errors import SchemaMismatch
from infrastructure.event_store.records import EventRecord


class AppendConflict(Exception):
    """The append conflicts with what is stored; nothing was written."""


class VersionTaken(AppendConflict):
    """Somebody else appended to the stream first."""


class IntentTaken(AppendConflict):
    """The intent opened a cycle of this stream before."""


class SlotTaken(AppendConflict):
    """The positions table holds an open cycle of this stream: the second guard."""


def dropped(stream: str, asked: int, written: int) -> SchemaMismatch:
    """What to say of events that the database took without an error, and did not keep."""
    return SchemaMismatch(
        f"{stream}: of {asked} events {written} were taken: a trigger that is not the ledger's drops what is recorded; "
        "nothing was written. `position-ledger diagnose` names it"
    )


class UnsettledAppend(NamedTuple):
    """The first event of a command, sent to a server that has not said what became of it.

    `backend` is what the store needs to find out whether the server is still at it.
    """

    stream: str
    version: int
    command_id: str
    backend: object

    def __str__(self) -> str:
        """What was to be written."""
        return f"{self.stream} version {self.version}"


class AppendInDoubt(Exception):
    """What became of an append is not known: it may have been written, or not, or be so yet, or not for good.

    `reason` is why; `seconds_left` is how long finding out may take. All of it was one transaction: what is true of
    the first of `unsettled` is true of each.
    """

    def __init__(self, records: Sequence[EventRecord], backend: object, seconds_left: float, reason: str) -> None:
        by_command: dict[str, UnsettledAppend] = {}
        for stream, version, *_, columns in records:
            command_id = columns.command_id
            by_command.setdefault(command_id, UnsettledAppend(stream, version, command_id, backend))
        self.unsettled = list(by_command.values())
        self.seconds_left, self.reason = seconds_left, reason
        super().__init__(str(self.unsettled[0]))
