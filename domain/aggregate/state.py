"""The state of a stream: the row of its cycle, and what the next decision needs beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain.aggregate.command_result import CommandResult
from domain.aggregate.exits.cycle_exits import CycleExits
from domain.aggregate.exits.fill_on_record import FillOnRecord
from domain.aggregate.row import PositionRow
from domain.aggregate.stand import Stand
from domain.holding import Holding
from domain.identifiers import PositionKey
from domain.instrument import LINEAR, Instrument
from domain.orders.cycle_orders import NO_ORDERS, Orders, no_orders
from domain.orders.order import Order, may_be_by
from domain.orders.order_ids import OrderIds
from domain.orders.stated_totals import StatedTotals
from domain.values import EPOCH, EXACT, ZERO, Side, Status


class CashOnRecord(NamedTuple):
    """Money that moved without a fill; `currency` is None for the one that the position is settled in."""

    kind: str
    amount: Decimal
    currency: str | None
    trade_id: str | None


@dataclass
class PositionState:
    """The state of one key: the cycle that holds the slot, or else the last one.

    `row` is what readers see of the cycle; the other fields are what decisions need in addition.
    """

    stream: str
    last_cycle: int = 0
    is_current: bool = True
    """Whether this is the current cycle of the stream, and not a past one, or one that was imported beside it."""
    row: PositionRow | None = None
    holding: Holding = field(default_factory=Holding)
    instrument: Instrument | None = None
    """The latest definition, for the cycles to come."""
    rollbacks: int = 0
    promised_qty: Decimal = ZERO
    """The quantity that the closing order of a running rollback is for, as far as it is still held."""
    entered_qty: Decimal = ZERO
    """The largest entered quantity that was ever known, whatever was corrected since."""
    since: Stand = field(default_factory=Stand)
    """How the cycle stood at its last adjustment."""
    stated_at: datetime = EPOCH
    adjusted_at: datetime = EPOCH
    seen_at: datetime = EPOCH
    """The latest time that was said of what is held: by the adoption, an adjustment, a failed rollback, or an end."""
    adjusted_version: int = 0
    """The version of the last adjustment of the quantity."""
    last_exit_at: datetime = EPOCH
    """When a closing order was filled last, as far as times were said."""
    closed_at: datetime = EPOCH
    """When the cycle ended, even if it was opened again since."""
    turned_at: datetime | None = None
    """When a fill turned the position: it closed the cycle, and opened the next one with its rest."""
    adjusted_orders: Orders = field(default_factory=no_orders)
    """The orders that were known at the last adjustment of the quantity."""
    exits: CycleExits = field(default_factory=CycleExits)
    fills: dict[tuple[bool, str], dict[str | None, FillOnRecord]] = field(default_factory=dict)
    """By (is an exit, trade id), and then by the name of the order."""
    corrected: set[tuple[bool, str]] = field(default_factory=set)
    """The keys of `fills` that the exchange corrected at a time that was said."""
    totals: StatedTotals = field(default_factory=StatedTotals)
    order_ids: OrderIds = field(default_factory=OrderIds)
    for_all: set[str] = field(default_factory=set)
    """The names of the stops and take profits that were last set for all that is held, also if limited since."""
    cash: dict[str, CashOnRecord] = field(default_factory=dict)
    """By the id that it was sent with."""
    promises: dict[str, str] = field(default_factory=dict)
    """The command that claimed an order: by the name of the order, and by role and intent."""
    answers: dict[str, CommandResult] = field(default_factory=dict)
    """The answers to the commands of this cycle, by command id."""
    imports: dict[str, CommandResult] = field(default_factory=dict)
    """The answers to imports of rows, into this cycle and beside it."""

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
        """The status of the cycle; None while there was none."""
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
    def orders(self) -> Orders:
        """The orders of the cycle."""
        return NO_ORDERS if self.row is None else self.row.orders

    @property
    def terms(self) -> Instrument:
        """The terms of the instrument in this cycle."""
        return LINEAR if self.row is None else self.row.terms

    @property
    def untold(self) -> Decimal:
        """The quantity that was closed without a fill, and is not explained yet."""
        return self.exits.untold(self.holding, self.orders)

    @property
    def gone(self) -> Decimal:
        """The quantity that an adjustment saw missing and no fill has explained; 0 unless it gives way to fills."""
        return max(ZERO, EXACT.minus(self._unexplained)) if self.since.gives_way else ZERO

    @property
    def _unexplained(self) -> Decimal:
        """The entered quantity beyond what is told of entries; below 0 where less was entered than is told."""
        return EXACT.subtract(self.holding.filled_qty, self.since.entered(self.orders).quantity)

    @property
    def unattributed(self) -> Decimal:
        """The entered quantity, fees that were paid from it included, that no entry order of the cycle accounts for.

        It is 0 before the first adjustment.
        """
        if not self.since.is_adjusted:
            return ZERO
        entered = EXACT.add(self.holding.filled_qty, self.since.paid)
        return max(ZERO, EXACT.subtract(entered, self.orders.entered().quantity))

    @property
    def entered_at_most(self) -> Decimal:
        """The largest quantity that may have been entered, by all that is known."""
        asked = None if self.row is None else self.row.requested_qty
        return max(self.entered_qty, asked or ZERO, self.since.entered(self.orders).quantity)

    def unheard(self, at: datetime | None) -> Decimal:
        """The quantity that exits closed and no entry order tells; 0 for what was entered after the last exit."""
        if not self.since.doubted or not may_be_by(at, self.last_exit_at):
            return ZERO
        return max(ZERO, min(self.since.doubted, self._unexplained))

    def may_have_paid(self, order: Order) -> bool:
        """Whether the last adjustment has counted a fee in kind of an order, if neither fee nor fill has a time.

        It has if all that was filled of the order was known by then, and what was entered is not all accounted for.
        """
        then = self.adjusted_orders.get(order.name)
        return then is not None and then.filled_qty >= order.filled_qty and self._unexplained != ZERO

    def has_counted(self, fill: FillOnRecord) -> bool:
        """Whether what is held follows from an adjustment that counted a fill, and not from the fill."""
        return fill.is_seen or fill.version < self.adjusted_version

    def withdrawn_by(self, order: str, told: Decimal) -> Decimal:
        """What a total had added since the last adjustment, of which a fill tells that it was of before that."""
        return min(self.totals.added_before(order, told), EXACT.add(self.holding.quantity, self.untold))

    def promised_since(self, order: str) -> bool:
        """Whether an order was claimed after the last adjustment, which then cannot have counted any of it."""
        return order in self.promises and order not in self.adjusted_orders

    def other_currency(self, currency: str | None) -> str | None:
        """The currency of a fee, in capitals; None if it is the one that the position is settled in."""
        if currency is None:
            return None
        key, settle = PositionKey.parse(self.stream), None if self.row is None else self.row.settle_currency
        is_ours = key.is_settled_in(currency) if settle is None else settle == currency.upper()
        return None if is_ours else currency.upper()
