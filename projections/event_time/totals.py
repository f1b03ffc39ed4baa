"""The totals of a cycle, counted by the rules of the decisions with its events in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, localcontext
from itertools import accumulate
from typing import Any

from domain import events as e
from domain.aggregate.exits.cycle_exits import CycleExits
from domain.aggregate.exits.exit_count import ExitCount
from domain.aggregate.stand import Stand
from domain.alteration import altered
from domain.decisions.counting import EntryCount, settled
from domain.holding import Holding
from domain.identifiers import PositionKey
from domain.orders.cycle_orders import NO_ORDERS
from domain.orders.order import Order, may_be_by, role_of
from domain.values import EPOCH, EXACT, ZERO, Leg, difference_of
from projections.event_time.additions import Added, Exit, added_by, promised_since
from projections.positions import project


class EventTimeTotals:
    """Counts the totals of one cycle by the rules of the decisions, with the events in any order.

    In the order of recording the results are the totals that the events carry.
    """

    def __init__(self, cycle: Sequence[e.PositionEvent]) -> None:
        """Compute the change that each event of a cycle, in the order of recording, made to the totals."""
        opened = project(None, cycle[0])
        self._side, self._terms = opened.side, opened.terms
        self._key = PositionKey.parse(opened.stream)
        self._orders = NO_ORDERS
        self._held, self._exits = Holding(), CycleExits(self._side, self._terms)
        self._adjusted_at = self._closed_at = EPOCH
        self._since = Stand()
        self._counts: dict[tuple[str, str | None], ExitCount] = {}
        self._news = set[tuple[bool, str, str | None]]()
        """The fills that the last adjustment had not counted: whether it is an exit, trade id, and order."""
        self._turned_at: datetime | None = None
        self._is_left = False
        """Whether something is held that a fill which turned the position closed, until that is corrected."""
        self._early: list[Exit] = []
        """Exits whose entries have not been counted yet."""
        with localcontext(EXACT):
            self._added = added_by(cycle)
        later = [*reversed(self._added)]
        closed = accumulate((self._added[version].after.closed_qty for version in later), min)
        self._closed_in_all = dict(zip(later, closed, strict=True))
        """By version, the least that was closed in all from that event on, as later events corrected it."""
        self._promised_since = promised_since(cycle)
        self._reducing = {event.command_id for event in cycle if isinstance(event, e.PositionReduced)}

    def count(self, event: e.PositionEvent) -> e.PositionEvent:
        """Count an event, and return it with the totals after it."""
        added = self._added.get(event.originator_version)
        if added is None:
            return event
        with localcontext(EXACT):
            self._count(event, added)
            if not isinstance(event, e.RollbackFailed):
                self._held = settled(self._held, self._side, self._terms, self._orders, self._since)
            held = added.with_money(self._held)
        self._held = held
        if self._early:
            held = replace(held, proceeds=None, realized_pnl=None)
        if self._is_left_by_turn(event):
            held = replace(held, realized_pnl=None)
        return self._carrying(event, held)

    def _is_left_by_turn(self, event: e.PositionEvent) -> bool:
        """Whether something is held that was entered before a fill which turned the position, as the decisions say."""
        match event:
            case e.PositionClosed() | e.RolledBack() if event.command_id in self._reducing:
                self._turned_at, self._is_left = event.said_at, True
            case e.EntryPlaced() | e.EntryFilled() | e.OrderEnded() | e.FillCorrected(is_exit=False):
                is_entry = not isinstance(event, e.OrderEnded) or role_of(event.order) == "entry"
                if is_entry and self._turned_at is not None:
                    at = event.ts_event if event.is_timed else None
                    self._is_left = self._is_left or may_be_by(at, self._turned_at)
        self._is_left = self._is_left and bool(self._held.quantity)
        return self._is_left

    def _carrying(self, event: Any, held: Holding) -> e.PositionEvent:
        own = {"avg_px_close": held.avg_px_close(self._terms)} if isinstance(event, e.PositionClosed) else {}
        counted: e.PositionEvent = replace(event, holding=held, **own)
        return counted

    def _count(self, event: e.PositionEvent, added: Added) -> None:
        held, at = self._held, event.ts_event
        match event:
            case e.EntryPlaced():
                self._state(event)
            case e.EntryFilled():
                self._fill(event, added)
            case e.PositionReduced():
                self._reduce(event, added)
            case e.RolledBack() if event.evidence.fills:
                for each in added.exits:
                    assert each.brought is not None, "the worth of a fill"
                    self._remember_unnamed(self._exits.unnamed.with_fill(each.quantity, each.brought))
                    self._exit(each)
            case e.PositionClosed() | e.RolledBack():
                self._close(event, added)
            case e.PositionAdjusted():
                self._correct(held.corrected(event.new_quantity, event.new_avg_px_open, self._terms), event)
                if not event.price_only:
                    self._adjusted_at, self._news = max(self._adjusted_at, at), set()
            case e.PositionAdopted():
                stated = Holding().stated(event.holding.quantity, event.holding.avg_px_open, self._terms)
                self._correct(stated, event)
                self._adjusted_at = max(self._adjusted_at, at)
            case e.RollbackFailed():
                self._fail_rollback(event)
                self._adjusted_at = max(self._adjusted_at, at)
            case e.OrderEnded():
                self._end(event, added)
            case e.FillCorrected():
                self._correct_fill(event, added)
            case e.CashRecorded() if event.trade_id is not None and added.after.has_paid_in_kind(added.before):
                self._held = added.shifted(held, self._terms)
                self._since = self._since.paying(-event.amount)
            case e.PositionImported():
                self._held = event.holding
                self._exits = altered(self._exits, opening=event.holding)
                self._since = Stand.at_opening(event, event.holding, self._orders)

    def _fail_rollback(self, event: e.RollbackFailed) -> None:
        held, left = self._held, event.residual_qty
        if left < held.quantity:
            closed = held.with_exit(self._side, held.quantity - left, None, self._terms)
            self._exits = self._exits.with_closing(held, closed)
            self._correct(closed, event)
        else:
            self._correct(held.corrected(left, held.avg_px_open, self._terms), event)

    def _correct_fill(self, event: e.FillCorrected, added: Added) -> None:
        old = event.old_qty, self._worth(event.old_qty, event.old_px)
        new = event.last_qty, self._worth(event.last_qty, event.last_px)
        before = self._order(event.order)
        after = before.corrected(old, new, is_of_total=event.is_of_total)
        held, counted = self._held, self._counts.get((event.trade_id, event.order))
        may_give_back = self._key.leg is Leg.SPOT and not event.last_qty  # a fee in kind
        shifted, is_seen = added.shifted(held, self._terms), self._is_correction_seen(event)
        if event.is_exit and counted is not None and event.residual_qty is None:
            grown, untold = after.filled_qty - before.filled_qty, self._untold
            counted = counted.as_gone() if is_seen else counted
            more = counted.corrected(grown, held, untold, self._terms)
            self._remember(event.order, after)
            self._count_exit(more, difference_of(after.worth, before.worth))
            self._counts[event.trade_id, event.order] = counted.and_then(more)
            if may_give_back:
                self._held = replace(shifted, proceeds=self._held.proceeds, realized_pnl=self._held.realized_pnl)
            return
        if not event.is_exit and event.order in self._orders and not may_give_back:
            cycle = (held, self._side, self._terms)
            entry = EntryCount(before, after, *cycle, is_seen=is_seen, orders=self._orders, since=self._since)
            # in the order of happening, what the fill entered may be closed already
            is_held = is_seen or held.quantity + entry.added >= 0
            now = entry.by_fill(ZERO, ZERO) if is_held else shifted
            self._enter(replace(now, traded_cost=shifted.traded_cost, uncounted_qty=held.uncounted_qty))
        else:
            self._held = shifted
        if event.order in self._orders:
            self._orders = self._orders.with_order(after)

    def _is_correction_seen(self, event: e.FillCorrected) -> bool:
        """Whether the last adjustment counted it; one of a fill that was told wrong belongs to its fill."""
        if event.was_told_wrong:
            return self._adjusted_at > EPOCH and (event.is_exit, event.trade_id, event.order) not in self._news
        return self._is_adjusted_for(event)

    def _order(self, name: str | None) -> Order:
        return self._exits.order(name, self._orders)

    def _remember(self, name: str | None, order: Order) -> None:
        if name is None:
            self._remember_unnamed(order)
        else:
            self._orders = self._orders.with_order(order)

    def _remember_unnamed(self, fills: Order) -> None:
        self._exits = altered(self._exits, unnamed=fills)

    @property
    def _untold(self) -> Decimal:
        return self._exits.untold(self._held, self._orders)

    def _worth(self, qty: Decimal, px: Decimal) -> Decimal:
        return self._terms.recorded_worth(qty, px)

    def _state(self, event: e.EntryPlaced | e.OrderEnded) -> None:
        if event.filled_qty is None:
            return
        before = self._order(event.order)
        worth = None if event.avg_px is None else self._worth(event.filled_qty, event.avg_px)
        after = before.with_statement(event.filled_qty, worth, event.ts_event)
        self._orders = self._orders.with_order(after)
        self._enter(self._counted(event, before, after, is_seen=self._is_adjusted_for(event)).by_statement())

    def _is_adjusted_for(self, event: e.PositionEvent) -> bool:
        """Whether the last adjustment counted it.

        Not if its order was promised after the adjustment was recorded, or if it has no time.
        """
        is_before = event.is_timed and self._adjusted_at > EPOCH and event.ts_event <= self._adjusted_at
        return is_before and event.originator_version not in self._promised_since

    def _exit_count(
        self, event: e.PositionReduced | e.OrderEnded, added: Added, grown: Decimal, untold: Decimal
    ) -> ExitCount | None:
        """How to count what a closing order filled in addition, as the decisions do (`exit_count`)."""
        held, gone = self._held, ZERO
        if grown and self._is_adjusted_for(event):
            if grown <= self._since.may_explain(untold):
                return ExitCount(explained=grown)
            if not (event.late and held.quantity):
                return ExitCount().seen_gone(grown, held, self._terms)
        elif EPOCH < self._adjusted_at <= event.ts_event and self._since.gives_way:
            lost = self._since.entered(self._orders).quantity - held.filled_qty
            gone = max(ZERO, min(added.gone, grown, lost))  # the adjustment was recorded before, be its time later
        is_by_end = event.is_timed and event.ts_event <= self._closed_at
        return ExitCount.of(grown, held, untold, gone, self._terms, is_by_end=is_by_end)

    def _counted(
        self,
        event: e.EntryPlaced | e.EntryFilled | e.OrderEnded,
        before: Order,
        after: Order,
        *,
        is_seen: bool,
    ) -> EntryCount:
        absorbed, grown = event.absorbed_qty, after.filled_qty - before.filled_qty
        self._since = self._since.knowing(before, after, absorbed, event.said_at, is_seen=is_seen)
        if self._adjusted_at == EPOCH:
            absorbed, is_seen = ZERO, False
        return EntryCount(
            before, after, self._held, self._side, self._terms, min(absorbed, grown), is_seen, self._orders, self._since
        )

    def _fill(self, event: e.EntryFilled, added: Added) -> None:
        before = self._order(event.order)
        worth = self._worth(event.last_qty, event.last_px)
        after = before.with_fill(event.last_qty, worth, is_news=event.is_news)
        self._orders = self._orders.with_order(after)
        count = self._counted(event, before, after, is_seen=event.is_seen)
        if event.withdrawn_qty and self._adjusted_at > EPOCH:
            count = altered(count, withdrawn=min(event.withdrawn_qty, event.last_qty - count.grown))
        if not count.is_gone:
            self._news.add((False, event.trade_id, event.order))
        held = added.shifted(self._held, self._terms) if count.beyond else count.by_fill(event.last_qty, worth)
        is_of_total = not count.added and added.after.quantity == added.before.quantity
        self._enter(self._after_fee(held, event, added, is_gone=count.is_gone or is_of_total))

    def _reduce(self, event: e.PositionReduced, added: Added) -> None:
        if event.residual_qty is None:
            before = self._order(event.order)
            after = before.with_fill(event.last_qty, self._worth(event.last_qty, event.last_px))
            self._counts[event.trade_id, event.order] = self._tell(event, added, before, after)
            self._news.add((True, event.trade_id, event.order))
        else:
            self._held = added.shifted(self._held, self._terms)
        self._held = self._after_fee(self._held, event, added)

    def _after_fee(
        self, held: Holding, event: e.EntryFilled | e.PositionReduced, added: Added, *, is_gone: bool = False
    ) -> Holding:
        is_paid = self._key.pays_from_position(event.fee, event.fee_currency)
        if event.fee is None or not is_paid or not added.after.has_paid_in_kind(added.before):
            return held
        self._since = self._since.paying(event.fee)
        if is_gone:
            return held.with_fee_gone(self._side, event.fee, event.last_px, self._terms)
        return held.shrunk(self._side, event.fee, self._terms)

    def _close(self, event: e.PositionClosed | e.RolledBack, added: Added) -> None:
        before = self._held
        if isinstance(event, e.PositionClosed):
            self._closed_at = max(self._closed_at, event.said_at)
        residual = getattr(event, "residual_qty", None) or ZERO
        if residual:
            self._held = replace(before, quantity=ZERO, filled_qty=before.filled_qty - residual, cost=ZERO)
            return
        for each in added.exits:
            explained = min(each.quantity, max(ZERO, each.quantity - before.quantity))
            now, _ = each.split(each.quantity - explained) if each.quantity > explained else (Exit(ZERO, ZERO), each)
            if now.quantity:
                self._exit(now)
            elif explained and not self._was_closed_by_fills(event):
                self._exit(each)

    def _was_closed_by_fills(self, event: e.PositionClosed | e.RolledBack) -> bool:
        """Whether fills that were recorded later have already closed what this event closed, as it was corrected."""
        return self._held.closed_qty >= self._closed_in_all[event.originator_version]

    def _end(self, event: e.OrderEnded, added: Added) -> None:
        if role_of(event.order) == "entry":
            self._state(event)
            return
        if event.filled_qty is None:
            return
        before = self._order(event.order)
        worth = None if event.avg_px is None else self._worth(event.filled_qty, event.avg_px)
        self._tell(event, added, before, before.with_statement(event.filled_qty, worth, event.ts_event))

    def _tell(self, event: e.PositionReduced | e.OrderEnded, added: Added, before: Order, after: Order) -> ExitCount:
        """Count what is told of a closing order; what is more than is held yet, by the clocks, waits for its entry."""
        untold = self._untold  # before it is remembered
        grown, brought = after.filled_qty - before.filled_qty, difference_of(after.worth, before.worth)
        self._remember(event.order, after)
        count = self._exit_count(event, added, grown, untold)
        if count is None:
            self._exit(Exit(grown, brought, is_told=True))
            return ExitCount(grown)
        self._count_exit(count, brought)
        return count

    def _count_exit(self, count: ExitCount, brought: Decimal | None) -> None:
        before = self._held
        self._held = self._exits.counted(before, count, brought, self._orders)
        self._exits = self._exits.with_released(before, self._held, count.cost)

    def _enter(self, grown: Holding) -> None:
        self._held, early, self._early = grown, self._early, []
        for each in early:
            self._exit(each)

    def _exit(self, each: Exit) -> None:
        """Close as much of it as is open; the rest waits for its entry, whose clock is ahead."""
        held = self._held
        quantity = min(each.quantity, held.quantity)
        now, rest = each.split(quantity) if quantity else (None, each)
        if now is not None and now.is_told:
            self._count_exit(ExitCount().closing(quantity, held), now.brought)
        elif now is not None:
            self._held = held.with_exit(self._side, quantity, now.brought, self._terms)
            self._exits = self._exits.with_closing(held, self._held, now.brought)
        if rest.quantity:
            self._early.append(rest)

    def _correct(self, held: Holding, event: e.PositionAdjusted | e.RollbackFailed | e.PositionAdopted) -> None:
        """Set the totals that the exchange reports, which include all exits so far, also those that wait."""
        for each in self._early:
            if each.brought is None:
                held = replace(held, proceeds=None, realized_pnl=None)
            else:
                held = held.with_past_exit(self._side, each.quantity, each.brought, self._terms)
        self._held, self._early = held, []
        if isinstance(event, e.PositionAdopted):
            self._since = Stand.at_opening(event, held, self._orders)
        else:
            self._since = self._since.then(event, held, self._orders, self._untold)
