"""Who holds the open position on a symbol at an exchange, and everything that ever happened to it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

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
    ExitAlreadyRequested,
    ExitBeforeEntry,
    HistoryDamaged,
    IdempotencyMismatch,
    InstrumentInUse,
    InvalidCommand,
    LedgerError,
    NotFilled,
    NotFlat,
    NothingToClose,
    NothingToRollBack,
    NotProtected,
    OrderAlreadyEnded,
    OrderAmbiguous,
    OrderHasFills,
    OutcomeUnknown,
    PastLost,
    PositionAlreadyOpen,
    PositionNotOpen,
    ReduceExceedsPosition,
    SchemaMismatch,
    StaleCycle,
    StaleEvidence,
    StoreError,
    StoreUnavailable,
    UnknownFill,
    UnknownOrder,
    UnknownPosition,
    VersionConflict,
    WrongSideStop,
    WrongSideTarget,
    WrongStatus,
)
from domain.identifiers import PositionId, PositionKey, client_order_id
from domain.rejection import Rejection
from domain.values import Leg, Side, Source, Status
from infrastructure.event_store.vocabulary.places import AsOf
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.receipt import Receipt
from infrastructure.settings import InvalidSettings
from projections.positions import PositionRow

if TYPE_CHECKING:
    from infrastructure.exchanges.ccxt_answers import snapshot_document
    from infrastructure.exchanges.document import read_snapshot
    from infrastructure.ledger.async_ledger import AsyncPositionLedger, AsyncSubscription
    from infrastructure.ledger.subscription import Subscription
    from infrastructure.operations.account_correction import Reconciled
    from infrastructure.operations.apply_corrections import Applied
    from infrastructure.operations.health import Diagnosis
    from infrastructure.operations.instrument_changes import import_instruments
    from projections.account_snapshot import AccountSnapshot
    from projections.metrics.statistics import Statistics
    from projections.rebuild import Rebuilt
    from projections.reconciliation.result import ReconciliationRules
    from projections.recovery.pending_orders import PendingOrder
    from projections.recovery.proposals import Proposal

__all__ = [
    "COMMANDS",
    "AccountSnapshot",
    "AlreadyActive",
    "Applied",
    "AsOf",
    "AsyncPositionLedger",
    "AsyncSubscription",
    "Command",
    "CommandRefused",
    "Diagnosis",
    "EntryAlreadyPlaced",
    "EntryHasFills",
    "EvidenceMissing",
    "ExitAlreadyRequested",
    "ExitBeforeEntry",
    "HistoryDamaged",
    "HistoryEntry",
    "IdempotencyMismatch",
    "InstrumentInUse",
    "InvalidCommand",
    "InvalidSettings",
    "LedgerError",
    "Leg",
    "NotFilled",
    "NotFlat",
    "NotProtected",
    "NothingToClose",
    "NothingToRollBack",
    "OrderAlreadyEnded",
    "OrderAmbiguous",
    "OrderHasFills",
    "OutcomeUnknown",
    "PastLost",
    "PendingOrder",
    "PositionAlreadyOpen",
    "PositionId",
    "PositionKey",
    "PositionLedger",
    "PositionNotOpen",
    "PositionRow",
    "Proposal",
    "Rebuilt",
    "Receipt",
    "Reconciled",
    "ReconciliationRules",
    "ReduceExceedsPosition",
    "Rejection",
    "SchemaMismatch",
    "Side",
    "Source",
    "StaleCycle",
    "StaleEvidence",
    "Statistics",
    "Status",
    "StoreError",
    "StoreUnavailable",
    "Subscription",
    "UnknownFill",
    "UnknownOrder",
    "UnknownPosition",
    "VersionConflict",
    "WrongSideStop",
    "WrongSideTarget",
    "WrongStatus",
    "client_order_id",
    "import_instruments",
    "read_snapshot",
    "snapshot_document",
]


_ON_DEMAND: Final = {
    "AccountSnapshot": "projections.account_snapshot",
    "Applied": "infrastructure.operations.apply_corrections",
    "AsyncPositionLedger": "infrastructure.ledger.async_ledger",
    "AsyncSubscription": "infrastructure.ledger.async_ledger",
    "Diagnosis": "infrastructure.operations.health",
    "PendingOrder": "projections.recovery.pending_orders",
    "Proposal": "projections.recovery.proposals",
    "Rebuilt": "projections.rebuild",
    "Reconciled": "infrastructure.operations.account_correction",
    "ReconciliationRules": "projections.reconciliation.result",
    "Statistics": "projections.metrics.statistics",
    "Subscription": "infrastructure.ledger.subscription",
    "import_instruments": "infrastructure.operations.instrument_changes",
    "read_snapshot": "infrastructure.exchanges.document",
    "snapshot_document": "infrastructure.exchanges.ccxt_answers",
}
"""The modules of names that few programs need; they are imported on first use, so that others need not wait."""


def __getattr__(name: str) -> object:
    """Import a name of `_ON_DEMAND` when it is used for the first time."""
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ON_DEMAND[name]), name)


def __dir__() -> list[str]:
    """All names, also those that have not been imported yet."""
    return sorted({*globals(), *__all__})
