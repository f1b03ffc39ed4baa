"""What a stream remembers: the state of a position, and how each event changes it."""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple, Self

from eventsourcing.domain import BaseAggregate

from domain import events as e
from domain.holding import Holding
from domain.identifiers import PositionKey
from domain.stop import Stop
from domain.values import Side, Status

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class CommandResult(NamedTuple):
    """What a command was answered: how the stream stood after its last event, and which events those were."""

    request: str
    position_id: str
    version: int
    status: Status
    events: tuple[str, ...] = ()
    client_order_id: str | None = None
    close_side: str | None = None
    close_quantity: Decimal | None = None


class PositionState(BaseAggregate[str]):
    """What the bots did with one key, cycle by cycle.

    The fields are those of the cycle that holds the slot, or else of the last one.
    """

    cycle: int = 0
    last_cycle: int = 0
    status: Status | None = None
    side: Side | None = None
    intent_id: str | None = None
    opened_at: datetime = EPOCH
    requested_qty: Decimal | None = None
    signal_price: Decimal | None = None
    exchange_order_id: str | None = None
    client_order_id: str | None = None
    holding: Holding = Holding()
    stop: Stop | None = None
    outcome_unknown: bool = False
    rollbacks: int = 0
    rollback_failed: bool = False
    stated_at: datetime = EPOCH
    adjusted_at: datetime = EPOCH
    trades: dict[str, str] = field(default_factory=dict)
    answers: dict[str, CommandResult] = field(default_factory=dict)

    @classmethod
    def of_stream(cls, stream: str, *, version: int = 0) -> Self:
        """An empty memory of a stream, to be told everything after `version`, where it was flat."""
        self = cls.__new__(cls)
        self.__base_init__(originator_id=stream, originator_version=version, timestamp=EPOCH)
        cls.__init__(self)
        return self

    @classmethod
    def track(cls, key: PositionKey) -> Self:
        """The position of a key at which nothing ever happened."""
        return cls.of_stream(key.stream)

    @property
    def position_id(self) -> str:
        """The id of the current cycle."""
        return f"{self.id}#{self.cycle}"

    @property
    def is_open(self) -> bool:
        """Whether a cycle holds the slot."""
        return self.status is not None and self.status.is_open

    @property
    def is_protected(self) -> bool:
        """Whether a confirmed stop covers all that is held, on the right side of the known average price."""
        return (
            self.stop is not None
            and self.side is not None
            and self.stop.protects(self.side, self.holding.quantity, self.holding.avg_px_open)
        )

    def evolve(self, event: e.PositionEvent) -> None:
        """Remember one fact. Refuses nothing, asks nobody, reads no clock: it also replays last year."""
        self.last_cycle = max(self.last_cycle, event.cycle)
        if event.opens_cycle and not self.is_open:
            self._begin(event)
        if event.cycle == self.cycle:
            self._evolve(event)
        self._remember_answer(event)

    def _begin(self, event: e.PositionEvent) -> None:
        self.cycle, self.opened_at = event.cycle, event.ts_event
        self.status = self.side = self.intent_id = self.requested_qty = self.signal_price = None
        self.exchange_order_id = self.client_order_id = self.stop = None
        self.holding, self.outcome_unknown = Holding(), False
        self.stated_at = self.adjusted_at = EPOCH
        self.rollbacks, self.rollback_failed = 0, False
        self.trades, self.answers = {}, {}

    def _evolve(self, event: e.PositionEvent) -> None:
        match event:
            case e.EntryRequested():
                self.status, self.side, self.intent_id = Status.PENDING_ENTRY, event.side, event.intent_id
                self.requested_qty, self.signal_price = event.quantity, event.signal_price
                self.client_order_id = event.client_order_id
            case e.EntryPlaced():
                if event.side is not None:
                    self.side, self.intent_id, self.requested_qty = event.side, event.intent_id, event.quantity
                    self.signal_price, self.client_order_id = event.signal_price, event.client_order_id
                if self.status in (None, Status.PENDING_ENTRY):
                    self.status = Status.ENTRY_PLACED
                self.exchange_order_id, self.holding = event.exchange_order_id, event.holding
                self.outcome_unknown = False
                if event.filled_qty is not None:
                    self.stated_at = max(self.stated_at, event.ts_event)
            case e.EntryFilled():
                self.holding, self.trades[event.trade_id] = event.holding, event.request
                self.outcome_unknown = False
            case e.EntryOutcomeUnknown():
                self.outcome_unknown = True
            case e.EntryFailed():
                self.status, self.outcome_unknown = event.status, False
            case e.StopLossSet():
                self.stop = Stop(event.stop_price, event.quantity, event.exchange_order_id, event.locks_profit)
                if self.status in (Status.PENDING_ENTRY, Status.ENTRY_PLACED):
                    self.status = Status.PENDING_SL
            case e.StopLossLost():
                self.stop = None
            case e.Activated():
                self.status = Status.ACTIVE
            case e.PositionReduced():
                self.holding, self.trades[event.trade_id] = event.holding, event.request
            case e.PositionAdjusted():
                self.holding, self.outcome_unknown = event.holding, False
                self.stated_at = self.adjusted_at = max(self.stated_at, event.ts_event)
            case e.PositionAdopted():
                self.status, self.side, self.holding = Status.ACTIVE, event.side, event.holding
                self.stated_at = self.adjusted_at = event.ts_event
            case e.PositionImported():
                self.status, self.side, self.holding = event.status, event.side, event.holding
                self.intent_id, self.exchange_order_id = event.intent_id, event.exchange_order_id
                self.requested_qty = event.quantity
                if event.stop_confirmed and event.stop_price is not None:
                    self.stop = Stop(event.stop_price, None, None)
            case e.RollbackStarted():
                self.status, self.rollback_failed = Status.ROLLING_BACK, False
                self.rollbacks += 1
            case e.RolledBack():
                self.status, self.holding = Status.ROLLED_BACK, event.holding
            case e.RollbackFailed():
                self.rollback_failed, self.holding = True, event.holding
                self.stated_at = self.adjusted_at = max(self.stated_at, event.ts_event)
            case e.PositionClosed():
                self.status, self.holding = Status.CLOSED, event.holding
            case _:
                raise AssertionError(f"{type(event).__name__} is no event of a position")

    def _remember_answer(self, event: e.PositionEvent) -> None:
        status = event.status if isinstance(event, e.PositionImported) else self.status
        assert status is not None, "an event has a cycle"
        before = self.answers.get(event.command_id)
        order_id, close_side, close_quantity = self.client_order_id, None, None
        if isinstance(event, e.RollbackStarted):
            order_id, close_side, close_quantity = event.client_order_id, event.close_side, event.close_quantity
        self.answers[event.command_id] = CommandResult(
            event.request,
            event.position_id,
            event.originator_version,
            status,
            (*(before.events if before else ()), type(event).__name__),
            order_id,
            close_side,
            close_quantity,
        )
