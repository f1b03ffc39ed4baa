"""What a stream remembers: the row of its cycle, and what only its next decision needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from domain import events as e
from domain.aggregate.row import PositionRow, project
from domain.holding import ZERO, Holding
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


@dataclass
class PositionState:
    """What the bots did with one key: the cycle that holds the slot, or else the last one.

    What readers see of the cycle is its row, which is folded in one place; beside it stands what the row does not show.
    """

    stream: str
    last_cycle: int = 0
    row: PositionRow | None = None
    holding: Holding = field(default_factory=Holding)
    rollbacks: int = 0
    promised_qty: Decimal = ZERO
    """How much of what is held the closing order of the rollback on its way is for."""
    entered_qty: Decimal = ZERO
    """The most that was known to be entered at any time, whatever was corrected since."""
    stated_at: datetime = EPOCH
    adjusted_at: datetime = EPOCH
    trades: dict[str, str] = field(default_factory=dict)
    answers: dict[str, CommandResult] = field(default_factory=dict)
    """What the commands of this cycle were answered, and of no other: ids are told apart within a cycle."""
    imports: dict[str, CommandResult] = field(default_factory=dict)
    """What the rows were answered that were imported into this cycle, and beside it."""

    @property
    def cycle(self) -> int:
        """The number of the cycle; 0 while there was none."""
        return 0 if self.row is None else self.row.cycle

    @property
    def position_id(self) -> str:
        """The id of the cycle."""
        return f"{self.stream}#{self.cycle}"

    @property
    def status(self) -> Status | None:
        """Where the cycle stands; None while there was none."""
        return None if self.row is None else self.row.status

    @property
    def is_open(self) -> bool:
        """Whether a cycle holds the slot."""
        return self.row is not None and self.row.status.is_open

    @property
    def side(self) -> Side | None:
        """The direction of the cycle."""
        return None if self.row is None else self.row.side

    @property
    def stop(self) -> Stop | None:
        """The confirmed stop of the cycle."""
        return None if self.row is None else self.row.stop

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
            self._begin()
            self.row = project(None, event)
            self._remember(event)
        elif self.row is not None and event.cycle == self.row.cycle:
            self.row = project(self.row, event)
            self._remember(event)
        if isinstance(event, e.PositionImported):
            self.imports[event.command_id] = CommandResult(
                event.request, event.position_id, event.originator_version, event.status, ("PositionImported",)
            )

    def _begin(self) -> None:
        self.holding = Holding()
        self.stated_at = self.adjusted_at = EPOCH
        self.rollbacks, self.promised_qty, self.entered_qty = 0, ZERO, ZERO
        self.trades, self.answers, self.imports = {}, {}, {}

    def _remember(self, event: e.PositionEvent) -> None:
        """What the row does not show, and what its command was answered."""
        holding: Holding | None = getattr(event, "holding", None)
        if holding is not None:
            self.holding = holding
        match event:
            case e.EntryPlaced() if event.filled_qty is not None:
                self.stated_at = max(self.stated_at, event.said_at)
            case e.EntryFilled() | e.PositionReduced():
                self.trades[event.trade_id] = event.request
            case e.PositionAdjusted():
                self.stated_at = self.adjusted_at = max(self.stated_at, event.said_at)
            case e.PositionAdopted():
                self.stated_at = self.adjusted_at = event.said_at
            case e.RollbackStarted():
                self.rollbacks += 1
                self.promised_qty = event.close_quantity
            case e.RollbackFailed():
                self.stated_at = self.adjusted_at = max(self.stated_at, event.said_at)
                self.promised_qty = ZERO
        self.promised_qty = min(self.promised_qty, self.holding.quantity)
        if not isinstance(event, e.PositionReduced):  # a past exit adds itself to what was entered
            self.entered_qty = max(self.entered_qty, self.holding.filled_qty)
        self._remember_answer(event)

    def _remember_answer(self, event: e.PositionEvent) -> None:
        assert self.row is not None, "an event has a cycle"
        before = self.answers.get(event.command_id)
        order_id = self.row.client_order_id
        close_side, close_quantity = None, None
        if isinstance(event, e.RollbackStarted):
            order_id, close_side, close_quantity = event.client_order_id, event.close_side, event.close_quantity
        self.answers[event.command_id] = CommandResult(
            event.request,
            event.position_id,
            event.originator_version,
            self.row.status,
            (*(before.events if before else ()), type(event).__name__),
            order_id,
            close_side,
            close_quantity,
        )
