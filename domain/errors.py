"""The errors of the ledger.

LedgerError
├── CommandRefused            a rule says no; nothing was written
│   ├── InvalidCommand        a field is missing, malformed or out of range
│   ├── UnknownPosition       no such cycle
│   ├── StaleCycle            the cycle is over and a later one exists
│   ├── PositionNotOpen       the cycle is over
│   ├── PositionAlreadyOpen   another intent holds the slot
│   ├── AlreadyActive         a second activation
│   ├── WrongStatus           not at this point of a cycle
│   ├── EntryAlreadyPlaced    another order is on record for this entry
│   ├── EntryHasFills         an entry that filled cannot have failed
│   ├── WrongSideStop         the stop would trigger at once
│   ├── NotFilled             nothing is known to be filled
│   ├── NotProtected          no confirmed stop covers the position
│   ├── ReduceExceedsPosition more would be closed than is open
│   ├── NothingToClose        nothing is held
│   │   └── ExitBeforeEntry   its entry's fills are not known yet: send it again after them
│   ├── ExitAlreadyRequested  another command has claimed the closing order
│   ├── UnknownOrder          no such order in this cycle
│   ├── OrderAmbiguous        it may be one of several orders
│   ├── OrderAlreadyEnded     nothing more is filled of this order
│   ├── OrderHasFills         more of an order is on record than was said
│   ├── UnknownFill           no such fill in this cycle
│   ├── StaleEvidence         the statement is older than what is on record
│   ├── WrongSideTarget       the target would trigger at once
│   ├── InstrumentInUse       an open position uses the current terms
│   ├── NothingToRollBack     nothing is known to be held
│   ├── EvidenceMissing       flat needs a proof
│   ├── NotFlat               the proof shows something left
│   ├── IdempotencyMismatch   the same id with other content
│   └── VersionConflict       `expected_version` is stale
├── OutcomeUnknown            the database went away during commit
└── StoreError                the database, not the command, is in the way
    ├── StoreUnavailable      cannot be reached, or does not answer in time
    ├── SchemaMismatch        made by another version of this software, or not made yet
    ├── HistoryDamaged        stored events cannot be read as what they claim to be
    └── PastLost              events that a reader was given are no longer in the log
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from domain.values import Status

DetectedBy = Literal["state", "version_conflict"]


class PortableError(Exception):
    """An error that can be pickled whatever its constructor takes: a process pool hangs on one that cannot."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Restore it from its message and attributes, without calling its constructor."""
        return _restored, (type(self), *self.args), self.__dict__


def _restored(kind: type[PortableError], *args: object) -> PortableError:
    return kind.__new__(kind, *args)


class LedgerError(PortableError):
    """Base of all errors of the ledger.

    `message` is for people; `details` holds the same facts for programs.
    """

    def __init__(self, message: str, **details: object) -> None:
        """Say what was asked, what stands in the way, and what would work."""
        super().__init__(message)
        self.message = message
        self.details = {name: value for name, value in details.items() if value is not None}


class CommandRefused(LedgerError):
    """A rule refuses the command; nothing was written."""

    is_duplicate: ClassVar[bool] = False
    """Whether this refusal prevented a duplicate; those are kept in the log of rejections."""

    position_id: str | None
    """The position that it is about: the holder of the slot, where the slot is taken."""

    def __init__(self, message: str, **details: object) -> None:
        """Say what was asked, what stands in the way, and what would work."""
        super().__init__(message, **details)
        named = details.get("position_id")
        self.position_id = None if named is None else str(named)


class InvalidCommand(CommandRefused):
    """A field is missing, malformed or out of range."""


class UnknownPosition(CommandRefused):
    """The command names a cycle that this ledger never saw."""


class StaleCycle(CommandRefused):
    """The command names a cycle that is over, and a later one exists: cycles share nothing."""


class PositionNotOpen(CommandRefused):
    """The command names a cycle that is over."""


