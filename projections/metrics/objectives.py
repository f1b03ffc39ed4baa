"""The success criteria of the ledger (L12, L15), each with its threshold: met, missed, or not known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Final

from domain.json_object import JsonObject
from domain.values import EXACT, Status, plain, seconds
from projections.metrics.cycle_metrics import CycleFacts

PAIR: Final = timedelta(seconds=10)
"""If two cycles of one key were opened within this time, one of them is a duplicate (L12)."""
UNPROTECTED_MAX: Final = timedelta(seconds=30)
"""How long a position may be without a stop before that is critical (L7)."""
ROLLED_BACK_SHARE_MAX: Final = Decimal("0.05")
PREVENTED_SHARE_MIN: Final = Decimal("0.99")

_SHARE_DIGITS: Final = Decimal("0.000001")


@dataclass(frozen=True, kw_only=True)
class Criterion(JsonObject):
    """One criterion: the measured value, its threshold (`bar`), and whether it is met; `ok` None means not known.

    `offenders` are the positions to look at.
    """

    name: str
    value: int | Decimal | None
    bar: str
    ok: bool | None
    says: str
    offenders: tuple[str, ...] = ()


def none_of(name: str, says: str, offenders: Sequence[str], *, anything: bool) -> Criterion:
    """The criterion that something never happens; not known when there was nothing to which it could have happened."""
    count = len(offenders)
    is_known = anything or bool(offenders)
    return Criterion(
        name=name,
        value=count if is_known else None,
        bar="= 0",
        ok=not count if is_known else None,
        says=says,
        offenders=tuple(dict.fromkeys(offenders)),
    )


def rolled_back_share(own: Sequence[CycleFacts]) -> Criterion:
    """The share of cycles that were rolled back; in the legacy system it was 4 of 42."""
    undone = [cycle.position_id for cycle in own if cycle.position.status is Status.ROLLED_BACK]
    return Criterion(
        name="rolled_back_share",
        value=share(len(undone), len(own)),
        bar=f"< {plain(ROLLED_BACK_SHARE_MAX)}",
        ok=len(undone) < EXACT.multiply(ROLLED_BACK_SHARE_MAX, len(own)) if own else None,
        says=f"{len(undone):,} of the {len(own):,} cycles that were opened were rolled back",
        offenders=tuple(undone),
    )


def prevented_share(early: int, late: int) -> Criterion:
    """The share of duplicates that were refused before an order was sent."""
    return Criterion(
        name="duplicates_prevented_share",
        value=share(early, early + late),
        bar=f">= {plain(PREVENTED_SHARE_MIN)}",
        ok=early >= EXACT.multiply(PREVENTED_SHARE_MIN, early + late) if early + late else None,
        says=f"{early:,} of {early + late:,} duplicates were refused before an order was sent",
    )


def unprotected_longest(longest: dict[str, timedelta]) -> Criterion:
    """The longest time in which a position was held without a confirmed stop; not known when none was held.

    The offender that was held so for longest comes first.
    """
    worst = max(longest.values(), default=None)
    worst_first = sorted(longest, key=lambda position_id: (-longest[position_id], position_id))
    return Criterion(
        name="unprotected_longest_seconds",
        value=None if worst is None else seconds(worst),
        bar=f"<= {plain(seconds(UNPROTECTED_MAX))}",
        ok=None if worst is None else worst <= UNPROTECTED_MAX,
        says="the longest that a position was held without a confirmed stop",
        offenders=tuple(each for each in worst_first if longest[each] > UNPROTECTED_MAX),
    )


def pairs(cycles: Iterable[CycleFacts]) -> list[CycleFacts]:
    """The cycles that were opened soon after another one of their key, unless the entry of that one failed."""
    by_key = groupby(sorted(cycles, key=attrgetter("position.stream", "opened_at")), attrgetter("position.stream"))
    return [
        later
        for _, of_key in by_key
        for earlier, later in pairwise(of_key)
        if later.opened_at - earlier.opened_at < PAIR and not earlier.came_to_nothing
    ]


def invalid(cycles: Iterable[CycleFacts]) -> list[str]:
    """The cycles in an invalid state: over while something is held, or open beside another open one of their key.

    A stray that a later cycle took over is not invalid.
    """
    known = list(cycles)
    open_of_key = Counter(cycle.position.stream for cycle in known if cycle.position.status.is_open)
    return [
        cycle.position_id
        for cycle in known
        if (
            open_of_key[cycle.position.stream] > 1 if cycle.position.status.is_open else cycle.exposed_since is not None
        )
    ]


def share(part: int, whole: int) -> Decimal | None:
    """A part of a whole with six decimals, for display; None if the whole is zero. Thresholds are compared exactly."""
    return EXACT.divide(Decimal(part), Decimal(whole)).quantize(_SHARE_DIGITS, context=EXACT) if whole else None
