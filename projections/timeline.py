"""The timeline of one cycle: statuses, protection, prices, fills, and the rivals that were refused meanwhile."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise, takewhile
from typing import ClassVar, Final

from domain import events as e
from domain.commands.requests import Evidence
from domain.holding import Holding
from domain.instrument import Instrument
from domain.json_object import JsonObject
from domain.orders.order import role_of
from domain.rejection import Rejection
from domain.values import EXACT, Source, Status
from projections.exposure import counted_at, is_covered, why_uncovered
from projections.formatting import WHO, quoted
from projections.positions import PositionRow, project
from projections.reconciliation.grace_periods import later
from projections.recovery.required_orders import PlannedOrders

_ENTERING: Final = frozenset({Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL})


@dataclass(frozen=True)
class Moment:
    """One event of a cycle, with the row and the totals before and after it.

    `at` is the time at which it counts (`counted_at`), which is not always its own.
    """

    event: e.PositionEvent
    at: datetime
    before: PositionRow | None
    row: PositionRow
    held_before: Holding
    held: Holding
    had_stop: bool
    """Whether a stop had been confirmed by then, even if it is gone again."""


def moments(events: Iterable[e.PositionEvent]) -> tuple[Moment, ...]:
    """Fold the events of one cycle, in the order of recording."""
    found: list[Moment] = []
    row: PositionRow | None = None
    held, had_stop = Holding(), False
    for event in events:
        at = counted_at(event, found[-1].at if found else None)
        after, held_after = project(row, event), getattr(event, "holding", held)
        had_stop = had_stop or after.stop_confirmed
        found.append(Moment(event, at, row, after, held, held_after, had_stop))
        row, held = after, held_after
    return tuple(found)


@dataclass(frozen=True)
class Span:
    """A period of time."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it lasted."""
        return self.end - self.start


@dataclass(frozen=True)
class StatusSpan(Span):
    """The period in which a cycle had a status."""

    status: Status


@dataclass(frozen=True)
class UnprotectedSpan(Span, JsonObject):
    """A period in which something was held without protection; `is_over` is false while that goes on."""

    why: str
    is_over: bool
    is_entry: bool
    """Whether no stop had been set yet: every entry has such a period, and it is short."""

    json_keys: ClassVar = (
        ("from", "start"),
        ("to", lambda span: span.end if span.is_over else None),
        ("seconds", "length"),
        "why",
    )


@dataclass(frozen=True)
class StopStep:
    """A price from some time on; None means that there is none from then on."""

    at: datetime
    price: Decimal | None


@dataclass(frozen=True)
class Fill:
    """A fill, or a filled total that the exchange stated."""

    at: datetime
    price: Decimal
    quantity: Decimal
    is_entry: bool


@dataclass(frozen=True)
class RefusedRival:
    """A refused rival, with its time on the clock of the events."""

    at: datetime
    refusal: Rejection
    after: int
    """How many events of the cycle had been recorded before it."""

    @property
    def name(self) -> str:
        """Who was refused: the intent, or else the source of the command."""
        return self.refusal.intent_id or WHO[Source(self.refusal.source)]


@dataclass(frozen=True)
class FailedStep:
    """Something that went wrong, as a sentence."""

    at: datetime
    says: str


@dataclass(frozen=True)
class Timeline:
    """The timeline of one cycle, from `start` to `end`."""

    start: datetime
    end: datetime
    last_at: datetime
    """When the last event happened."""
    is_open: bool
    statuses: tuple[StatusSpan, ...]
    covered: tuple[Span, ...]
    gaps: tuple[UnprotectedSpan, ...]
    unknown: tuple[Span, ...]
    signal_price: Decimal | None
    planned_stop: Decimal | None
    """The planned price, computed from the average entry, or from the signal's price while there is none."""
    averages: tuple[StopStep, ...]
    stops: tuple[StopStep, ...]
    fills: tuple[Fill, ...]
    refused: tuple[RefusedRival, ...]
    failed: tuple[FailedStep, ...]

    @property
    def unprotected(self) -> timedelta:
        """How long something was held without protection, in total."""
        return sum((gap.length for gap in self.gaps), timedelta())

    @property
    def is_exposed(self) -> bool:
        """Whether something is held without protection at its end."""
        return any(not gap.is_over for gap in self.gaps)

    @property
    def over_at(self) -> datetime:
        """When the cycle was over; the end of the timeline while it is open."""
        over = list(takewhile(lambda span: not span.status.is_open, reversed(self.statuses)))
        return over[-1].start if over else self.end

    @property
    def instants(self) -> set[datetime]:
        """Every time at which something happened, and the end of the timeline."""
        found = {self.start, self.last_at, self.end}
        found |= {step.at for step in (*self.averages, *self.stops)}
        found |= {fill.at for fill in self.fills} | {rival.at for rival in self.refused}
        found |= {step.at for step in self.failed}
        found |= {span.start for span in (*self.statuses, *self.gaps, *self.covered)}
        return {at for at in found if self.start <= at <= self.end}

    @property
    def prices(self) -> list[Decimal]:
        """Every price on the timeline: averages, stops, fills, signal and plan."""
        steps = [step.price for step in (*self.averages, *self.stops)]
        found = [*steps, *(fill.price for fill in self.fills), self.signal_price, self.planned_stop]
        return [price for price in found if price is not None]

    @property
    def entered_at(self) -> datetime | None:
        """A little after the entry was done, to mark it; None while it is not done, or if it took no time."""
        done = next((span.start for span in self.statuses if span.status not in _ENTERING), self.start)
        return min(later(done, (done - self.start) / 12), self.end) if done > self.start else None


