"""Rates, durations and refusals in a window of time, and whether the success criteria are met.

The times of cycles are on the exchange's clock (`ts_event`), those of refusals on ours (`ts_recorded`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final

from domain.json_object import JsonObject
from domain.rejection import Rejection
from domain.values import Status
from projections.exposure import Gap, is_bare_if_held, is_by_choice
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.durations import Durations
from projections.metrics.objectives import (
    PAIR,
    Criterion,
    invalid,
    none_of,
    pairs,
    prevented_share,
    rolled_back_share,
    share,
    unprotected_longest,
)
from projections.metrics.profit import Profit, by_currency, earning

_BEFORE_AN_ORDER: Final = frozenset({"request_entry", "adopt"})
"""Commands that come before an order is sent: when they are refused, nothing has happened."""
AFTER_AN_ORDER: Final = "record_entry_placed"
"""When this command is refused, there is a duplicate order at the exchange."""


@dataclass(frozen=True)
class MeasuredWindow:
    """A window of time: from `since` (included) to `until` (not included)."""

    since: datetime
    until: datetime

    def __contains__(self, moment: object) -> bool:
        """Whether a moment is in the window."""
        return isinstance(moment, datetime) and self.since <= moment < self.until

    @property
    def reach(self) -> datetime:
        """From when on cycles are needed: one that ended just before the window may be the first of a pair."""
        return self.since - PAIR

    def overlaps(self, began: datetime, ended: datetime | None) -> bool:
        """Whether a period overlaps the window; an `ended` of None means that it has not ended."""
        return began < self.until and (ended is None or ended >= self.since)

    def part_of(self, gap: Gap) -> timedelta:
        """How much of a gap is in the window."""
        return max(min(gap.ended, self.until) - max(gap.began, self.since), timedelta())


@dataclass(frozen=True)
class Cause:
    """The kind of a refused duplicate."""

    error: str
    detected_by: str
    source: str
    command: str


@dataclass(frozen=True)
class Refusals(JsonObject):
    """Refused duplicates.

    `early`: refused before an order was sent. `late`: refused after it was sent. `other`: not about a second position.
    """

    early: int
    late: tuple[Rejection, ...]
    other: int
    by_cause: dict[Cause, int]
    per_hour: dict[datetime, int]
    """By hour (UTC), without hours that have none."""

    json_keys: ClassVar = (
        "total",
        "early",
        ("late", lambda refusals: len(refusals.late)),
        "other",
        ("by_cause", lambda refusals: [{**vars(cause), "count": count} for cause, count in refusals.by_cause.items()]),
        ("per_hour", lambda refusals: by_hour(refusals.per_hour)),
    )

    @classmethod
    def of(cls, refusals: Iterable[Rejection]) -> Refusals:
        """Count refusals."""
        known = list(refusals)
        early = sum(refusal.command in _BEFORE_AN_ORDER for refusal in known)
        late = tuple(refusal for refusal in known if refusal.command == AFTER_AN_ORDER)
        causes = Counter(Cause(each.error, each.detected_by, each.source, each.command) for each in known)
        hours = Counter(each.ts_recorded.replace(minute=0, second=0, microsecond=0) for each in known)
        return cls(early, late, len(known) - early - len(late), dict(causes.most_common()), dict(sorted(hours.items())))

    @property
    def total(self) -> int:
        """All of them."""
        return self.early + len(self.late) + self.other


@dataclass(frozen=True, kw_only=True)
class Statistics(JsonObject):
    """What happened in a window, in numbers, and whether the criteria are met.

    `by_status` counts the cycles that were opened in the window by their status now; imported ones are only counted
    in `imported`. `unprotected` is how long something was held without a confirmed stop within the window, added up
    over all positions, imported ones included. Positions whose bot keeps the stop itself are only in `by_choice_now`.
    """

    window: MeasuredWindow
    by_status: dict[Status, int]
    imported: int
    request_to_protected: Durations
    never_protected: int
    """How many cycles were requested in the window and have not been protected so far."""
    never_held: int
    """How many of them never held anything that a stop could protect."""
    unprotected: timedelta
    unprotected_now: tuple[str, ...]
    """The positions that are held without a confirmed stop now."""
    if_held_now: tuple[str, ...]
    """The cycles of which nothing is on record as held now, without a stop that is known to cover what may be."""
    by_choice_now: tuple[str, ...]
    """The positions that are held now without a stop at the exchange, because their bot keeps it."""
    profit: tuple[Profit, ...]
    """The profit of the cycles that ended in the window, by currency."""
    refusals: Refusals
    criteria: tuple[Criterion, ...]

    json_keys: ClassVar = (
        "ok",
        ("since", "window.since"),
        ("until", "window.until"),
        "opened",
        "by_status",
        "imported",
        "rolled_back_share",
        ("request_to_protected_seconds", "request_to_protected"),
        "never_protected",
        "never_held",
        ("unprotected_seconds", "unprotected"),
        "unprotected_now",
        ("unprotected_if_held", "if_held_now"),
        ("unprotected_by_choice", "by_choice_now"),
        "profit",
        ("rejections", "refusals"),
        "criteria",
    )

    @property
    def opened(self) -> int:
        """Cycles that were opened in the window."""
        return sum(self.by_status.values())

    @property
    def rolled_back_share(self) -> Decimal | None:
        """The share of them that was rolled back; None if there are none."""
        return share(self.by_status[Status.ROLLED_BACK], self.opened)

    @property
    def ok(self) -> bool:
        """Whether no criterion is missed; one that is not known is not missed."""
        return all(criterion.ok is not False for criterion in self.criteria)


def by_hour(counts: Mapping[datetime, int]) -> list[dict[str, Any]]:
    """Counts as a list for JSON, in the order of the hours."""
    return [{"hour": hour, "count": count} for hour, count in counts.items()]


def measure(
    facts: Iterable[CycleFacts], refusals: Iterable[Rejection], window: MeasuredWindow, *, now: datetime
) -> Statistics:
    """Sum up a window.

    Shape: `facts` of all cycles that were open, or held something, at `window.reach` or later; others are ignored. A
           gap that is not over ends at `now`.
    """
    known = list(facts)
    own = [cycle for cycle in known if not cycle.is_imported]
    opened = [cycle for cycle in own if cycle.opened_at in window]
    refused = Refusals.of(refusal for refusal in refusals if refusal.ts_recorded in window)
    held = [cycle for cycle in known if cycle.was_held and window.overlaps(cycle.opened_at, cycle.told_until)]
    bare = [cycle for cycle in opened if cycle.was_requested and cycle.lacks_protection]
    return Statistics(
        window=window,
        by_status={status: sum(cycle.position.status is status for cycle in opened) for status in Status},
        imported=sum(cycle.is_imported and cycle.opened_at in window for cycle in known),
        request_to_protected=Durations.of(
            taken for cycle in opened if (taken := cycle.request_to_protected) is not None
        ),
        never_protected=len(bare),
        never_held=sum(not cycle.was_held for cycle in bare),
        unprotected=sum((window.part_of(gap) for cycle in held for gap in cycle.gaps_until(now)), timedelta()),
        unprotected_now=tuple(cycle.position_id for cycle in known if cycle.exposed_since is not None),
        if_held_now=tuple(cycle.position_id for cycle in known if is_bare_if_held(cycle.position)),
        by_choice_now=tuple(cycle.position_id for cycle in known if is_by_choice(cycle.position)),
        profit=by_currency(earning(own, window)),
        refusals=refused,
        criteria=_criteria(
            known, opened, refused, {each.position_id: _longest(each, window, now) for each in held}, window
        ),
    )


def _longest(cycle: CycleFacts, window: MeasuredWindow, now: datetime) -> timedelta:
    """The longest gap that overlaps the window, including its part before the window, so that it is not shortened."""
    gaps = [gap for gap in cycle.gaps_until(now) if window.overlaps(gap.began, gap.ended)]
    return max((min(gap.ended, window.until) - gap.began for gap in gaps), default=timedelta())


def _criteria(
    known: Sequence[CycleFacts],
    opened: Sequence[CycleFacts],
    refused: Refusals,
    longest: dict[str, timedelta],
    window: MeasuredWindow,
) -> tuple[Criterion, ...]:
    own = [cycle for cycle in known if not cycle.is_imported]
    undone = [cycle.position_id for cycle in own if cycle.is_rollback_for_duplicate and cycle.ended_at in window]
    anything = bool(own or refused.total)
    return (
        none_of(
            "late_duplicates",
            "duplicates that were refused only after their order had been sent",
            [refusal.position_id or refusal.stream for refusal in refused.late],
            anything=anything,
        ),
        none_of("rollbacks_for_duplicate", "cycles rolled back for being a duplicate", undone, anything=anything),
        none_of(
            "pairs_within_10_seconds",
            "cycles opened less than 10 s after another one of their key",
            [cycle.position_id for cycle in pairs(own) if cycle.opened_at in window],
            anything=anything,
        ),
        none_of(
            "invalid_states",
            "cycles that are over and hold something, or open beside another one of their key",
            invalid(known),
            anything=bool(known),
        ),
        rolled_back_share(opened),
        prevented_share(refused.early, len(refused.late)),
        unprotected_longest(longest),
    )
