"""What happened, forever: every event that a stream may hold.

An event is never refused and never edited, only followed by another one. Running totals ride along
(`holding`), so that whoever reads an event assigns and never adds.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from eventsourcing.domain import CanMutateAggregate

from domain.alteration import UNWRITTEN, TypedStruct
from domain.commands.requests import Evidence
from domain.holding import Holding
from domain.instrument import Instrument
from domain.values import AHEAD_MAX, Instant, JsonValue, Number, Side, Source, Status

Protection = Literal["exchange", "bot"]
"""Who keeps the stop: the exchange, or the bot itself, by choice."""

CashKind = Literal["funding", "interest", "commission", "rebate", "insurance", "correction"]

_NONE: Final = Decimal(0)


class PositionEvent(CanMutateAggregate[str], TypedStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every event says: whose command it answers, in which cycle, when it happened and when we wrote it.

    `request` is the digest of the command's content: the same `command_id` with another one is a mistake. Stream and
    version are where it stands, and so no part of what is written as the event.
    """

    originator_id: Annotated[str, UNWRITTEN]
    originator_version: Annotated[int, UNWRITTEN]
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

    @property
    def has_cycle(self) -> bool:
        """Whether it belongs to a cycle, and not to the stream alone."""
        return self.cycle > 0

    def apply(self, aggregate: Any) -> None:
        """Hand the event to the position."""
        aggregate.evolve(self)


class OpeningEvent(PositionEvent, frozen=True, kw_only=True):
    """An event with which a cycle begins."""

    @property
    def opens_cycle(self) -> bool:
        """Always."""
        return True


class EntryRequested(OpeningEvent, frozen=True, kw_only=True):
    """The slot is ours; written before any order is sent. With `cost` the exchange will say what that buys."""

    side: Side
    quantity: Number | None
    signal_price: Number | None
    stop_loss_percent: Number | None
    stop_price: Number | None
    intent_id: str
    client_order_id: str
    cost: Number | None = None
    terms: Instrument | None = None
    protection: Protection = "exchange"


class EntryPlaced(PositionEvent, frozen=True, kw_only=True):
    """The exchange acknowledged the entry; with a side, it opened the cycle itself.

    `late` when the cycle was over by then, and `reopens` when what was filled took its slot back. `same_as`: the name
    under which the fills of the order were known until then.
    """

    exchange_order_id: str
    filled_qty: Number | None
    avg_px: Number | None
    holding: Holding
    side: Side | None = None
    quantity: Number | None = None
    signal_price: Number | None = None
    intent_id: str | None = None
    client_order_id: str | None = None
    order: str = "entry"
    terms: Instrument | None = None
    absorbed_qty: Number = _NONE
    late: bool = False
    reopens: bool = False
    same_as: str | None = None

    @property
    def opens_cycle(self) -> bool:
        """Whether this acknowledgement came before any request."""
        return self.side is not None


class EntryFilled(PositionEvent, frozen=True, kw_only=True):
    """One fill of an entry order; `late` when the cycle was over by then, and `reopens` when it took its slot back.

    `is_news`: it named no order, and is later than all that was stated of the one that it is taken for.
    `absorbed_qty`: what an adjustment had counted of it before; `is_seen` when it happened before that.
    """

    trade_id: str
    last_qty: Number
    last_px: Number
    fee: Number | None
    fee_currency: str | None
    holding: Holding
    late: bool = False
    order: str = "entry"
    exchange_order_id: str | None = None
    is_news: bool = False
    absorbed_qty: Number = _NONE
    is_seen: bool = False
    reopens: bool = False


class EntryOutcomeUnknown(PositionEvent, frozen=True, kw_only=True):
    """The call timed out: nobody may enter until evidence arrives."""

    reason: str


class EntryFailed(PositionEvent, frozen=True, kw_only=True):
    """Rejected, expired or cancelled, with nothing filled."""

    outcome: Literal["rejected", "expired", "canceled"]
    reason: str
    code: str | None

    @property
    def status(self) -> Status:
        """A cancelled entry is `canceled`; one that the exchange would not take, or let expire, is `failed`."""
        return Status.CANCELED if self.outcome == "canceled" else Status.FAILED


class StopLossSet(PositionEvent, frozen=True, kw_only=True):
    """A stop is confirmed at the exchange; `quantity` None covers whatever is open.

    `attached`: it belongs to the position, and has no order of its own. Without the name of an `order` it is the only
    stop.
    """

    stop_price: Number
    quantity: Number | None
    exchange_order_id: str | None
    locks_profit: bool = False
    order: str | None = None
    attached: bool = False


class StopLossLost(PositionEvent, frozen=True, kw_only=True):
    """A stop is gone; all of them, where none is named."""

    reason: str
    order: str | None = None


class Activated(PositionEvent, frozen=True, kw_only=True):
    """Filled, and covered by confirmed stops on the right side; or the bot keeps its stop itself."""


class PositionReduced(PositionEvent, frozen=True, kw_only=True):
    """One exit fill, with the profit that it realised (None when the cost is not known).

    `residual_qty`: it sold dust of a cycle that is over, of which so much is left.
    """

    trade_id: str
    last_qty: Number
    last_px: Number
    fee: Number | None
    fee_currency: str | None
    pnl: Number | None
    holding: Holding
    order: str | None = None
    exchange_order_id: str | None = None
    reason: str | None = None
    late: bool = False
    residual_qty: Number | None = None