class PositionAlreadyOpen(CommandRefused):
    """Another intent holds the slot."""

    is_duplicate = True
    position_id: str

    def __init__(
        self,
        position_id: str,
        status: Status,
        *,
        since: datetime,
        at: datetime,
        holder: str | None,
        asked: str | None,
    ) -> None:
        """Name the holder: its position, status, age and intent."""
        age = max(at - since, timedelta())
        super().__init__(
            f"{position_id} already holds this slot: {status.value} for {age.total_seconds():.1f} s"
            + (f", opened by intent {holder}" if holder else "")
            + (f"; intent {asked} is refused" if asked else "")
            + ". Send no order; wait until it is closed, or work with that position.",
            position_id=position_id,
            status=status.value,
            age_seconds=f"{age.total_seconds():.6f}",
            intent_id=holder,
            detected_by="state",
        )
        self.status = status
        self.age = age
        self.intent_id = holder
        self.detected_by: DetectedBy = "state"

    def seen_at_append(self) -> PositionAlreadyOpen:
        """Say that the race was lost at the append, not seen before it."""
        self.detected_by = self.details["detected_by"] = "version_conflict"
        return self


class AlreadyActive(CommandRefused):
    """The position was activated before."""

    is_duplicate = True


class WrongStatus(CommandRefused):
    """The command does not fit the status of the cycle."""


class EntryAlreadyPlaced(CommandRefused):
    """Another exchange order is on record for this entry."""

    is_duplicate = True


class EntryHasFills(CommandRefused):
    """An entry of which something was filled cannot have failed; it can be rolled back."""


class WrongSideStop(CommandRefused):
    """A stop on the profit side of the entry would trigger at once."""


class NotFilled(CommandRefused):
    """Nothing of the entry is known to be filled, or not at what price."""


class NotProtected(CommandRefused):
    """No confirmed stop covers the position."""


class ReduceExceedsPosition(CommandRefused):
    """More would be closed than is open."""


class NothingToClose(CommandRefused):
    """The cycle holds nothing."""


class ExitBeforeEntry(NothingToClose):
    """The fills of the entry are not recorded yet; the same exit fill may be sent again after them."""

    def __init__(self, message: str, **details: object) -> None:
        """Let a program know that it may come back with the same."""
        super().__init__(message, retry=True, **details)


class ExitAlreadyRequested(CommandRefused):
    """Another command has claimed the closing order: only that order may be sent."""

    is_duplicate = True


class UnknownOrder(CommandRefused):
    """The command names an order that this cycle never had."""


class OrderAmbiguous(CommandRefused):
    """The command may mean one of several orders, and does not say which."""


class OrderAlreadyEnded(CommandRefused):
    """Nothing more is filled of this order."""


class OrderHasFills(CommandRefused):
    """More of an order is on record than is said to be filled."""


class UnknownFill(CommandRefused):
    """The command names a fill that is not on record."""


class StaleEvidence(CommandRefused):
    """A statement of what is held, or closed, is older than what is on record."""


class WrongSideTarget(CommandRefused):
    """A target on the losing side of the entry would trigger at once."""


class InstrumentInUse(CommandRefused):
    """An open position uses the current terms of the instrument."""


class NothingToRollBack(CommandRefused):
    """Nothing is known to be held, so that there is nothing to close."""


class EvidenceMissing(CommandRefused):
    """A rollback ends only with evidence that nothing is held: closing fills, or a position of zero at the exchange."""


class NotFlat(CommandRefused):
    """The evidence shows that something is still held."""


class IdempotencyMismatch(CommandRefused):
    """The same id was accepted before with other content."""

    is_duplicate = True


class VersionConflict(CommandRefused):
    """The caller's `expected_version` is stale, or others wrote to the stream at every attempt."""


class OutcomeUnknown(LedgerError):
    """The connection was lost, or the disk failed, during the commit; whether it was made could not be found out."""


class StoreError(LedgerError):
    """The database, not the command, is in the way."""


class StoreUnavailable(StoreError):
    """The database cannot be reached, or did not answer in time; nothing was written."""


class SchemaMismatch(StoreError):
    """The database was made by another version of this software, or was not made yet."""


class HistoryDamaged(StoreError):
    """Stored events cannot be read as the kind that they are stored as."""


class PastLost(StoreError):
    """Events that a reader was given are no longer in the log: a failover or a restore lost them."""