def timeline(
    history: Sequence[Moment], refusals: Iterable[Rejection], now: datetime, taken_over_at: datetime | None = None
) -> Timeline:
    """The timeline of a cycle. It ends with the last event; while the cycle is open, it runs on to `now`.

    The timeline of a stray runs on to `now` as well, or until a later cycle took the stray over.
    """
    last = history[-1]
    is_open = last.row.status.is_open
    last_at = max(last.at, last.row.closed_at or last.at)
    runs = is_open or last.row.stray
    end = max(last_at, taken_over_at or now) if runs else last_at
    covers = _spans(history, end, _cover)
    lost_at_once = _lost_at_once(history)
    return Timeline(
        start=history[0].at,
        end=end,
        last_at=last_at,
        is_open=is_open,
        statuses=tuple(
            StatusSpan(start, stop, since.row.status) for start, stop, since in _spans(history, end, _status)
        ),
        covered=tuple(Span(start, stop) for start, stop, since in covers if _cover(since)),
        gaps=tuple(
            UnprotectedSpan(
                start,
                stop,
                _why(lost_at_once.get(id(since), since)),
                is_over=since is not covers[-1][-1] or taken_over_at is not None,
                is_entry=not since.had_stop,
            )
            for start, stop, since in covers
            if _cover(since) is False
        ),
        unknown=tuple(
            Span(start, stop) for start, stop, since in _spans(history, end, _is_unknown) if _is_unknown(since)
        ),
        signal_price=last.row.signal_price,
        planned_stop=_planned_stop(history),
        averages=_steps(history, lambda row: row.avg_px_open if row.quantity else None),
        stops=_steps(history, lambda row: row.stop_price if row.stop_confirmed else None),
        fills=tuple(fill for moment in history for fill in _fills(moment)),
        refused=tuple(_placed_rivals(history, refusals)),
        failed=tuple(_failed(history)),
    )


def _planned_stop(history: Sequence[Moment]) -> Decimal | None:
    row = history[-1].row
    seen = row.signal_price if row.avg_px_open is None else row.avg_px_open
    return PlannedOrders.by(moment.event for moment in history).stop_for(row.side, seen)


def _failed(history: Sequence[Moment]) -> Iterable[FailedStep]:
    for moment in history:
        match moment.event:
            case e.EntryOutcomeUnknown(reason=reason):
                yield FailedStep(moment.at, f"nobody knows what became of the entry: {quoted(reason)}")
            case e.EntryFailed(outcome=outcome, reason=reason):
                yield FailedStep(moment.at, f"the entry is {outcome}: {quoted(reason)}")
            case e.StopLossLost(reason=reason) if _cover(moment) is not True:  # else another one took its place
                yield FailedStep(moment.at, f"a stop is gone: {quoted(reason)}")
            case e.RollbackStarted(reason=reason):
                yield FailedStep(moment.at, f"the entry is undone: {quoted(reason)}")
            case e.RollbackFailed(reason=reason):
                yield FailedStep(moment.at, f"the rollback failed: {quoted(reason)}")
            case e.OrderEnded(outcome="rejected" | "expired" as outcome, order=order):
                yield FailedStep(moment.at, f"order {order} is {outcome}")


def _spans(
    history: Sequence[Moment], end: datetime, state: Callable[[Moment], object]
) -> list[tuple[datetime, datetime, Moment]]:
    """The periods in which a state stays the same, each with the moment with which it begins."""
    changes = [history[0], *(here for before, here in pairwise(history) if state(before) != state(here))]
    ends = [change.at for change in changes[1:]] + [end]
    spans = zip((change.at for change in changes), ends, changes, strict=True)
    return [(start, stop, change) for start, stop, change in spans if start < stop or change is changes[-1]]


def _status(moment: Moment) -> Status:
    return moment.row.status