class PositionAdjusted(PositionEvent, frozen=True, kw_only=True):
    """A correction from exchange evidence; `price_only` when nothing was said of the quantity."""

    old_quantity: Number
    new_quantity: Number
    old_avg_px_open: Number | None
    new_avg_px_open: Number | None
    reason: str
    holding: Holding
    price_only: bool = False

    @property
    def is_chosen(self) -> bool:
        """Whether the average is one that somebody gave: alone, or as an operator, and not as the exchange shows it."""
        return self.price_only or (self.source is Source.OPERATOR and self.new_avg_px_open != self.old_avg_px_open)


class PositionAdopted(OpeningEvent, frozen=True, kw_only=True):
    """The exchange holds a position that no cycle explained; with a `trade_id`, the rest of a fill that turned one."""

    side: Side
    reason: str
    holding: Holding
    terms: Instrument | None = None
    protection: Protection = "exchange"
    trade_id: str | None = None


class PositionImported(OpeningEvent, frozen=True, kw_only=True):
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
    terms: Instrument | None = None


class RollbackStarted(PositionEvent, frozen=True, kw_only=True):
    """The compensating close is on its way: reduce-only, our own side, the quantity that we hold."""

    reason: str
    close_side: Literal["buy", "sell"]
    close_quantity: Number
    client_order_id: str


class RolledBack(PositionEvent, frozen=True, kw_only=True):
    """Flat, with the proof."""

    reason: str | None
    evidence: Evidence
    holding: Holding


class RollbackFailed(PositionEvent, frozen=True, kw_only=True):
    """What is left at the exchange."""

    reason: str
    residual_qty: Number
    holding: Holding


class PositionClosed(PositionEvent, frozen=True, kw_only=True):
    """The end of a cycle; exactly one.

    `rest_px`: what the rest was closed at, where what was closed before is not known, and so no average is.
    """

    exit_reason: str
    avg_px_close: Number | None
    realized_pnl: Number | None
    fees: Number
    holding: Holding
    residual_qty: Number | None = None
    late: bool = False
    rest_px: Number | None = None


class IncreaseRequested(PositionEvent, frozen=True, kw_only=True):
    """Another entry order of an open cycle; written before it is sent."""

    order: str
    quantity: Number | None
    signal_price: Number | None
    intent_id: str
    client_order_id: str
    cost: Number | None = None


class OrderReplaced(PositionEvent, frozen=True, kw_only=True):
    """An order goes on under another exchange order id.

    `same_as`: the name under which its fills were known that had come under that id before.
    """

    order: str
    old_exchange_order_id: str
    exchange_order_id: str
    quantity: Number | None = None
    price: Number | None = None
    same_as: str | None = None


class OrderEnded(PositionEvent, frozen=True, kw_only=True):
    """Nothing more of an order will be filled; with what the exchange stated of it."""

    order: str
    outcome: Literal["filled", "canceled", "expired", "rejected"]
    filled_qty: Number | None
    avg_px: Number | None
    reason: str | None
    code: str | None
    holding: Holding
    late: bool = False
    absorbed_qty: Number = _NONE
    reopens: bool = False
    same_as: str | None = None
    exchange_order_id: str | None = None
    """The id of the exchange, where the order was not known by one before it ended."""


class TakeProfitSet(PositionEvent, frozen=True, kw_only=True):
    """A target is confirmed at the exchange; `quantity` None is for whatever is open."""

    order: str
    price: Number
    quantity: Number | None
    exchange_order_id: str | None
    attached: bool = False


class TakeProfitLost(PositionEvent, frozen=True, kw_only=True):
    """A target is gone."""

    order: str
    reason: str


class ExitRequested(PositionEvent, frozen=True, kw_only=True):
    """An order to close is ours to send: reduce-only, this side and quantity; nobody else sends one for it.

    `late`: it closes a stray, whose cycle is over.
    """

    order: str
    close_side: Literal["buy", "sell"]
    close_quantity: Number
    client_order_id: str
    reason: str
    intent_id: str | None
    late: bool = False


class CashRecorded(PositionEvent, frozen=True, kw_only=True):
    """Money that moved without a fill; with a `trade_id`, the fee of a fill that was not known before."""

    kind: CashKind
    amount: Number
    currency: str | None
    cash_id: str
    holding: Holding
    trade_id: str | None = None
    order: str | None = None
    late: bool = False


class FillCorrected(PositionEvent, frozen=True, kw_only=True):
    """A fill was not as it was said: another quantity or price, or void."""

    trade_id: str
    order: str | None
    is_exit: bool
    old_qty: Number
    old_px: Number
    last_qty: Number
    last_px: Number
    reason: str
    holding: Holding
    late: bool = False
    residual_qty: Number | None = None
    """Where it was a sale of dust: how much is left as dust."""


class InstrumentDefined(PositionEvent, frozen=True, kw_only=True):
    """The terms of the instrument, for the cycles that open from now on; of the stream, and so of cycle 0."""

    terms: Instrument
    reason: str | None = None
    is_first: bool = False
    """Whether nothing had happened in the stream before: a history may be loaded from here."""

    @property
    def position_id(self) -> str:
        """No cycle, but the stream."""
        return self.originator_id


EVENTS: Final[tuple[type[PositionEvent], ...]] = (
    EntryRequested, EntryPlaced, EntryFilled, EntryOutcomeUnknown, EntryFailed, StopLossSet, StopLossLost, Activated,
    PositionReduced, PositionAdjusted, PositionAdopted, PositionImported, RollbackStarted, RolledBack, RollbackFailed,
    PositionClosed, IncreaseRequested, OrderReplaced, OrderEnded, TakeProfitSet, TakeProfitLost, ExitRequested,
    CashRecorded, FillCorrected, InstrumentDefined,
)  # fmt: skip
"""Everything that may stand in a stream."""
