"""What had happened by a moment, on the exchange's clock: a cycle told in its own order, its totals counted anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any, Final

from domain import events as e
from domain.aggregate.exit_count import ExitCount
from domain.aggregate.exit_effect import ExitEffect, FillChange
from domain.aggregate.state import Stand
from domain.aggregate.unexplained import Unexplained
from domain.decisions.counting import EntryCount, settled
from domain.holding import ZERO, Holding
from domain.identifiers import PositionKey
from domain.instrument import Instrument
from domain.order import Order, role_of
from domain.values import EPOCH, EXACT, Side, Status, rounded
from projections.positions import PositionRow, project

_STEPS: Final = (
    e.EntryFailed,
    e.Activated,
    e.RollbackStarted,
    e.RolledBack,
    e.RollbackFailed,
    e.PositionClosed,
)
_EVIDENCE: Final = (e.EntryPlaced, e.EntryFilled, e.PositionAdjusted, e.EntryFailed)
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


def rows_at(stream: Iterable[e.PositionEvent], moment: datetime) -> Iterator[PositionRow]:
    """The cycles of one stream as they stood at a moment; none of which nothing had happened yet."""
    for cycle in _cycles(stream):
        row = row_at(cycle, moment)
        if row is not None:
            yield row


def versions_at(stream: Iterable[e.PositionEvent], moment: datetime) -> set[int]:
    """Which events of one stream had happened by a moment."""
    known = list(stream)
    told = [each for cycle in _cycles(known) for each in in_its_order(cycle)]
    told += [(event.ts_event, event) for event in known if not event.has_cycle]
    return {event.originator_version for happened_at, event in told if happened_at <= moment}


def _cycles(stream: Iterable[e.PositionEvent]) -> Iterable[list[e.PositionEvent]]:
    cycles: dict[int, list[e.PositionEvent]] = {}
    for event in stream:
        if event.has_cycle:
            cycles.setdefault(event.cycle, []).append(event)
    return cycles.values()


def row_at(cycle: Sequence[e.PositionEvent], moment: datetime) -> PositionRow | None:
    """One cycle as it stood at a moment, by all of its events that we know; None when nothing had happened yet.

    Shape: `cycle` in the order of recording. Flags and the times in the row are as the events have them.
    """
    row = None
    told = _under_one_name(cycle)
    tally = EventTimeTotals(told)
    for happened_at, event in in_its_order(told):
        if happened_at > moment:
            break
        row = project(row, tally.count(_as_it_was(event, moment)))
    return row


def _under_one_name(cycle: Sequence[e.PositionEvent]) -> Sequence[e.PositionEvent]:
    """The events of one cycle with orders whose fills came before their names under the name that we know by now."""
    placed = (event for event in cycle if isinstance(event, e.EntryPlaced | e.OrderEnded))
    names: dict[str | None, str] = {each.same_as: each.order for each in placed if each.same_as is not None}
    if not names:
        return cycle
    return [_renamed(event, names) for event in cycle]


def _renamed(event: Any, names: Mapping[str | None, str]) -> e.PositionEvent:
    known = {"same_as": None} if getattr(event, "same_as", None) is not None else {}
    name = names.get(getattr(event, "order", None))
    told: e.PositionEvent = replace(event, **known, **({} if name is None else {"order": name}))
    return told


def in_its_order(cycle: Sequence[e.PositionEvent]) -> list[tuple[datetime, e.PositionEvent]]:
    """The events of one cycle with the time by which each had happened, in that order.

    Shape: by `ts_event`, then as recorded. Clocks differ, but a cause never comes after what it led to: an opening
    had happened by any event of its cycle, a step of the cycle by the next step, and a call that timed out by the
    evidence of what became of it.
    """
    happened = []
    anything = next_step = evidence = _FOREVER
    for event in reversed(cycle):
        at = event.ts_event
        if event.opens_cycle:
            at = min(at, anything)
        elif isinstance(event, _STEPS):
            at = next_step = min(at, next_step)
        elif getattr(event, "reopens", False):
            at = min(at, next_step)
        elif isinstance(event, e.EntryOutcomeUnknown):
            at = min(at, evidence)
        if isinstance(event, _EVIDENCE):
            evidence = min(at, evidence)
        anything = min(at, anything)
        happened.append((at, event))
    return sorted(happened, key=lambda each: (each[0], each[1].originator_version))


def _as_it_was(event: e.PositionEvent, moment: datetime) -> e.PositionEvent:
    """An event that tells more than one moment, without what came after this one."""
    match event:
        case e.PositionImported(closed_at=datetime() as closed_at) if closed_at > moment:
            if event.status.is_open:
                return replace(event, closed_at=None)
            was_held = event.status is Status.CLOSED
            held = Holding().stated(event.quantity, event.avg_px_open) if was_held else Holding()
            status = Status.ACTIVE if was_held else Status.PENDING_ENTRY
            return replace(event, status=status, holding=held, exit_reason=None, closed_at=None)
        case e.EntryPlaced(side=Side()) if event.ts_event > moment:
            return replace(event, filled_qty=None, avg_px=None)
    return event


@dataclass(frozen=True, slots=True)
class _Exit:
    """Something that was closed, for an amount that may not be known."""

    quantity: Decimal
    brought: Decimal | None

    def split(self, quantity: Decimal) -> tuple[_Exit, _Exit]:
        """So much of it, and the rest."""
        part = self.brought
        if part is not None and quantity != self.quantity:
            part = rounded(part * quantity / self.quantity)
        rest = None if part is None or self.brought is None else self.brought - part
        return _Exit(quantity, part), _Exit(self.quantity - quantity, rest)


class EventTimeTotals:
    """The totals of one cycle, counted by the rules of its decisions, in whatever order its events are told.

    In the order of recording it gives the totals that the events carry.
    """

    def __init__(self, cycle: Sequence[e.PositionEvent]) -> None:
        """Find in the events of a cycle, in the order of recording, what each of them added."""
        opened = project(None, cycle[0])
        self._side, self._terms = opened.side, opened.terms
        self._key = PositionKey.parse(opened.stream)
        self._orders: dict[str, Order] = {}
        self._held, self._unexplained = Holding(), Unexplained()
        self._adjusted_at, self._since = EPOCH, Stand()
        self._effects: dict[tuple[str, str | None], ExitEffect] = {}
        self._early: list[_Exit] = []
        """Exits whose entries have not been told yet."""
        with localcontext(EXACT):
            self._added = _added(cycle)
        self._promised_since = _promised_since(cycle)

    def count(self, event: e.PositionEvent) -> e.PositionEvent:
        """Take an event in, and give it back with the totals as they stand after it."""
        added = self._added.get(event.originator_version)
        if added is None:
            return event
        with localcontext(EXACT):
            self._count(event, added)
            self._held = settled(self._held, self._side, self._terms, self._orders, self._since)
            held = added.with_money(self._held)
        self._held = held
        if self._early:
            held = replace(held, proceeds=None, realized_pnl=None)
        return self._carrying(event, held)

    def _carrying(self, event: Any, held: Holding) -> e.PositionEvent:
        own = {"avg_px_close": held.avg_px_close(self._terms)} if isinstance(event, e.PositionClosed) else {}
        told: e.PositionEvent = replace(event, holding=held, **own)
        return told

    def _count(self, event: e.PositionEvent, added: _Added) -> None:
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
                    if each.brought is not None:
                        self._know_exit(each.quantity, each.brought)
                    self._exit(each)
            case e.PositionClosed() | e.RolledBack():
                self._close(event, added)
            case e.PositionAdjusted():
                self._correct(held.corrected(event.new_quantity, event.new_avg_px_open, self._terms))
                if not event.price_only:
                    self._adjusted_at = max(self._adjusted_at, at)
            case e.PositionAdopted():
                stated = Holding().stated(event.holding.quantity, event.holding.avg_px_open, self._terms)
                self._correct(stated)
                self._adjusted_at = max(self._adjusted_at, at)
            case e.RollbackFailed():
                left = event.residual_qty
                if left < held.quantity:
                    self._correct(held.with_exit(self._side, held.quantity - left, None, self._terms))
                else:
                    self._correct(held.corrected(left, held.avg_px_open, self._terms))
                self._unexplained = self._unexplained.with_closing(held, self._held)
                self._adjusted_at = max(self._adjusted_at, at)
            case e.OrderEnded():
                self._end(event)
            case e.FillCorrected():
                self._correct_fill(event, added)
            case e.CashRecorded() if event.trade_id is not None and added.after.has_paid_in_kind(added.before):
                self._held = added.shifted(held, self._terms)
            case e.PositionImported():
                self._held, self._since = event.holding, Stand(event.holding)

    def _correct_fill(self, event: e.FillCorrected, added: _Added) -> None:
        old = event.old_qty, self._worth(event.old_qty, event.old_px)
        new = event.last_qty, self._worth(event.last_qty, event.last_px)
        change = FillChange.of(self._orders.get(event.order or ""), old, new)
        held, effect = self._held, self._effects.get((event.trade_id, event.order))
        self._held = added.shifted(held, self._terms)
        if event.is_exit and effect is not None and event.residual_qty is None:
            now, exact, self._unexplained = effect.corrected(held, self._unexplained, self._side, self._terms, change)
            self._effects[event.trade_id, event.order] = now
            self._held = replace(self._held, proceeds=exact.proceeds, realized_pnl=exact.realized_pnl)
        if event.order in self._orders:
            self._orders[event.order] = change.after

    def _worth(self, qty: Decimal, px: Decimal) -> Decimal:
        return self._terms.recorded_worth(qty, px)

    def _state(self, event: e.EntryPlaced | e.OrderEnded) -> None:
        if event.filled_qty is None:
            return
        before = self._orders.get(event.order) or Order(name=event.order)
        worth = None if event.avg_px is None else self._worth(event.filled_qty, event.avg_px)
        after = self._orders[event.order] = before.with_statement(event.filled_qty, worth, event.ts_event)
        self._enter(
            self._counted(before, after, event.absorbed_qty, is_seen=self._is_adjusted_for(event)).by_statement()
        )

    def _is_adjusted_for(self, event: e.PositionEvent) -> bool:
        """Whether the last adjustment has counted it; what was promised after that was recorded, it has not."""
        is_before = self._adjusted_at > EPOCH and event.ts_event <= self._adjusted_at
        return is_before and event.originator_version not in self._promised_since

    def _counted(self, before: Order, after: Order, absorbed: Decimal, *, is_seen: bool) -> EntryCount:
        grown = after.filled_qty - before.filled_qty
        if self._adjusted_at == EPOCH:
            absorbed, is_seen = ZERO, False
        return EntryCount(
            before, after, self._held, self._side, self._terms, min(absorbed, grown), is_seen, self._orders, self._since
        )

    def _fill(self, event: e.EntryFilled, added: _Added) -> None:
        before = self._orders.get(event.order) or Order(name=event.order)
        worth = self._worth(event.last_qty, event.last_px)
        after = self._orders[event.order] = before.with_fill(event.last_qty, worth, is_news=event.is_news)
        count = self._counted(before, after, event.absorbed_qty, is_seen=event.is_seen)
        held = count.by_fill(event.last_qty, worth)
        self._enter(self._after_fee(held, event, added, is_gone=count.is_gone))

    def _reduce(self, event: e.PositionReduced, added: _Added) -> None:
        held_before, unexplained = self._held, self._unexplained
        brought = self._worth(event.last_qty, event.last_px)
        before = self._orders.get(event.order or "") or Order(name=event.order or "exit")
        after = before.with_fill(event.last_qty, brought)
        if event.order is not None:
            self._orders[event.order] = after
        count = ExitCount.of_fill(before, event.last_qty, brought, unexplained)
        closes, held, left = count.exits, self._held.quantity, count.may_explain(unexplained, self._orders)
        is_past = self._is_adjusted_for(event)
        if event.residual_qty is not None:
            self._held = added.shifted(self._held, self._terms)
        elif closes and left >= closes and (is_past or closes > held):
            self._count_exit(count.explaining(closes))
        elif is_past and count.is_new and not (event.late and held):
            self._count_exit(count.counted_as_gone())
        elif held < closes <= held + left:
            self._count_exit(count.explaining(left))
        elif closes == event.last_qty:
            self._know_exit(event.last_qty, brought)
            self._exit(_Exit(event.last_qty, brought))
        else:
            self._count_exit(count)
        told = unexplained.less(self._unexplained)
        self._effects[event.trade_id, event.order] = ExitEffect.of(held_before, self._held, told, self._terms)
        self._held = self._after_fee(self._held, event, added)

    def _after_fee(
        self, held: Holding, event: e.EntryFilled | e.PositionReduced, added: _Added, *, is_gone: bool = False
    ) -> Holding:
        is_paid = self._key.pays_from_position(event.fee, event.fee_currency)
        if event.fee is None or not is_paid or not added.after.has_paid_in_kind(added.before):
            return held
        if is_gone:
            return held.with_fee_gone(self._side, event.fee, event.last_px, self._terms)
        return held.shrunk(self._side, event.fee, self._terms)

    def _close(self, event: e.PositionClosed | e.RolledBack, added: _Added) -> None:
        before = self._held
        residual = getattr(event, "residual_qty", None) or ZERO
        if residual:
            self._held = replace(before, quantity=ZERO, filled_qty=before.filled_qty - residual, cost=ZERO)
            return
        for each in added.exits:
            explained = min(each.quantity, max(ZERO, each.quantity - before.quantity))
            now, _ = each.split(each.quantity - explained) if each.quantity > explained else (_Exit(ZERO, ZERO), each)
            if now.quantity:
                self._exit(now)
            elif explained and not self._was_told_all(event):
                self._exit(each)
        price = getattr(event, "rest_px", None)
        closed = self._held.closed_qty - before.closed_qty
        if price is None or before.proceeds is not None:
            self._unexplained = self._unexplained.with_closing(before, self._held)
        else:
            brought = self._worth(closed, price)
            self._unexplained = self._unexplained.with_stated(before, closed, brought, self._side, self._terms)

    def _was_told_all(self, event: e.PositionClosed | e.RolledBack) -> bool:
        """Whether what was closed then is closed already, by fills that were learned of later."""
        return bool(self._held.closed_qty) and self._held.closed_qty >= event.holding.closed_qty

    def _end(self, event: e.OrderEnded) -> None:
        if role_of(event.order) == "entry":
            self._state(event)
            return
        if event.filled_qty is None:
            return
        before = self._orders.get(event.order) or Order(name=event.order)
        worth = None if event.avg_px is None else self._worth(event.filled_qty, event.avg_px)
        after = self._orders[event.order] = before.with_statement(event.filled_qty, worth, event.ts_event)
        count, held = ExitCount.of_statement(before, after, self._unexplained), self._held.quantity
        grown, told = count.exits, count.may_explain(self._unexplained, self._orders)
        if grown and self._is_adjusted_for(event) and not (event.late and held):
            self._count_exit(count.counted_as_gone())
        elif told >= grown > held:
            self._count_exit(count.explaining(grown))
        elif held < grown <= held + told and held:
            self._count_exit(count.explaining(told))
        elif grown <= held:
            self._count_exit(count)
        else:
            self._exit(_Exit(grown, count.brought))

    def _count_exit(self, count: ExitCount) -> None:
        self._held, self._unexplained = count.counted(self._held, self._unexplained, self._side, self._terms)

    def _enter(self, grown: Holding) -> None:
        self._held, early, self._early = grown, self._early, []
        for each in early:
            self._exit(each)

    def _know_exit(self, qty: Decimal, brought: Decimal) -> None:
        """Know what an exit brought, while something is not explained."""
        closed = min(qty, self._held.quantity)
        self._unexplained = self._unexplained.with_exit(self._held, closed, brought, self._side, self._terms)

    def _exit(self, each: _Exit) -> None:
        """Close what is open of it; the rest waits for its entry, whose clock is ahead."""
        quantity = min(each.quantity, self._held.quantity)
        now, rest = each.split(quantity) if quantity else (None, each)
        if now is not None:
            self._held = self._held.with_exit(self._side, now.quantity, now.brought, self._terms)
        if rest.quantity:
            self._early.append(rest)

    def _correct(self, held: Holding) -> None:
        """Take the exchange's word for what is open: whatever was closed before is in it."""
        for each in self._early:
            if each.brought is None:
                held = replace(held, proceeds=None, realized_pnl=None)
            else:
                held = held.with_past_exit(self._side, each.quantity, each.brought, self._terms)
        self._held, self._early = held, []
        self._since = Stand(held, dict(self._orders))