def _cover(moment: Moment) -> bool | None:
    return is_covered(moment.row)


def _is_unknown(moment: Moment) -> bool:
    return moment.row.outcome_unknown and moment.row.status.is_open


def _lost_at_once(history: Sequence[Moment]) -> dict[int, Moment]:
    """By the `id` of each loss of a stop: the last one of that time, because several stops may be gone at once."""
    found: dict[int, Moment] = {}
    losses = [each for each in history if isinstance(each.event, e.StopLossLost)]
    for after, here in pairwise(reversed(losses)):
        if after.at == here.at:
            found[id(here)] = found.get(id(after), after)
    return found


def _why(moment: Moment) -> str:
    row, before = moment.row, moment.before
    if row.stray:
        return "filled after the cycle was over"
    if not row.stop_confirmed:
        if isinstance(moment.event, e.PositionAdopted):
            if moment.event.trade_id is not None:
                return "a fill turned the position, no stop yet"
            return "adopted without a stop"
        if isinstance(moment.event, e.PositionImported):
            return "imported without a confirmed stop"
        return "the stop was lost" if before and before.stop_confirmed else "no stop yet"
    return why_uncovered(row)


def _steps(history: Sequence[Moment], price: Callable[[PositionRow], Decimal | None]) -> tuple[StopStep, ...]:
    steps: list[StopStep] = []
    for moment in history:
        here = price(moment.row) if moment.row.status.is_open else None
        if here != (steps[-1].price if steps else None):
            steps.append(StopStep(moment.at, here))
    return tuple(steps)


def _fills(moment: Moment) -> Iterable[Fill]:
    event, before, after = moment.event, moment.held_before, moment.held
    match event:
        case e.EntryFilled():
            yield Fill(event.ts_event, event.last_px, event.last_qty, is_entry=True)
        case e.EntryPlaced(avg_px=Decimal(), filled_qty=Decimal()):
            assert event.avg_px is not None and event.filled_qty is not None, "matched"
            if after.filled_qty != before.filled_qty:
                yield Fill(event.ts_event, event.avg_px, event.filled_qty, is_entry=True)
        case e.OrderEnded(avg_px=Decimal(), filled_qty=Decimal()):
            assert event.avg_px is not None and event.filled_qty is not None, "matched"
            if (after.filled_qty, after.closed_qty) != (before.filled_qty, before.closed_qty):
                is_entry = role_of(event.order) == "entry"
                yield Fill(event.ts_event, event.avg_px, event.filled_qty, is_entry=is_entry)
        case e.PositionAdopted() | e.PositionImported():
            if after.avg_px_open is not None and after.filled_qty:
                yield Fill(event.ts_event, after.avg_px_open, after.filled_qty, is_entry=True)
        case e.PositionReduced():
            yield Fill(event.ts_event, event.last_px, event.last_qty, is_entry=False)
        case e.RolledBack(evidence=Evidence(fills=tuple(fills))) if fills:
            for fill in fills:
                yield Fill(event.ts_event, fill.last_px, fill.last_qty, is_entry=False)
        case e.PositionClosed():
            price = closing_price(before, after, moment.row.terms)
            if price is not None:
                yield Fill(event.ts_event, price, EXACT.subtract(after.closed_qty, before.closed_qty), is_entry=False)


def closing_price(before: Holding, after: Holding, terms: Instrument) -> Decimal | None:
    """The average price of what was closed between two totals; None when nothing was closed, or it is not known."""
    if after.proceeds is None or before.proceeds is None or after.closed_qty == before.closed_qty:
        return None
    brought = EXACT.subtract(after.proceeds, before.proceeds)
    if terms.inverse and not brought:
        return None
    return terms.price(EXACT.subtract(after.closed_qty, before.closed_qty), brought)


def _placed_rivals(history: Sequence[Moment], refusals: Iterable[Rejection]) -> Iterable[RefusedRival]:
    """Place refusals, which have a time of the ledger's clock only, among events, which have times of their own clock.

    A refusal comes between the events that were recorded before and after it. Its time is corrected by the smallest
    delay between the happening and the recording of an event.
    """
    position_id = history[0].row.position_id
    lags = [each.event.ts_recorded - each.event.ts_event for each in history if each.event.source is not Source.IMPORT]
    lag = min(lags, default=timedelta())
    recorded = list(accumulate((each.event.ts_recorded for each in history), max))
    for refusal in refusals:
        if refusal.position_id == position_id:
            after = bisect_right(recorded, refusal.ts_recorded)
            at = max(later(refusal.ts_recorded, -lag), history[max(after - 1, 0)].at)
            yield RefusedRival(min([at, *(each.at for each in history[after : after + 1])]), refusal, after)
