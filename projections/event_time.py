"""What had happened by a moment, on the exchange's clock: a cycle told in its own order, its totals counted anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any, Final

from domain import events as e
from domain.aggregate.state import EPOCH
from domain.holding import ZERO, Holding
from domain.values import EXACT, Side, Status
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
    return {
        event.originator_version
        for cycle in _cycles(stream)
        for happened_at, event in in_its_order(cycle)
        if happened_at <= moment
    }


def _cycles(stream: Iterable[e.PositionEvent]) -> Iterable[list[e.PositionEvent]]:
    cycles: dict[int, list[e.PositionEvent]] = {}
    for event in stream:
        cycles.setdefault(event.cycle, []).append(event)
    return cycles.values()


def row_at(cycle: Sequence[e.PositionEvent], moment: datetime) -> PositionRow | None:
    """One cycle as it stood at a moment, by all of its events that we know; None when nothing had happened yet.

    Shape: `cycle` in the order of recording. Flags and the times in the row are as the events have them.
    """
    row = None
    tally = EventTimeTotals(cycle)
    for happened_at, event in in_its_order(cycle):
        if happened_at > moment:
            break
        row = project(row, tally.count(_as_it_was(event, moment)))
    return row


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
            held = Holding().with_statement(event.quantity, event.avg_px_open) if was_held else Holding()
            status = Status.ACTIVE if was_held else Status.PENDING_ENTRY
            return replace(event, status=status, holding=held, exit_reason=None, closed_at=None)
        case e.EntryPlaced(side=Side()) if event.ts_event > moment:
            return replace(event, filled_qty=None, avg_px=None)
    return event


@dataclass(frozen=True, slots=True)
class _Exit:
    """Something that was closed, at a price that may not be known."""

    quantity: Decimal
    px: Decimal | None


class EventTimeTotals:
    """The totals of one cycle, counted by the rules of its decisions, in whatever order its events are told.

    In the order of recording it gives the totals that the events carry.
    """

    def __init__(self, cycle: Sequence[e.PositionEvent]) -> None:
        """Find in the events of a cycle, in the order of recording, what each of them added."""
        opened = project(None, cycle[0])
        self._side, self._requested = opened.side, opened.requested_qty
        self._held = Holding()
        self._stated_at = self._adjusted_at = EPOCH
        self._early: list[_Exit] = []
        """Exits whose entries have not been told yet."""
        with localcontext(EXACT):
            self._added = _added(cycle)

    def count(self, event: e.PositionEvent) -> e.PositionEvent:
        """Take an event in, and give it back with the totals as they stand after it."""
        added = self._added.get(event.originator_version)
        if added is None:
            return event
        with localcontext(EXACT):
            self._count(event, added)
            held = added.with_fees(self._held)
        self._held = held
        if self._early:
            held = replace(held, proceeds=None, realized_pnl=None)
        return _carrying(event, held)

    def _count(self, event: e.PositionEvent, added: _Added) -> None:
        held, at = self._held, event.ts_event
        match event:
            case e.EntryPlaced():
                if event.opens_cycle or at > self._adjusted_at:
                    self._enter(held.with_statement(event.filled_qty or ZERO, event.avg_px))
                if event.filled_qty is not None:
                    self._stated_at = max(self._stated_at, at)
            case e.EntryFilled():
                if at > self._adjusted_at:
                    is_part = at <= self._stated_at
                    self._enter(
                        held.with_fill(event.last_qty, event.last_px, requested=self._requested, is_part=is_part)
                    )
            case e.PositionReduced() if at <= self._adjusted_at:
                self._held = held.with_past_exit(self._side, event.last_qty, event.last_px)
            case e.PositionReduced() | e.RolledBack() | e.PositionClosed():
                for each in added.exits:
                    self._exit(each)
            case e.PositionAdjusted():
                self._correct(held.corrected(event.new_quantity, event.new_avg_px_open), at)
            case e.PositionAdopted():
                self._correct(held.corrected(event.holding.quantity, event.holding.avg_px_open), at)
            case e.RollbackFailed():
                left = event.residual_qty
                if left < held.quantity:
                    self._correct(held.with_exit(self._side, held.quantity - left, None), at)
                else:
                    self._correct(held.corrected(left, held.avg_px_open), at)
            case e.PositionImported():
                self._held = event.holding

    def _enter(self, grown: Holding) -> None:
        self._held, early, self._early = grown, self._early, []
        for each in early:
            self._exit(each)

    def _exit(self, each: _Exit) -> None:
        """Close what is open of it; the rest waits for its entry, whose clock is ahead."""
        now = min(each.quantity, self._held.quantity)
        if now:
            self._held = self._held.with_exit(self._side, now, each.px)
        if now < each.quantity:
            self._early.append(_Exit(each.quantity - now, each.px))

    def _correct(self, held: Holding, at: datetime) -> None:
        """Take the exchange's word for what is open: whatever was closed before is in it."""
        for each in self._early:
            if each.px is None:
                held = replace(held, proceeds=None, realized_pnl=None)
            else:
                held = held.with_past_exit(self._side, each.quantity, each.px)
        self._held, self._early = held, []
        self._stated_at = self._adjusted_at = max(self._stated_at, at)


def _carrying(event: Any, held: Holding) -> e.PositionEvent:
    own = {"avg_px_close": held.avg_px_close} if isinstance(event, e.PositionClosed) else {}
    told: e.PositionEvent = replace(event, holding=held, **own)
    return told


@dataclass(frozen=True, slots=True)
class _Added:
    """What one event added to the totals as they were when it was recorded: exits and fees."""

    exits: tuple[_Exit, ...]
    fees: Decimal
    fees_other: dict[str, Decimal]

    def with_fees(self, held: Holding) -> Holding:
        held = held.with_fee(self.fees, None)
        for currency, paid in self.fees_other.items():
            held = held.with_fee(paid, currency)
        return held


def _added(cycle: Sequence[e.PositionEvent]) -> dict[int, _Added]:
    """What each event with totals added, by its version."""
    added: dict[int, _Added] = {}
    before, trades = Holding(), set[str]()
    for event in cycle:
        after: Holding | None = getattr(event, "holding", None)
        if after is None:
            continue
        paid = {
            currency: total - before.fees_other.get(currency, ZERO)
            for currency, total in after.fees_other.items()
            if total != before.fees_other.get(currency)
        }
        exits = tuple(_exits(event, before, after, trades))
        added[event.originator_version] = _Added(exits, after.fees - before.fees, paid)
        if isinstance(event, e.EntryFilled | e.PositionReduced):
            trades.add(event.trade_id)
        before = after
    return added


def _exits(event: e.PositionEvent, before: Holding, after: Holding, trades: set[str]) -> Iterator[_Exit]:
    match event:
        case e.PositionReduced():
            yield _Exit(event.last_qty, event.last_px)
        case e.RolledBack() if event.evidence.fills:
            for fill in {fill.trade_id: fill for fill in event.evidence.fills}.values():
                if fill.trade_id not in trades:
                    yield _Exit(fill.last_qty, fill.last_px)
        case e.RolledBack() | e.PositionClosed() if before.quantity:
            yield _Exit(before.quantity, _px(before, after))


def _px(before: Holding, after: Holding) -> Decimal | None:
    """At what price all was closed that was open."""
    if before.proceeds is None or after.proceeds is None:
        return None
    return (after.proceeds - before.proceeds) / before.quantity