@dataclass(frozen=True, slots=True)
class _Added:
    """What one event added to the totals as they were when it was recorded: exits, fees and cash."""

    exits: tuple[_Exit, ...]
    before: Holding
    after: Holding

    def with_money(self, held: Holding) -> Holding:
        """The totals with its fees and its cash."""
        paid = _moved(self.before.fees_other, self.after.fees_other)
        received = _moved(self.before.cash, self.after.cash)
        return replace(
            held,
            fees=held.fees + self.after.fees - self.before.fees,
            fees_other=_plus(held.fees_other, paid),
            cash=_plus(held.cash, received),
        )

    def shifted(self, held: Holding, terms: Instrument) -> Holding:
        """The totals with whatever else it changed; what was not known, before or after, is what it is here."""
        changed: dict[str, Any] = {}
        names = ("quantity", "filled_qty", "cost", "closed_qty", "proceeds", "realized_pnl", "traded_cost")
        for name in names:
            own, after, before = getattr(held, name), getattr(self.after, name), getattr(self.before, name)
            if after is not None or before is not None:
                changed[name] = None if None in (own, after, before) else own + after - before
        shifted = replace(held, **changed)
        if (held.quantity, held.cost) == (self.before.quantity, self.before.cost):
            return replace(shifted, avg_px_open=self.after.avg_px_open)
        return shifted.costing(shifted.cost, terms)


