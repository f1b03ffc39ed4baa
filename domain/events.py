"""What happened, forever: every event that a stream may hold.

An event is never refused and never edited, only followed by another one. Running totals ride along
(`holding`), so that whoever reads an event assigns and never adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from eventsourcing.domain import CanMutateAggregate
from pydantic import ConfigDict, Field, JsonValue

from domain.commands.requests import Evidence
from domain.holding import Holding
from domain.values import AHEAD_MAX, Instant, Number, Side, Source, Status

_OF_THE_ROW: Final = Field(exclude=True)
"""Not part of what is written as the event: its place is."""


@dataclass(frozen=True, kw_only=True)
class PositionEvent(CanMutateAggregate[str]):
    """What every event says: whose command it answers, in which cycle, when it happened and when we wrote it.

    `request` is the digest of the command's content: the same `command_id` with another one is a mistake.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    originator_id: Annotated[str, _OF_THE_ROW]
    originator_version: Annotated[int, _OF_THE_ROW]
    command_id: str
    request: str
    cycle: int
    ts_event: Instant
    ts_recorded: Instant
    source: Source
    metadata: dict[str, JsonValue] | None = None

    @property
    def timestamp(self) -> datetime:  # type: ignore[override]  # a field in the library, the name of our field here
        """When it was written, as the library calls it."""
        return self.ts_recorded

    @property
    def said_at(self) -> datetime:
        """When it happened; what is said to have happened long after it was written down happened by then."""
        return self.ts_recorded if self.ts_event - self.ts_recorded > AHEAD_MAX else self.ts_event

    @property
    def position_id(self) -> str:
        """The cycle that it belongs to: `APTUSDT.binance#1`."""
        return f"{self.originator_id}#{self.cycle}"

    @property
    def opens_cycle(self) -> bool:
        """Whether a cycle begins here."""
        return False

    def apply(self, aggregate: Any) -> None:
        """Hand the event to the position."""
        aggregate.evolve(self)


class OpeningEvent(PositionEvent):
    """An event with which a cycle begins."""

    @property
    def opens_cycle(self) -> bool:
        """Always."""
        return True


@dataclass(frozen=True, kw_only=True)
class EntryRequested(OpeningEvent):
    """The slot is ours; written before any order is sent."""

    side: Side
    quantity: Number
    signal_price: Number | None
    stop_loss_percent: Number | None
    stop_price: Number | None
    intent_id: str
    client_order_id: str


@dataclass(frozen=True, kw_only=True)
class EntryPlaced(PositionEvent):
    """The exchange acknowledged the entry; with a side, it opened the cycle itself."""

    exchange_order_id: str
    filled_qty: Number | None
    avg_px: Number | None
    holding: Holding
    side: Side | None = None
    quantity: Number | None = None
    signal_price: Number | None = None
    intent_id: str | None = None
    client_order_id: str | None = None

    @property
    def opens_cycle(self) -> bool:
        """Whether this acknowledgement came before any request."""
        return self.side is not None


@dataclass(frozen=True, kw_only=True)
class EntryFilled(PositionEvent):
    """One fill of the entry; `late` when the cycle was over by then."""

    trade_id: str
    last_qty: Number
    last_px: Number
    fee: Number | None
    fee_currency: str | None
    holding: Holding
    late: bool = False


@dataclass(frozen=True, kw_only=True)
class EntryOutcomeUnknown(PositionEvent):
    """The call timed out: nobody may enter until evidence arrives."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class EntryFailed(PositionEvent):
    """Rejected, expired or cancelled, with nothing filled."""

    outcome: Literal["rejected", "expired", "canceled"]
    reason: str
    code: str | None

    @property
    def status(self) -> Status:
        """A cancelled entry is `canceled`; one that the exchange would not take, or let expire, is `failed`."""
        return Status.CANCELED if self.outcome == "canceled" else Status.FAILED


@dataclass(frozen=True, kw_only=True)
class StopLossSet(PositionEvent):
    """A stop is confirmed at the exchange; `quantity` None covers whatever is open."""

    stop_price: Number
    quantity: Number | None
    exchange_order_id: str
    locks_profit: bool = False


@dataclass(frozen=True, kw_only=True)
class StopLossLost(PositionEvent):
    """The stop is gone."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Activated(PositionEvent):
    """Filled, and covered by a confirmed stop on the right side."""


@dataclass(frozen=True, kw_only=True)
class PositionReduced(PositionEvent):
    """One exit fill, with the profit that it realised (None when the cost is not known)."""

    trade_id: str
    last_qty: Number
    last_px: Number
    fee: Number | None
    fee_currency: str | None
    pnl: Number | None
    holding: Holding


@dataclass(frozen=True, kw_only=True)
class PositionAdjusted(PositionEvent):
    """A correction from exchange evidence."""

    old_quantity: Number
    new_quantity: Number
    old_avg_px_open: Number | None
    new_avg_px_open: Number | None
    reason: str
    holding: Holding


@dataclass(frozen=True, kw_only=True)
class PositionAdopted(OpeningEvent):
    """The exchange holds a position that no cycle explained."""

    side: Side
    reason: str
    holding: Holding


@dataclass(frozen=True, kw_only=True)
class PositionImported(OpeningEvent):
    """A row of the legacy table, with its old id, every doubtful value named, and the row itself as it was.

    `beside`: another cycle of the key was open, so this one only fills in history.
    `claims_intent`: no earlier cycle of the key had the same intent.
    """

    status: Status
    side: Side
    quantity: Number
    avg_px_open: Number | None
    stop_price: Number | None
    stop_confirmed: bool
    exit_reason: str | None
    exchange_order_id: str | None
    intent_id: str | None
    claims_intent: bool
    legacy_id: str | None
    closed_at: Instant | None
    findings: tuple[str, ...]
    row: dict[str, str | None]
    beside: bool
    holding: Holding


@dataclass(frozen=True, kw_only=True)
class RollbackStarted(PositionEvent):
    """The compensating close is on its way: reduce-only, our own side, the quantity that we hold."""

    reason: str
    close_side: Literal["buy", "sell"]
    close_quantity: Number
    client_order_id: str


@dataclass(frozen=True, kw_only=True)
class RolledBack(PositionEvent):
    """Flat, with the proof."""

    reason: str | None
    evidence: Evidence
    holding: Holding


@dataclass(frozen=True, kw_only=True)
class RollbackFailed(PositionEvent):
    """What is left at the exchange."""

    reason: str
    residual_qty: Number
    holding: Holding


@dataclass(frozen=True, kw_only=True)
class PositionClosed(PositionEvent):
    """The end of a cycle; exactly one."""

    exit_reason: str
    avg_px_close: Number | None
    realized_pnl: Number | None
    fees: Number
    holding: Holding


EVENTS: Final[tuple[type[PositionEvent], ...]] = (
    EntryRequested, EntryPlaced, EntryFilled, EntryOutcomeUnknown, EntryFailed, StopLossSet, StopLossLost, Activated,
    PositionReduced, PositionAdjusted, PositionAdopted, PositionImported, RollbackStarted, RolledBack, RollbackFailed,
    PositionClosed,
)  # fmt: skip
"""Everything that may stand in a stream."""
