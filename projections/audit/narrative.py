"""The narrative of one cycle for people: intent, request, order, fills, stops, rivals, exit, profit."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import ClassVar, Final

from domain.events import (
    CashRecorded,
    EntryFilled,
    ExitRequested,
    IncreaseRequested,
    OrderEnded,
    OrderReplaced,
    PositionEvent,
    PositionReduced,
    StopLossLost,
    StopLossSet,
)
from domain.json_object import JsonObject
from domain.orders.cycle_orders import of_role, stops_at_work
from domain.orders.order import Role
from domain.rejection import Rejection
from domain.values import EXACT, ZERO, Status, money, plain, total_of
from projections.audit.anomalies import Anomaly, is_away, oddities, stop_before
from projections.audit.event_text import refused_as, told_as
from projections.audit.money_text import dust, earned
from projections.exposure import BY_CHOICE, exposure_words, is_by_choice, is_covered
from projections.formatting import average, clock_beside, counted, length, listed, number, quoted, sentence
from projections.positions import PositionRow, requested_in_all
from projections.timeline import Moment, RefusedRival, Timeline, UnprotectedSpan, moments, timeline

RUN_MAX: Final = 3
"""Up to so many events of a kind in a row get a line each; more get one line together."""

BLOCK_MAX: Final = 12
"""Up to so many events of all these kinds in a row stay in their order; more are grouped by kind."""

_SINGLE: Final = "single"
"""The kind of events that always get a line each."""

_CHAPTERS: Final = {
    Status.PENDING_ENTRY: "The entry",
    Status.ENTRY_PLACED: "The entry",
    Status.PENDING_SL: "The protection",
    Status.ACTIVE: "The position",
    Status.ROLLING_BACK: "The rollback",
}
_END: Final = "The end"
_AFTERWARDS: Final = "Afterwards"


@dataclass(frozen=True)
class NarrativeLine(JsonObject):
    """One line of a narrative: its time, the time since the line before it, and what happened.

    `versions` are those of its first and last event; None for a refusal.
    """

    at: datetime
    since: timedelta | None
    text: str
    versions: tuple[int, int] | None

    json_keys: ClassVar = (
        "at",
        "text",
        ("first_version", lambda line: line.versions and line.versions[0]),
        ("last_version", lambda line: line.versions and line.versions[1]),
    )


@dataclass(frozen=True)
class Chapter(JsonObject):
    """Some lines that belong together."""

    title: str
    lines: tuple[NarrativeLine, ...]


@dataclass(frozen=True)
class Narrative(JsonObject):
    """The narrative of one cycle: a headline, its facts, its anomalies, and what happened, chapter by chapter."""

    row: PositionRow
    headline: str
    facts: tuple[tuple[str, str], ...]
    oddities: tuple[Anomaly, ...]
    chapters: tuple[Chapter, ...]
    timeline: Timeline

    json_keys: ClassVar = (
        ("position_id", "row.position_id"),
        "headline",
        ("facts", lambda story: dict(story.facts)),
        ("unprotected_seconds", "timeline.unprotected"),
        ("gaps", "timeline.gaps"),
        ("refused", lambda story: len(story.timeline.refused)),
        "oddities",
        "chapters",
    )


def story(
    events: Iterable[PositionEvent], refusals: Iterable[Rejection], now: datetime, taken_over_at: datetime | None = None
) -> Narrative:
    """The narrative of one cycle from its events, oldest first; `refusals` of other cycles are ignored.

    The timeline of an open cycle or a stray runs on to `now`; that of a stray only until a later cycle took it over.
    """
    history = moments(events)
    time = timeline(history, refusals, now, taken_over_at)
    return Narrative(
        row=history[-1].row,
        headline=headline(history[-1].row, time),
        facts=tuple(_facts(history, time)),
        oddities=oddities(history, time),
        chapters=tuple(_chapters(history, time)),
        timeline=time,
    )


def headline(row: PositionRow, time: Timeline) -> str:
    """A cycle in one line."""
    quantity = row.quantity or row.filled_qty or row.requested_qty
    what = f"{row.side} {number(quantity)} {row.symbol} at {row.exchange}"
    if row.avg_px_open is not None:
        what += f", entered at {average(row.avg_px_open)}"
    if not row.status.is_open:
        bare = f", and HOLDS {number(row.quantity)}, {exposure_words(row)}" if time.is_exposed else ""
        return sentence(f"{what}: {row.status} after {length(time.over_at - time.start)}{bare}")
    stop = f", protected by {_stops(row)}" if row.protected and row.quantity else ""
    words = exposure_words(row)
    bare = "" if words is None else f", {words}"
    return sentence(f"{what}: {row.status}, open for {length(time.end - time.start)}{stop}{bare}")


def _stops(row: PositionRow) -> str:
    prices = [number(stop.price) for stop in stops_at_work(row.orders, row.side, row.avg_px_open)]
    return f"a stop at {prices[0]}" if len(prices) == 1 else f"stops at {' and '.join(prices)}"


def _facts(history: Sequence[Moment], time: Timeline) -> Iterator[tuple[str, str]]:
    row, held = history[-1].row, history[-1].held
    yield "Intent", row.intent_id or "none: it began without a request"
    requested = requested_in_all(row)
    if requested is not None:
        orders = sum(1 for _ in of_role(row.orders, "entry"))
        yield (
            "Requested",
            f"{row.side} {plain(requested)}"
            + (f", by {orders} orders" if orders > 1 else "")
            + (f", the signal saw {plain(row.signal_price)}" if row.signal_price is not None else ""),
        )
    if row.contract_size != 1 or row.inverse:
        inverse = ", inverse" if row.inverse else ""
        yield "Contract", f"{plain(row.contract_size)}{inverse}, settled in {row.settle_currency or 'unknown'}"
    if row.filled_qty:
        after_exit = any(
            each.held_before.closed_qty and each.held.filled_qty > each.held_before.filled_qty for each in history
        )
        open_now = ", what is open" if row.quantity else ", what was open last"
        what = open_now if after_exit else ""
        entered = EXACT.add(row.filled_qty, row.residual_qty)
        yield "Entered", f"{plain(entered)}{what} at {average(row.avg_px_open)} on average"
    if held.closed_qty:
        yield "Left", f"{plain(held.closed_qty)} at {average(held.avg_px_close(row.terms))} on average"
    if row.quantity and not row.status.is_open:
        seen_to = "" if time.is_exposed else ", until a later cycle took it over"
        yield "Held after its end", f"{plain(row.quantity)}{seen_to}"
    if row.residual_qty:
        yield "Dust", dust(row)
    if row.status.is_open and row.quantity:
        yield "Open now", plain(row.quantity)
        yield "Stop", _live_orders(row, "stop") or _no_stop(row)
        if targets := _live_orders(row, "target"):
            yield "Target", targets
    if held.closed_qty or row.cash or row.residual_qty:
        yield "Earned", earned(row)
    if row.exit_reason:
        yield "Reason of its end" if not row.status.is_open else "Undone because", quoted(row.exit_reason)
    if held.filled_qty:
        gaps = [gap for gap in time.gaps if gap.length]
        yield (
            "Unprotected",
            f"{length(time.unprotected)} in {counted(len(gaps), 'stretch', 'stretches')}" if gaps else _no_gaps(row),
        )
    yield "Rivals refused", f"{len(time.refused):,}"
    yield "Events", f"{len(history):,}"


def _live_orders(row: PositionRow, role: Role) -> str:
    """The stops or targets that rest at the exchange."""
    return ", ".join(
        f"{plain(order.price)}{'' if order.room is None else f' for {plain(order.room)}'}"
        for order in row.orders.live(role)
        if order.price is not None
    )


def _no_gaps(row: PositionRow) -> str:
    return "by choice, its bot keeps the stop" if is_by_choice(row) else "never"


def _no_stop(row: PositionRow) -> str:
    if row.stop_price is not None:
        return f"{plain(row.stop_price)}, not confirmed"
    return f"none, {BY_CHOICE}" if is_by_choice(row) else "none"


_Step = Moment | RefusedRival


def _chapters(history: Sequence[Moment], time: Timeline) -> Iterator[Chapter]:
    gaps = {gap.start: gap for gap in time.gaps}
    before: datetime | None = None
    for title, run in groupby(_with_titles(history, time), key=lambda pair: pair[0]):
        lines = []
        for line in _lines([step for _, step in run], gaps):
            lines.append(line if before is None else NarrativeLine(line.at, line.at - before, line.text, line.versions))
            before = line.at
        yield Chapter(title, tuple(lines))


def _with_titles(history: Sequence[Moment], time: Timeline) -> Iterator[tuple[str, _Step]]:
    """Events and refusals in the order of recording, each with the title of its chapter."""
    rivals = deque(time.refused)
    meanwhile = _CHAPTERS.get(history[0].row.status, _END)
    for recorded, moment in enumerate(history):
        while rivals and rivals[0].after <= recorded:
            yield meanwhile, rivals.popleft()
        was_over = moment.before is not None and not moment.before.status.is_open
        title = _AFTERWARDS if was_over else _CHAPTERS.get(moment.row.status, _END)
        meanwhile = title if moment.row.status.is_open else _AFTERWARDS
        yield title, moment
    for rival in rivals:
        yield meanwhile, rival


def _topic(step: _Step) -> str:
    if isinstance(step, RefusedRival):
        return "rivals"
    match step.event:
        case StopLossSet() | StopLossLost():
            return "stops"
        case EntryFilled():
            return "entries"
        case PositionReduced():
            return "exits"
        case IncreaseRequested() | ExitRequested() | OrderReplaced() | OrderEnded():
            return "orders"
        case CashRecorded():
            return "cash"
    return _SINGLE


def _lines(steps: Iterable[_Step], gaps: dict[datetime, UnprotectedSpan]) -> Iterator[NarrativeLine]:
    for is_single, block in groupby(steps, key=lambda step: _topic(step) == _SINGLE):
        for run in [[step] for step in block] if is_single else _runs(list(block)):
            if len(run) > RUN_MAX:
                yield NarrativeLine(run[0].at, None, _summary(run, gaps), _versions(run))
            else:
                for step in run:
                    yield _line(step, gaps)


def _runs(block: Sequence[_Step]) -> Iterable[list[_Step]]:
    """Runs of steps of one kind, in the order in which they begin.

    In a long block, where kinds may alternate, all steps of a kind are one run, unless they get a line each anyhow.
    """
    if len(block) <= BLOCK_MAX:
        return [list(run) for _, run in groupby(block, key=_topic)]
    counts = Counter(map(_topic, block))
    runs: dict[str | int, list[_Step]] = {}
    for place, step in enumerate(block):
        topic = _topic(step)
        runs.setdefault(topic if counts[topic] > RUN_MAX else place, []).append(step)
    return runs.values()


def _line(step: _Step, gaps: dict[datetime, UnprotectedSpan]) -> NarrativeLine:
    if isinstance(step, RefusedRival):
        return NarrativeLine(step.at, None, refused_as(step), None)
    began = _begins_gap(step)
    return NarrativeLine(step.at, None, told_as(step, gaps.get(step.at) if began else None), _versions([step]))


def _begins_gap(moment: Moment) -> bool:
    row, before = moment.row, moment.before
    return is_covered(row) is False and (before is None or is_covered(before) is not False)


def _versions(run: Sequence[_Step]) -> tuple[int, int] | None:
    numbers = [step.event.originator_version for step in run if isinstance(step, Moment)]
    return (numbers[0], numbers[-1]) if numbers else None


def _summary(run: Sequence[_Step], gaps: dict[datetime, UnprotectedSpan]) -> str:
    """One sentence for a run of steps of one kind."""
    recorded = [step for step in run if isinstance(step, Moment)]
    match _topic(run[0]):
        case "stops":
            return _stops_summary(recorded, gaps)
        case "entries":
            return _fills_summary(recorded, gaps, "entered")
        case "exits":
            return _fills_summary(recorded, gaps, "closed")
        case "orders":
            return _orders_summary(recorded)
        case "cash":
            return _cash_summary(recorded)
    return _rivals_summary([step for step in run if isinstance(step, RefusedRival)])


def _last(run: Sequence[_Step]) -> str:
    """When the last step of a run was; the line shows the date and the time of the first."""
    return clock_beside(run[-1].at, run[0].at)


def _stops_summary(run: Sequence[Moment], gaps: dict[datetime, UnprotectedSpan]) -> str:
    moved = [
        (stop_before(step, was_lost=True), step.event.stop_price) for step in run if isinstance(step.event, StopLossSet)
    ]
    away = sum(before is not None and is_away(run[-1].row.side, before, after) for before, after in moved)
    words = f"The stop was set {counted(len(moved), 'time')} until {_last(run)}"
    if moved:
        words += f", from {plain(moved[0][1])} to {plain(moved[-1][1])}"
    words += f", {counted(away, 'time')} away from the price" if away else ", never away from the price"
    if lost := sum(isinstance(step.event, StopLossLost) for step in run):
        words += f"; it was gone {counted(lost, 'time')}"
    if bare := _gaps_begun(run, gaps):
        total, longest = sum((gap.length for gap in bare), timedelta()), max(gap.length for gap in bare)
        words += f". UNPROTECTED {counted(len(bare), 'time')}, {length(total)} in all, {length(longest)} at the longest"
    return f"{words}."


def _fills_summary(run: Sequence[Moment], gaps: dict[datetime, UnprotectedSpan], verb: str) -> str:
    fills = [step.event for step in run if isinstance(step.event, EntryFilled | PositionReduced)]
    total = total_of(fill.last_qty for fill in fills)
    prices, row = [fill.last_px for fill in fills], run[-1].row
    text = (
        f"{counted(len(fills), 'fill')} until {_last(run)} {verb} {plain(total)} at {plain(min(prices))} to "
        f"{plain(max(prices))}. The average entry is {average(row.avg_px_open)}, and {plain(row.quantity)} is open."
    )
    return text + "".join(f" UNPROTECTED for {length(gap.length)}." for gap in _gaps_begun(run, gaps))


def _gaps_begun(run: Sequence[Moment], gaps: dict[datetime, UnprotectedSpan]) -> list[UnprotectedSpan]:
    return [gaps[step.at] for step in run if _begins_gap(step) and step.at in gaps]


def _orders_summary(run: Sequence[Moment]) -> str:
    asked = sum(isinstance(step.event, IncreaseRequested | ExitRequested) for step in run)
    ended = sum(isinstance(step.event, OrderEnded) for step in run)
    counts = [(asked, "asked for"), (len(run) - asked - ended, "replaced"), (ended, "ended")]
    words = ", ".join(f"{count:,} {verb}" for count, verb in counts if count)
    return f"Orders until {_last(run)}: {words}."


def _cash_summary(run: Sequence[Moment]) -> str:
    totals: dict[tuple[str, str | None], Decimal] = {}
    for step in run:
        if isinstance(step.event, CashRecorded):
            kind = step.event.kind, step.event.currency or step.row.settle_currency
            totals[kind] = EXACT.add(totals.get(kind, ZERO), step.event.amount)
    words = ", ".join(f"{kind} of {money(total, currency)}" for (kind, currency), total in totals.items())
    return f"{counted(len(run), 'payment')} until {_last(run)}, in all {words}."


def _rivals_summary(run: Sequence[RefusedRival]) -> str:
    names = list(dict.fromkeys(step.name for step in run))
    errors = sorted({step.refusal.error for step in run})
    return f"{counted(len(run), 'rival')} refused until {_last(run)}: {listed(names)} ({', '.join(errors)})."
