"""The anomalies of a cycle: everything odd that an auditor should see at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from operator import attrgetter
from typing import Final

from domain import events as e
from domain.json_object import JsonObject
from domain.orders.cycle_orders import of_role
from domain.values import EXACT, ZERO, Leg, Side, Source, Status, plain, total_of
from projections.formatting import (
    average,
    changed,
    clock,
    clock_beside,
    counted,
    day,
    length,
    listed,
    percent,
    quoted,
    ratio,
    stretch,
)
from projections.positions import PositionRow, requested_in_all
from projections.timeline import Moment, Span, Timeline

ENTRY_SECONDS_MAX: Final = 30
"""How long an entry may take to get its first stop before that is a warning."""

LATE_SECONDS: Final = 60
"""An event that was recorded more than this after it happened is an anomaly."""

BACK_SECONDS: Final = 1
"""How far an event may precede the one recorded before it without an anomaly: a fill may come before its order."""

AHEAD_SECONDS: Final = 5
"""How far two clocks may differ before one of them counts as wrong."""

SHOWN_MAX: Final = 5
"""Up to so many anomalies of a kind are listed one by one; more are summed up in one."""


class Weight(StrEnum):
    """How much an anomaly matters."""

    WARNING = "warning"
    """Money was at risk, or is not accounted for."""
    NOTE = "note"
    """Worth knowing."""


@dataclass(frozen=True)
class Anomaly(JsonObject):
    """One anomaly: its kind, its time, and a sentence."""

    kind: str
    weight: Weight
    at: datetime
    text: str


def oddities(history: Sequence[Moment], time: Timeline) -> tuple[Anomaly, ...]:
    """All anomalies of a cycle, in the order of time."""
    found = [
        *_unprotected(time),
        *_unknown_outcomes(time),
        *_widened_stops(history),
        *_other_than_requested(history),
        *_adjustments(history),
        *_gone_without_an_exit(history),
        *_of_single_events(history),
        *_refused_rivals(time),
        *_clock_errors(history),
    ]
    return tuple(sorted(found, key=lambda oddity: oddity.at))


def _limited(kind: str, weight: Weight, found: Sequence[tuple[datetime, str]], words: str) -> Iterator[Anomaly]:
    """Up to SHOWN_MAX findings as one anomaly each; more as one anomaly with the sentence `words`."""
    if len(found) <= SHOWN_MAX:
        for at, text in found:
            yield Anomaly(kind, weight, at, text)
    else:
        yield Anomaly(kind, weight, found[0][0], f"{words}, first at {clock(found[0][0])}")


def _until(span: Span, *, is_over: bool) -> str:
    return stretch(span.start, span.end) if is_over else f"since {day(span.start)} {clock(span.start)}, and still"


def _unprotected(time: Timeline) -> Iterator[Anomaly]:
    short = [
        gap for gap in time.gaps if gap.is_entry and gap.is_over and gap.length.total_seconds() <= ENTRY_SECONDS_MAX
    ]
    for gap in short:
        words = f"unprotected for {length(gap.length)} during the entry ({gap.why})"
        yield Anomaly("unprotected", Weight.NOTE, gap.start, words)
    rest = [gap for gap in time.gaps if gap not in short]
    texts = [
        (gap.start, f"unprotected for {length(gap.length)}, {_until(gap, is_over=gap.is_over)}: {gap.why}")
        for gap in rest
    ]
    if rest:
        longest = max(rest, key=lambda gap: gap.length)
        together = sum((gap.length for gap in rest), timedelta())
        words = (
            f"unprotected {counted(len(rest), 'time')}, {length(together)} in all, longest {length(longest.length)} "
            f"from {clock_beside(longest.start, rest[0].start)}"
        )
        yield from _limited("unprotected", Weight.WARNING, texts, words)


def _unknown_outcomes(time: Timeline) -> Iterator[Anomaly]:
    for span in time.unknown:
        is_over = not (time.is_open and span.end == time.end)
        words = f"nobody knew for {length(span.length)} what became of the entry, {_until(span, is_over=is_over)}"
        yield Anomaly("outcome_unknown", Weight.WARNING, span.start, words)


def _widened_stops(history: Sequence[Moment]) -> Iterator[Anomaly]:
    found = []
    for each in history:
        before = stop_before(each, was_lost=True)
        if isinstance(each.event, e.StopLossSet) and before is not None:
            after = each.event.stop_price
            if is_away(each.row.side, before, after):
                words = f"the stop was moved away from the price, {changed(before, after)}: more at risk"
                found.append((each.at, words))
    words = f"the stop was moved away from the price {counted(len(found), 'time')}"
    yield from _limited("stop_widened", Weight.WARNING, found, words)


def stop_before(moment: Moment, *, was_lost: bool = False) -> Decimal | None:
    """The earlier price of the stop that an event moved; None for a new stop. With `was_lost`, also of a lost stop."""
    if not isinstance(moment.event, e.StopLossSet) or moment.before is None:
        return None
    stop = moment.before.orders.get(moment.event.order or "stop.1")
    if was_lost and stop is None and not moment.before.stop_confirmed:
        stop = next(reversed([*of_role(moment.before.orders, "stop")]), None)
    return stop.price if stop is not None and (stop.is_live or was_lost) else None


def is_away(side: Side, before: Decimal, after: Decimal) -> bool:
    """Whether a stop moved away from the price, so that more is at risk."""
    return (after - before) * side.sign < 0


def _other_than_requested(history: Sequence[Moment]) -> Iterator[Anomaly]:
    """The quantity of all entry orders, and the price of the first, whose signal it was.

    On spot a fee in the asset, or dust, makes less of what the orders filled as requested; that is not odd.
    """
    row = history[-1].row
    if not row.filled_qty or row.status in (Status.PENDING_ENTRY, Status.ENTRY_PLACED) or row.source is Source.IMPORT:
        return
    entries, requested = list(of_role(row.orders, "entry")), requested_in_all(row)
    is_filled = row.leg is Leg.SPOT and requested == total_of(each.filled_qty for each in entries)
    if requested is not None and requested != row.filled_qty and not is_filled:
        at = _last_change(history, lambda each: each.filled_qty)
        words = f"another quantity than was requested: {changed(requested, row.filled_qty)}"
        yield Anomaly("quantity", Weight.NOTE, at, words)
    is_of_first = len(entries) > 1 and _price_of_first(row) is not None
    price = _price_of_first if is_of_first else attrgetter("avg_px_open")
    paid = price(row)
    by = None if row.signal_price is None or paid is None else ratio(row.signal_price, paid)
    if by:
        assert row.signal_price is not None, "a ratio is one of two"
        better = by * row.side.sign < 0
        words = (
            f"another price than the signal saw: {plain(row.signal_price)} → {average(paid)}, "
            f"{percent(by)} {'better' if better else 'worse'}"
        )
        yield Anomaly("slippage", Weight.NOTE, _last_change(history, price), words)


def _price_of_first(row: PositionRow) -> Decimal | None:
    """The average price of the first entry order, as far as it is known."""
    first = row.orders.get("entry")
    if first is None or not first.filled_qty or first.worth is None:
        return None
    return row.terms.price(first.filled_qty, first.worth)


def _last_change(history: Sequence[Moment], of: Callable[[PositionRow], Decimal | None]) -> datetime:
    """When a value of the row became what it is."""
    last = of(history[-1].row)
    return next(each.at for each in reversed(history) if each.before is None or of(each.before) != last)


def _adjustments(history: Sequence[Moment]) -> Iterator[Anomaly]:
    found = [(each.at, adjustment(each.event)) for each in history if isinstance(each.event, e.PositionAdjusted)]
    yield from _limited("adjusted", Weight.NOTE, found, f"corrected {counted(len(found), 'time')}")


def _gone_without_an_exit(history: Sequence[Moment]) -> Iterator[Anomaly]:
    """What fills entered and an adjustment saw gone, as long as no exit tells of it; on spot it may be a fee."""
    row = history[-1].row
    seen = [
        each.at
        for each in history
        if isinstance(each.event, e.PositionAdjusted) and each.held.quantity < each.held_before.quantity
    ]
    entered = total_of(order.traded_qty for order in of_role(row.orders, "entry"))
    gone = EXACT.subtract(entered, row.filled_qty or ZERO)
    if seen and gone > 0 and row.leg is not Leg.SPOT:
        words = f"{plain(gone)} that was entered is gone, and no exit tells of it: profit counts it as never entered"
        yield Anomaly("gone", Weight.WARNING, seen[-1], words)


def adjustment(event: e.PositionAdjusted) -> str:
    """What an adjustment changed, and why."""
    changes = []
    if event.old_quantity != event.new_quantity:
        changes.append(f"quantity {changed(event.old_quantity, event.new_quantity)}")
    if event.old_avg_px_open != event.new_avg_px_open:
        changes.append(f"average entry {changed(event.old_avg_px_open, event.new_avg_px_open)}")
    return f"corrected: {', '.join(changes) or 'nothing but that it is known now'}; {quoted(event.reason)}"


def _of_single_events(history: Sequence[Moment]) -> Iterator[Anomaly]:
    for each in history:
        match each.event:
            case e.PositionReduced(late=True) as fill:
                words = f"{plain(fill.last_qty)} closed at {plain(fill.last_px)} was learned after the cycle was over"
                yield Anomaly("late_exit", Weight.NOTE, each.at, words)
            case e.FillCorrected() as fill:
                words = f"fill {fill.trade_id} was corrected: {quoted(fill.reason)}"
                yield Anomaly("fill_corrected", Weight.NOTE, each.at, words)
            case e.EntryFilled(late=True) as fill:
                words = f"{plain(fill.last_qty)} filled at {plain(fill.last_px)} after the cycle was over"
                yield Anomaly("late_fill", Weight.WARNING, each.at, words)
            case e.RollbackFailed() as failed:
                words = f"a rollback left {plain(failed.residual_qty)} at the exchange: {quoted(failed.reason)}"
                yield Anomaly("rollback_failed", Weight.WARNING, each.at, words)
            case e.PositionImported() as imported:
                for finding in imported.findings:
                    yield Anomaly("imported", Weight.WARNING, each.at, f"doubtful in the old table: {quoted(finding)}")
            case e.PositionClosed(realized_pnl=None) if history[-1].row.realized_pnl is None:
                words = "what it earned is not known: something was closed at a price that nobody said"
                yield Anomaly("profit_unknown", Weight.NOTE, each.at, words)


def _refused_rivals(time: Timeline) -> Iterator[Anomaly]:
    if not time.refused:
        return
    names = list(dict.fromkeys(rival.name for rival in time.refused))
    raced = sum(rival.refusal.detected_by == "version_conflict" for rival in time.refused)
    first, last = time.refused[0].at, max(rival.at for rival in time.refused)
    when = f"at {clock(first)}" if first == last else stretch(first, last)
    words = f"{counted(len(time.refused), 'rival')} refused {when}: {listed(names)}"
    if raced:
        words += f"; {raced:,} of them lost a race at the append"
    yield Anomaly("refused", Weight.NOTE, first, words)


def _clock_errors(history: Sequence[Moment]) -> Iterator[Anomaly]:
    steps = [(later, later.event.ts_event - earlier.event.ts_event) for earlier, later in pairwise(history)]
    found = [
        (
            each.at,
            f"version {each.event.originator_version} happened {length(-by)} before the one recorded before it",
        )
        for each, by in steps
        if -by > timedelta(seconds=BACK_SECONDS)
    ]
    words = f"the time of {counted(len(found), 'event')} goes back"
    yield from _limited("clock_back", Weight.NOTE, found, words)
    yield from _lags(history)


def _lags(history: Sequence[Moment]) -> Iterator[Anomaly]:
    lags = [
        (each, each.event.ts_recorded - each.event.ts_event)
        for each in history
        if each.event.source is not Source.IMPORT
    ]
    late = [(each, lag) for each, lag in lags if lag > timedelta(seconds=LATE_SECONDS)]
    ahead = [(each, -lag) for each, lag in lags if -lag > timedelta(seconds=AHEAD_SECONDS)]
    for kind, found, words in (
        ("recorded_late", late, "written down late: {}, {} after it happened"),
        ("recorded_ahead", ahead, "a clock is wrong: {} is said to have happened {} after it was written down"),
    ):
        if found:
            each, lag = max(found, key=lambda pair: pair[1])
            which = f"version {each.event.originator_version}"
            if len(found) > 1:
                which = f"{len(found):,} of {len(history):,} events; {which}"
            yield Anomaly(kind, Weight.NOTE, found[0][0].at, words.format(which, length(lag)))


def warnings(found: Iterable[Anomaly]) -> list[Anomaly]:
    """The anomalies that are warnings."""
    return [oddity for oddity in found if oddity.weight is Weight.WARNING]
