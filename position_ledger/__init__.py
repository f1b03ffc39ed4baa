"""Who holds the open position on a symbol at an exchange, and everything that ever happened to it."""

from __future__ import annotations

from pathlib import Path

import domain
import infrastructure
import projections

_HOME = Path(__file__).resolve().parent.parent
for _layer in (domain, infrastructure, projections):
    _found = _layer.__file__ and Path(_layer.__file__).resolve().parent.parent
    if _found != _HOME:
        raise ImportError(
            f"position-ledger needs its own package {_layer.__name__!r}, but another one was imported from {_found}. "
            "Install position-ledger in a virtual environment of its own and send commands to `position-ledger record` "
            "over a pipe."
        )

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
from domain.values import Leg, Side, Source, Status
from infrastructure.event_store.port import AsOf, Rejection
from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.ledger.history import HistoryEntry
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.settings import InvalidSettings
from projections.positions import PositionRow

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
