"""Who holds the open position on a symbol at an exchange, and everything that ever happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from position_ledger_start import check

check()

# Only now are the layers known to be ours.
from domain.commands.base import Command
from domain.commands.requests import COMMANDS
from domain.errors import (
    AlreadyActive,
    CommandRefused,
    EntryAlreadyPlaced,
    EntryHasFills,
    EvidenceMissing,
    HistoryDamaged,
    IdempotencyMismatch,
    InvalidCommand,
    LedgerError,
    NotFilled,
    NotFlat,
    NothingToClose,
    NothingToRollBack,
    NotProtected,
    OutcomeUnknown,
    PastLost,
    PositionAlreadyOpen,
    PositionNotOpen,
    ReduceExceedsPosition,
    SchemaMismatch,
    StaleCycle,
    StoreError,
    StoreUnavailable,
    UnknownPosition,
    VersionConflict,
    WrongSideStop,
    WrongStatus,
)
from domain.identifiers import PositionId, PositionKey, client_order_id
from domain.rejection import Rejection
from domain.values import Leg, Side, Source, Status
from infrastructure.event_store.port import AsOf
from infrastructure.ledger.history import HistoryEntry
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.settings import InvalidSettings
from projections.positions import PositionRow

if TYPE_CHECKING:
    from infrastructure.ledger.async_ledger import AsyncPositionLedger

__all__ = [
    "COMMANDS",
    "AlreadyActive",
    "AsOf",
    "AsyncPositionLedger",
    "Command",
    "CommandRefused",
    "EntryAlreadyPlaced",
    "EntryHasFills",
    "EvidenceMissing",
    "HistoryDamaged",
    "HistoryEntry",
    "IdempotencyMismatch",
    "InvalidCommand",
    "InvalidSettings",
    "LedgerError",
    "Leg",
    "NotFilled",
    "NotFlat",
    "NotProtected",
    "NothingToClose",
    "NothingToRollBack",
    "OutcomeUnknown",
    "PastLost",
    "PositionAlreadyOpen",
    "PositionId",
    "PositionKey",
    "PositionLedger",
    "PositionNotOpen",
    "PositionRow",
    "Receipt",
    "ReduceExceedsPosition",
    "Rejection",
    "SchemaMismatch",
    "Side",
    "Source",
    "StaleCycle",
    "Status",
    "StoreError",
    "StoreUnavailable",
    "UnknownPosition",
    "VersionConflict",
    "WrongSideStop",
    "WrongStatus",
    "client_order_id",
]


def __getattr__(name: str) -> object:
    """The twin on asyncio, when it is asked for: a program without asyncio does not wait for it."""
    if name == "AsyncPositionLedger":
        from infrastructure.ledger.async_ledger import AsyncPositionLedger  # noqa: PLC0415 - as said

        return AsyncPositionLedger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
