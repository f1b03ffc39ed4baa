"""The state of a stream: the row of its cycle, and what the next decision needs beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from domain import events as e
from domain.aggregate.command_result import CommandResult, answered
from domain.aggregate.exits.changes import Change, after_correction, after_end, after_exit, after_fill, after_proof
from domain.aggregate.exits.cycle_exits import CycleExits
from domain.aggregate.exits.exit_count import ExitCount
from domain.aggregate.exits.fill_on_record import FillOnRecord
from domain.aggregate.fold import project
from domain.aggregate.order_changes import as_one, hit_ids
from domain.aggregate.row import PositionRow
from domain.aggregate.stand import Stand
from domain.alteration import altered
from domain.holding import Holding
from domain.identifiers import PositionKey
from domain.instrument import LINEAR, Instrument
from domain.orders.cycle_orders import NO_ORDERS, Orders, no_orders
from domain.orders.order import CLOCKS_APART, Order, role_of
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
    totals_at: dict[str, datetime] = field(default_factory=dict)
    """When the exchange last stated the total that is known of an order, by the name of the order."""
    counted: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    """What totals told of entry orders since the last adjustment, and no fill: counted by that, and added since."""
    order_ids: dict[tuple[bool, str], str] = field(default_factory=dict)
    """The names of orders, by (closes, exchange order id) for every id that they ever had.

    An exchange may count its conditional orders apart, so that one of them has the id of an entry.
    """
    former_ids: set[tuple[str, str]] = field(default_factory=set)
    """The ids that an event replaced with another id, as (name of the order, exchange order id)."""
    ended_at: dict[str, datetime] = field(default_factory=dict)
    """When orders that close ended at the exchange, by every exchange order id that they had; none set again since."""
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
        """The quantity, entered by a moment, that later exits must have closed, although no order tells of it."""
        if not self.since.doubted or (at is not None and at - self.last_exit_at > CLOCKS_APART):
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
        counted, added = self.counted.get(order, (ZERO, ZERO))
        most = EXACT.add(self.holding.quantity, self.untold)
        return min(max(ZERO, EXACT.subtract(told, counted)), added, most)

    def promised_since(self, order: str) -> bool:
        """Whether an order was claimed after the last adjustment, which then cannot have counted any of it."""
        return order in self.promises and order not in self.adjusted_orders

    def evolve(self, event: e.PositionEvent) -> None:
        """Apply one event. It refuses nothing, reads no clock and rounds nothing, for it also replays old events."""
        self.last_cycle = max(self.last_cycle, event.cycle)
        if isinstance(event, e.InstrumentDefined):
            self.instrument = event.terms
            self._answer(event)
        elif event.opens_cycle and not self.is_open:
            self._begin_cycle(event.command_id)
            self.row = project(None, event)
            self.exits = CycleExits(self.row.side, self.row.terms)
            self.instrument = getattr(event, "terms", None) or self.instrument
            self._remember(event, Holding(), NO_ORDERS)
        elif self.row is not None and event.cycle == self.row.cycle:
            before, orders = self.holding, self.row.orders
            self.row = project(self.row, event)
            self._remember(event, before, orders)
        if isinstance(event, e.PositionImported):
            self.imports[event.command_id] = CommandResult(
                event.request, event.position_id, event.originator_version, event.status, ("PositionImported",)
            )

    def _begin_cycle(self, command_id: str) -> None:
        """Reset everything but what is known of the stream; one command may end a cycle and open the next."""
        same = self.answers.get(command_id)
        answers = {} if same is None else {command_id: same}
        new = PositionState(self.stream, self.last_cycle, self.is_current, instrument=self.instrument, answers=answers)
        vars(self).update(vars(new))

    def _remember(self, event: e.PositionEvent, before: Holding, orders: Orders) -> None:
        """Update everything beside the row; `before` and `orders` are totals and orders before the event."""
        holding: Holding | None = getattr(event, "holding", None)
        if holding is not None:
            self.holding = holding
        same_as: str | None = getattr(event, "same_as", None)
        if same_as is not None:
            assert isinstance(event, e.EntryPlaced | e.OrderReplaced | e.OrderEnded), "no other says so"
            self._join(event.order, same_as)
        if isinstance(event, _OF_ENTRIES):
            known = as_one(orders, event.order, same_as).get(event.order) or Order(name=event.order)
            self._remember_absorbed(event, known)
            self._remember_counted(event, known)
            self.exits = self.exits.with_released(before, self.holding, ZERO)
            if before.filled_qty and not before.quantity and self.holding.quantity:
                self.ended_at |= dict.fromkeys(hit_ids(orders), event.said_at)
        match event:
            case e.EntryRequested():
                self.promises["entry"] = event.command_id
            case e.EntryPlaced():
                self._identify(event.order, event.exchange_order_id)
                if event.filled_qty is not None:
                    self.stated_at = max(self.stated_at, event.said_at)
                    self._remember_total(event, orders)
            case e.EntryFilled():
                self._remember_fill(event, event.order, before, orders)
                self._identify(event.order, event.exchange_order_id)
            case e.PositionReduced():
                self._remember_fill(event, event.order, before, orders)
                if event.order is not None:
                    self._identify(event.order, event.exchange_order_id)
            case e.PositionAdjusted():
                if not event.price_only:
                    self._remember_stated_quantity(event)
                    self.adjusted_version = event.originator_version
                self.since = self.since.then(event, event.holding, self.orders, self.untold)
            case e.RollbackFailed():
                self.promised_qty = ZERO
                self._remember_stated_quantity(event)
                self.exits = self.exits.with_closing(before, event.holding)
                self.since = self.since.then(event, event.holding, self.orders, self.untold)
            case e.PositionAdopted():
                self.stated_at = self.adjusted_at = event.said_at
                self.since = Stand.at_opening(event, event.holding, self.orders)
                if event.trade_id is not None:
                    px, qty = event.holding.avg_px_open or ZERO, event.holding.quantity
                    fill = FillOnRecord(event.request, None, is_exit=False, qty=qty, px=px, fee=None)
                    self.fills[False, event.trade_id] = {None: fill}
            case e.RollbackStarted():
                self.promises[f"rollback{self.rollbacks or ''}"] = event.command_id
                self.rollbacks += 1
                self.promised_qty = event.close_quantity
            case e.PositionImported():
                self.exits = altered(self.exits, opening=event.holding)
                self.since = Stand.at_opening(event, event.holding, self.orders)
            case e.PositionClosed():
                self._remember_turn(event)
                self.closed_at = max(self.closed_at, event.said_at)
                self.exits = after_end(self.exits, event, before)
            case e.RolledBack():
                self._remember_turn(event)
                self._remember_proof(event, before)
            case _:
                self._remember_order(event, before, orders)
        self.promised_qty = min(self.promised_qty, self.holding.quantity)
        if not isinstance(event, e.PositionReduced):  # a past exit adds itself to what was entered
            self.entered_qty = max(self.entered_qty, self.holding.filled_qty)
        self._answer(event)

    def _remember_stated_quantity(self, event: e.PositionAdjusted | e.RollbackFailed) -> None:
        self.stated_at = self.adjusted_at = max(self.stated_at, event.said_at)
        self.adjusted_orders, self.counted = self.orders, {}

    def _remember_turn(self, event: e.PositionClosed | e.RolledBack) -> None:
        """Note when a fill turned the position: its command closed the cycle as well."""
        if (answer := self.answers.get(event.command_id)) and "PositionReduced" in answer.events:
            self.turned_at = event.said_at

    def _remember_proof(self, event: e.RolledBack, before: Holding) -> None:
        new = {fill.trade_id: fill for fill in event.evidence.fills if (True, fill.trade_id) not in self.fills}
        self.exits = after_proof(self.exits, event, before, new.values())
        for fill in new.values():
            self.fills[True, fill.trade_id] = {None: FillOnRecord.of_proof(fill, before, event.originator_version)}

    def other_currency(self, currency: str | None) -> str | None:
        """The currency of a fee, in capitals; None if it is the one that the position is settled in."""
        if currency is None:
            return None
        key, settle = PositionKey.parse(self.stream), None if self.row is None else self.row.settle_currency
        is_ours = key.is_settled_in(currency) if settle is None else settle == currency.upper()
        return None if is_ours else currency.upper()

    def _identify(self, name: str, exchange_order_id: str | None) -> None:
        """Note the exchange order id of an order, if it is told."""
        if exchange_order_id is not None:
            self.order_ids[role_of(name) != "entry", exchange_order_id] = name

    def _join(self, name: str, same_as: str) -> None:
        """Move what is known under the name `same_as` to the order of ours that it turned out to be."""
        if same_as in self.totals_at:
            self.totals_at[name] = self.totals_at.pop(same_as)
        if same_as in self.counted:
            self.counted[name] = self.counted.pop(same_as)
        self.order_ids |= {known: name for known, order in self.order_ids.items() if order == same_as}
        self.former_ids |= {(name, known) for order, known in self.former_ids if order == same_as}
        for by_order in self.fills.values():
            if same_as in by_order:
                by_order[name] = by_order.pop(same_as)._replace(order=name)

    def _remember_absorbed(self, event: e.EntryPlaced | e.EntryFilled | e.OrderEnded, before: Order) -> None:
        """Note that an adjustment, or the opening, had counted a part of what is now known of an entry order."""
        absorbed, is_seen = event.absorbed_qty, isinstance(event, e.EntryFilled) and event.is_seen
        if not absorbed and not is_seen:
            return
        if isinstance(event, e.EntryFilled) and not is_seen and event.is_timed:
            self.since = self.since.believing(absorbed)
        self.since = self.since.knowing(before, self.orders[event.order], absorbed, event.said_at, is_seen=is_seen)

    def _remember_counted(self, event: e.EntryPlaced | e.EntryFilled | e.OrderEnded, before: Order) -> None:
        """Note what totals tell of an entry order since the last adjustment, and what fills tell of that."""
        if self.adjusted_at == EPOCH or role_of(event.order) != "entry":
            return
        grown = EXACT.subtract(self.orders[event.order].filled_qty, before.filled_qty)
        counted, added = self.counted.get(event.order, (ZERO, ZERO))
        if not isinstance(event, e.EntryFilled):
            counted = EXACT.add(counted, event.absorbed_qty)
            added = EXACT.add(added, EXACT.subtract(grown, event.absorbed_qty))
        else:
            told = EXACT.subtract(event.last_qty, grown)
            of_added = event.withdrawn_qty if event.is_seen else min(told, added)
            added = EXACT.subtract(added, of_added)
            counted = max(ZERO, EXACT.subtract(counted, EXACT.subtract(told, of_added)))
        self.counted[event.order] = counted, added

    def _remember_total(self, event: e.EntryPlaced | e.OrderEnded, orders: Orders) -> None:
        """Note when the total of an order was stated; one that is less than is known says nothing of that."""
        total, before = self.orders[event.order].stated_qty, orders.get(event.order)
        if event.filled_qty == total:
            is_known = before is not None and before.stated_qty == total
            known = self.totals_at.get(event.order, EPOCH) if is_known else EPOCH
            self.totals_at[event.order] = max(known, event.said_at)

    def _remember_order(self, event: e.PositionEvent, before: Holding, orders: Orders) -> None:
        match event:
            case e.OrderEnded():
                self._identify(event.order, event.exchange_order_id)
                if role_of(event.order) != "entry":
                    former = {each for each in self.former_ids if each[0] == event.order}
                    ended = {known for _, known in former | _id_of(self.orders, event.order)}
                    self.ended_at |= dict.fromkeys(ended, event.said_at)
                if event.filled_qty is None:
                    return
                self._remember_total(event, orders)
                if role_of(event.order) == "entry":
                    return
                order = self.exits.order(event.order, as_one(orders, event.order, event.same_as))
                grown = EXACT.subtract(self.orders[event.order].filled_qty, order.filled_qty)
                self.exits, count = after_exit(self.exits, self._change(before, orders), grown)
                if grown:
                    self._remember_exit(event, count)
            case e.IncreaseRequested():
                self.promises[event.order] = self.promises[f"entry {event.intent_id}"] = event.command_id
            case e.ExitRequested():
                self.promises[event.order] = event.command_id
                if event.intent_id is not None:
                    self.promises[f"exit {event.intent_id}"] = event.command_id
            case e.OrderReplaced():
                self._identify(event.order, event.old_exchange_order_id)
                self._identify(event.order, event.exchange_order_id)
                self.former_ids |= {(event.order, event.old_exchange_order_id)} | _id_of(orders, event.order)
            case e.StopLossSet() | e.TakeProfitSet() if event.exchange_order_id is not None:
                self._identify(event.order or "stop.1", event.exchange_order_id)
                self.former_ids |= _id_of(orders, event.order or "stop.1")
                self.ended_at.pop(event.exchange_order_id, None)
            case e.CashRecorded():
                currency = self.other_currency(event.currency)
                self.cash[event.cash_id] = CashOnRecord(event.kind, event.amount, currency, event.trade_id)
                exits, entries = (self.fills.get((is_exit, event.trade_id or ""), {}) for is_exit in (True, False))
                known = exits if event.order in exits else entries  # of a self-trade both have one trade id
                if event.order in known:
                    is_in_kind = self.holding.has_paid_in_kind(before)
                    if is_in_kind:
                        self.since = self.since.paying(EXACT.minus(event.amount))
                    known[event.order] = known[event.order]._replace(
                        fee=EXACT.minus(event.amount), fee_currency=event.currency, is_fee_in_kind=is_in_kind
                    )
            case e.FillCorrected():
                known = self.fills.get((event.is_exit, event.trade_id), {})
                if event.order in known:
                    known[event.order] = self._corrected(known[event.order], event, before, orders)
                    if event.is_timed:
                        self.corrected.add((event.is_exit, event.trade_id))

    def _remember_fill(
        self,
        event: e.EntryFilled | e.PositionReduced,
        order: str | None,
        before: Holding,
        orders: Orders,
    ) -> None:
        is_exit = isinstance(event, e.PositionReduced)
        is_in_kind = bool(event.fee) and self.holding.has_paid_in_kind(before)
        if event.fee is not None and is_in_kind:
            self.since = self.since.paying(event.fee)
        count, said, is_of_dust = ExitCount(), ZERO, False
        if isinstance(event, e.PositionReduced):
            change = self._change(before, orders, event.fee if is_in_kind else None)
            currency = self.other_currency(event.fee_currency) if self.exits.qty else None  # else no fee was stated
            self.exits, count, said = after_fill(self.exits, event, change, currency)
            is_of_dust = event.residual_qty is not None
            if not is_of_dust:
                self._remember_exit(event, count)
        fill = FillOnRecord(
            event.request,
            order,
            is_exit,
            event.last_qty,
            event.last_px,
            event.fee,
            event.fee_currency,
            is_in_kind,
            count,
            is_of_dust,
            at=event.said_at if event.is_timed else None,
            fee_said=said,
            reason=event.reason if isinstance(event, e.PositionReduced) else None,
            version=event.originator_version,
            is_seen=isinstance(event, e.EntryFilled) and self._was_all_counted(event, orders),
        )
        self.fills.setdefault((is_exit, event.trade_id), {})[order] = fill

    def _was_all_counted(self, event: e.EntryFilled, orders: Orders) -> bool:
        """Whether an adjustment had counted all of an entry fill; `orders` are those before it."""
        if event.is_seen or not event.absorbed_qty:
            return event.is_seen
        before = orders.get(event.order) or Order(name=event.order)
        return EXACT.add(before.filled_qty, event.absorbed_qty) == self.orders[event.order].filled_qty

    def _remember_exit(self, event: e.PositionReduced | e.OrderEnded, count: ExitCount) -> None:
        """Note what an exit of after the adjustment closed beyond what was held, or what one of before it made good."""
        self.last_exit_at = max(self.last_exit_at, event.said_at)
        if not count.gone and not self.since.doubted:
            return
        is_promised = event.order is not None and self.promised_since(event.order)
        if is_promised or not event.is_timed or event.ts_event > self.adjusted_at:
            self.since = self.since.doubting(count.gone)
        elif count.gone or count.closed or count.explained > self.since.untold:
            self.since = self.since.believing(EXACT.add(count.closed, count.explained))

    def _answer(self, event: e.PositionEvent) -> None:
        order_id = None if self.row is None else self.row.client_order_id
        before = self.answers.get(event.command_id)
        self.answers[event.command_id] = answered(before, event, self.status, self.holding.quantity, order_id)

    def _change(self, before: Holding, orders: Orders, paid: Decimal | None = None) -> Change:
        return Change(before, self.holding, orders, self.orders, paid or ZERO)

    def _corrected(self, fill: FillOnRecord, event: e.FillCorrected, before: Holding, orders: Orders) -> FillOnRecord:
        """A fill after its correction."""
        fee, given_back, counted = fill.fee if event.last_qty else None, ZERO, fill.counted
        if fee is None and fill.fee is not None and fill.is_fee_in_kind:
            given_back = EXACT.minus(fill.fee)
            self.since = self.since.paying(given_back)
        if fill.is_exit:
            change, currency = self._change(before, orders, given_back), self.other_currency(fill.fee_currency)
            self.exits, counted = after_correction(self.exits, event, fill, change, currency)
        return fill.corrected(event, fee, counted)


_OF_ENTRIES: Final = (e.EntryPlaced, e.EntryFilled, e.OrderEnded)
"""The events of which an adjustment may have counted a part."""


def _id_of(orders: Orders, name: str) -> set[tuple[str, str]]:
    """The name of an order with its exchange order id, as a set; empty if the id is not known."""
    order = orders.get(name)
    return set() if order is None or order.exchange_order_id is None else {(name, order.exchange_order_id)}
