"""Every event that a stream may hold.

A stored event is never refused and never edited; a later event corrects it. An event that changes the totals of a cycle
carries the new ones (`holding`), so that a reader assigns them and never adds up.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from eventsourcing.domain import CanMutateAggregate
from msgspec import field

from domain.alteration import UNWRITTEN, TypedStruct
from domain.commands.requests import Evidence
from domain.holding import Holding
from domain.instrument import Instrument
from domain.values import ZERO, CashKind, Instant, JsonValue, Number, Protection, Side, Source, Status, said_at

PLACE_MARK: Final = "^"
"""Begins the names that stream and version have in JSON that is read into an event; no field of a payload has it."""


class PositionEvent(CanMutateAggregate[str], TypedStruct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of every event: the command it follows from, its cycle, when it happened and when it was recorded.

    `request` is the digest of the command's content: the same `command_id` with another digest is an error of the
    caller. Stream and version are columns of the log, and are not part of the serialised event.
    """

    originator_id: Annotated[str, UNWRITTEN] = field(name=f"{PLACE_MARK}stream")
    originator_version: Annotated[int, UNWRITTEN] = field(name=f"{PLACE_MARK}version")
    command_id: str
    request: str
    cycle: int
    ts_event: Instant
    ts_recorded: Instant
    source: Source
    metadata: dict[str, JsonValue] | None = None
    time_was_said: bool | None = None
    """Whether the command said a time; None where that follows from the two times: it did if they differ."""

    @property
    def timestamp(self) -> datetime:  # type: ignore[override]  # a field in the library, the name of our field here
        """When it was recorded, under the name that the eventsourcing library uses."""
        return self.ts_recorded

    @property
    def said_at(self) -> datetime:
        """When it happened; the time of recording, where the event's own time lies in the future of that."""
        return said_at(self.ts_event, self.ts_recorded)

    @property
    def is_timed(self) -> bool:
        """Whether a time was said; without one, it happened after all that was on record."""
        return self.ts_event != self.ts_recorded if self.time_was_said is None else self.time_was_said

    @property
    def position_id(self) -> str:
        """The cycle that it belongs to: `APTUSDT.binance#1`."""
        return f"{self.originator_id}#{self.cycle}"

    @property
    def opens_cycle(self) -> bool:
        """Whether this event opens a cycle."""
        return False

    @property
    def has_cycle(self) -> bool:
        """Whether it belongs to a cycle; a definition of the instrument belongs to the stream."""
        return self.cycle > 0

    def apply(self, aggregate: Any) -> None:
        """Let the position evolve by this event."""
        aggregate.evolve(self)


class OpeningEvent(PositionEvent, frozen=True, kw_only=True):
    """An event that opens a cycle."""

    @property
    def opens_cycle(self) -> bool:
        """Always."""
        return True


class EntryRequested(OpeningEvent, frozen=True, kw_only=True):
    """The slot is claimed; recorded before any order is sent. With `cost` the exchange says what that buys."""

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
    """The exchange acknowledged the entry; with a `side`, this event opens the cycle, for no request came before it.

    `late`: the cycle was over by then; `reopens`: the slot was still free, and the cycle took it back. `same_as`: the
    name under which fills of this order were recorded before.
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
    absorbed_qty: Number = ZERO
    late: bool = False
    reopens: bool = False
    same_as: str | None = None

    @property
    def opens_cycle(self) -> bool:
        """Whether no request came before this acknowledgement."""
        return self.side is not None


class EntryFilled(PositionEvent, frozen=True, kw_only=True):
    """One fill of an entry order.

    `late`: the cycle was over by then; `reopens`: the slot was still free, and the cycle took it back.
    `is_news`: it named no order, and is later than the last statement of the order that it was assigned to, so that it
    adds to the stated quantity. `absorbed_qty`: the part of it that an adjustment had counted already; `is_seen`: it
    happened before that adjustment, which had counted all of it.
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
    absorbed_qty: Number = ZERO
    is_seen: bool = False
    reopens: bool = False
    withdrawn_qty: Number = ZERO
    """How much less is held, because a total that came after an adjustment had added it, and it is of before that."""


class EntryOutcomeUnknown(PositionEvent, frozen=True, kw_only=True):
    """The call to the exchange timed out: the slot stays taken until it is known what became of the order."""

    reason: str


class EntryFailed(PositionEvent, frozen=True, kw_only=True):
    """Rejected, expired or cancelled, with nothing filled."""

    outcome: Literal["rejected", "expired", "canceled"]
    reason: str
    code: str | None

    @property
    def status(self) -> Status:
        """`canceled` for a cancelled entry, `failed` for one that was rejected or expired."""
        return Status.CANCELED if self.outcome == "canceled" else Status.FAILED


class StopLossSet(PositionEvent, frozen=True, kw_only=True):
    """A stop is confirmed at the exchange; with `quantity` None it covers whatever is open.

    `attached`: it is a property of the position, and not an order of its own. Without the name of an `order` it
    replaces every other stop.
    """

    stop_price: Number
    quantity: Number | None
    exchange_order_id: str | None
    locks_profit: bool = False
    order: str | None = None
    attached: bool = False


class StopLossLost(PositionEvent, frozen=True, kw_only=True):
    """A stop is gone; all stops, if no `order` is named."""

    reason: str
    order: str | None = None


class Activated(PositionEvent, frozen=True, kw_only=True):
    """The position is filled and covered by confirmed stops on the losing side, or the bot keeps its stop itself."""