def _moved(before: dict[str, Decimal], after: dict[str, Decimal]) -> dict[str, Decimal]:
    return {name: total - before.get(name, ZERO) for name, total in after.items() if total != before.get(name)}


def _plus(totals: dict[str, Decimal], moved: dict[str, Decimal]) -> dict[str, Decimal]:
    return {**totals, **{name: totals.get(name, ZERO) + amount for name, amount in moved.items()}}


def _added(cycle: Sequence[e.PositionEvent]) -> dict[int, _Added]:
    """What each event with totals added, by its version."""
    added: dict[int, _Added] = {}
    before, trades, terms = Holding(), set[str](), project(None, cycle[0]).terms
    for event in cycle:
        after: Holding | None = getattr(event, "holding", None)
        if after is None:
            continue
        exits = tuple(_exits(event, before, after, trades, terms))
        added[event.originator_version] = _Added(exits, before, after)
        if isinstance(event, e.PositionReduced):
            trades.add(event.trade_id)
        before = after
    return added


def _promised_since(cycle: Sequence[e.PositionEvent]) -> frozenset[int]:
    """What was told of orders that were promised after the last adjustment was recorded, by version."""
    promised, told, rollbacks = set[str](), set[int](), 0
    for event in cycle:
        match event:
            case e.IncreaseRequested() | e.ExitRequested():
                promised.add(event.order)
            case e.RollbackStarted():
                promised.add(f"rollback{rollbacks or ''}")
                rollbacks += 1
            case e.PositionAdjusted(price_only=False) | e.PositionAdopted() | e.RollbackFailed():
                promised.clear()
            case e.EntryPlaced() | e.EntryFilled() | e.PositionReduced() | e.OrderEnded() if event.order in promised:
                told.add(event.originator_version)
    return frozenset(told)


def _exits(
    event: e.PositionEvent, before: Holding, after: Holding, trades: set[str], terms: Instrument
) -> Iterator[_Exit]:
    match event:
        case e.RolledBack() if event.evidence.fills:
            for fill in {fill.trade_id: fill for fill in event.evidence.fills}.values():
                if fill.trade_id not in trades:
                    yield _Exit(fill.last_qty, terms.worth(fill.last_qty, fill.last_px))
        case e.RolledBack() | e.PositionClosed() if before.quantity:
            known = before.proceeds is not None and after.proceeds is not None
            brought = after.proceeds - before.proceeds if known else None  # type: ignore[operator] # both are known
            if (price := getattr(event, "rest_px", None)) is not None:
                brought = terms.recorded_worth(before.quantity, price)
            yield _Exit(before.quantity, brought)
