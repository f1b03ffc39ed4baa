"""Why an append was not made, or why it is not known whether it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from domain.errors import SchemaMismatch
from infrastructure.event_store.records import EventRecord


class AppendConflict(Exception):
    """The append conflicts with what is stored; nothing was written."""


class VersionTaken(AppendConflict):
    """Another process appended to the stream first."""


class IntentTaken(AppendConflict):
    """The intent opened a cycle of this stream before."""


class SlotTaken(AppendConflict):
    """The positions table already has an open cycle of this stream: its unique index is the second guard."""


def dropped(stream: str, asked: int, written: int) -> SchemaMismatch:
    """The error for events that the database accepted without an error but did not store."""
    return SchemaMismatch(
        f"{stream}: of {asked} events {written} were taken: a trigger that is not the ledger's drops what is recorded; "
        "nothing was written. `position-ledger diagnose` names it"
    )


class UnsettledAppend(NamedTuple):
    """The first event of a command, sent to a server that has not confirmed or refused it.

    `backend` is what the store needs to find out whether the server still works on it.
    """

    stream: str
    version: int
    command_id: str
    backend: object

    def __str__(self) -> str:
        """The stream and version that was to be written."""
        return f"{self.stream} version {self.version}"


class AppendInDoubt(Exception):
    """The outcome of an append is not known: it may be written, not written, about to be, or not yet durable.

    `reason` says why; `seconds_left` is how long finding out may take. The append is one transaction: the outcome of
    the first of `unsettled` is the outcome of all.
    """

    def __init__(self, records: Sequence[EventRecord], backend: object, seconds_left: float, reason: str) -> None:
        by_command: dict[str, UnsettledAppend] = {}
        for stream, version, *_, columns in records:
            command_id = columns.command_id
            by_command.setdefault(command_id, UnsettledAppend(stream, version, command_id, backend))
        self.unsettled = list(by_command.values())
        self.seconds_left, self.reason = seconds_left, reason
        super().__init__(str(self.unsettled[0]))