class PositionReduced(PositionEvent, frozen=True, kw_only=True):
    """One exit fill, with the profit that it realised (None if the cost is not known).

    `residual_qty`: it sold dust of a cycle that is over; the dust that is left.
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
    """Quantity or average price were set to what the exchange, or an operator, says; `price_only`: the price alone."""

    old_quantity: Number
    new_quantity: Number
    old_avg_px_open: Number | None
    new_avg_px_open: Number | None
    reason: str
    holding: Holding
    price_only: bool = False

    @property
    def is_chosen(self) -> bool:
        """Whether somebody chose the average (set it alone, or as an operator), so that it is not the exchange's."""
        return self.price_only or (self.source is Source.OPERATOR and self.new_avg_px_open != self.old_avg_px_open)


class PositionAdopted(OpeningEvent, frozen=True, kw_only=True):
    """A position of the exchange that no cycle explained is taken over.

    With a `trade_id` it is the rest of a fill, which closed the cycle before and opened the other side.
    """

    side: Side
    reason: str
    holding: Holding
    terms: Instrument | None = None
    protection: Protection = "exchange"
    trade_id: str | None = None


class PositionImported(OpeningEvent, frozen=True, kw_only=True):
    """A row of the legacy table: its old id, a finding for each doubtful value, and the row itself unchanged.

    `beside`: another cycle of the key was open, so that this one is history only.
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
    """A closing order is claimed that undoes the entry: reduce-only, for the quantity that is held."""

    reason: str
    close_side: Literal["buy", "sell"]
    close_quantity: Number
    client_order_id: str


class RolledBack(PositionEvent, frozen=True, kw_only=True):
    """The rollback is complete: nothing is held, with the evidence for it."""

    reason: str | None
    evidence: Evidence
    holding: Holding


class RollbackFailed(PositionEvent, frozen=True, kw_only=True):
    """The rollback did not close everything; `residual_qty` is still held at the exchange."""

    reason: str
    residual_qty: Number
    holding: Holding


class PositionClosed(PositionEvent, frozen=True, kw_only=True):
    """The cycle is over.

    `rest_px`: the closing price of what was still open, where the price of earlier exits is not known, so that there is
    no average.
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
    """Another entry order of an open cycle is claimed; recorded before it is sent."""

    order: str
    quantity: Number | None
    signal_price: Number | None
    intent_id: str
    client_order_id: str
    cost: Number | None = None


class OrderReplaced(PositionEvent, frozen=True, kw_only=True):
    """An order continues under another exchange order id, as after an amendment.

    `same_as`: the name under which fills of the new id were recorded before.
    """

    order: str
    old_exchange_order_id: str
    exchange_order_id: str
    quantity: Number | None = None
    price: Number | None = None
    same_as: str | None = None


class OrderEnded(PositionEvent, frozen=True, kw_only=True):
    """An order has ended: nothing more of it will be filled. `filled_qty` and `avg_px` are the exchange's totals."""

    order: str
    outcome: Literal["filled", "canceled", "expired", "rejected"]
    filled_qty: Number | None
    avg_px: Number | None
    reason: str | None
    code: str | None
    holding: Holding
    late: bool = False
    absorbed_qty: Number = ZERO
    reopens: bool = False
    same_as: str | None = None
    exchange_order_id: str | None = None
    """Where the order was not known by an exchange order id before it ended."""


class TakeProfitSet(PositionEvent, frozen=True, kw_only=True):
    """A take profit is confirmed at the exchange; with `quantity` None it is for whatever is open."""

    order: str
    price: Number
    quantity: Number | None
    exchange_order_id: str | None
    attached: bool = False


class TakeProfitLost(PositionEvent, frozen=True, kw_only=True):
    """A take profit is gone."""

    order: str
    reason: str


class ExitRequested(PositionEvent, frozen=True, kw_only=True):
    """A closing order is claimed: reduce-only, of this side and quantity; nobody else sends one for the same quantity.

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
    """Money that moved without a fill; with a `trade_id`, the fee of a fill that was recorded without one."""

    kind: CashKind
    amount: Number
    currency: str | None
    cash_id: str
    holding: Holding
    trade_id: str | None = None
    order: str | None = None
    late: bool = False


class FillCorrected(PositionEvent, frozen=True, kw_only=True):
    """A recorded fill was wrong: it had another quantity or price, or never happened (`last_qty` 0)."""

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
    """For a sale of dust: how much dust is left."""
    is_of_total: bool = False
    """Whether a total that the exchange had stated of its order counted the fill, and is corrected with it."""
    was_told_wrong: bool = False
    """Whether the fill was told wrong, as a correction without a time says: what had counted the fill counted this."""


class InstrumentDefined(PositionEvent, frozen=True, kw_only=True):
    """The terms of the instrument for the cycles that open from now on; it belongs to the stream, and so to cycle 0."""

    terms: Instrument
    reason: str | None = None
    is_first: bool = False
    """Whether it is the first event of its stream, so that a load of the history may begin here."""

    @property
    def position_id(self) -> str:
        """The stream, because it belongs to no cycle."""
        return self.originator_id


EVENTS: Final[tuple[type[PositionEvent], ...]] = (
    EntryRequested, EntryPlaced, EntryFilled, EntryOutcomeUnknown, EntryFailed, StopLossSet, StopLossLost, Activated,
    PositionReduced, PositionAdjusted, PositionAdopted, PositionImported, RollbackStarted, RolledBack, RollbackFailed,
    PositionClosed, IncreaseRequested, OrderReplaced, OrderEnded, TakeProfitSet, TakeProfitLost, ExitRequested,
    CashRecorded, FillCorrected, InstrumentDefined,
)  # fmt: skip
"""Every kind of event that a stream may hold."""
