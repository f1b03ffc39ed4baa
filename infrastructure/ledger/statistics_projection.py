"""The statistics of a ledger: catch up with the log, then sum up a window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from domain.identifiers import PositionKey
from domain.rejection import Rejection
from infrastructure.event_store.port import Store
from infrastructure.ledger.projector import Projector
from infrastructure.ledger.questions.stray_succession import successors
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.statistics import MeasuredWindow, Statistics, measure
from projections.progress import Progress, no_progress
from projections.projection import STATISTICS

_SEEN_TOGETHER: Final = 1_000
"""For how many cycles one query asks which later cycle took over their strays."""


def seen_to(store: Store, facts: Iterable[CycleFacts]) -> Iterator[CycleFacts]:
    """The same facts, with the time where a later cycle of the key took over what a cycle still held.

    Shape: an iterator; the store is queried while it is read.
    """
    left = iter(facts)
    while together := list(islice(left, _SEEN_TOGETHER)):
        found = successors(store, (each.position for each in together))
        for each in together:
            yield each.taken_over(found[each.position_id]) if each.position_id in found else each


def each_since(
    store: Store,
    since: datetime,
    takes: Callable[[PositionKey], bool] = lambda _: True,
    progress: Progress = no_progress,
) -> Iterator[CycleFacts]:
    """The facts of all cycles that were open at `since` or later; they include everything that is recorded by now.

    Shape: an iterator, which uses less memory; the store is queried while it is read.
    Refuses: ProjectionStopped when an event cannot be applied; StoreUnavailable.
    """
    follower = Projector(store, STATISTICS)
    follower.catch_up(progress)
    wanted = (each for each in follower.each_lasting(since) if takes(PositionKey.parse(each.position.stream)))
    return seen_to(store, wanted)


def refused_since(store: Store, since: datetime, takes: Callable[[PositionKey], bool]) -> list[Rejection]:
    """The duplicates that were refused since a time, for the keys that `takes` accepts. Refuses: StoreUnavailable."""
    return [each for each in store.rejections(since=since) if each.key is not None and takes(each.key)]


def statistics(
    store: Store,
    window: MeasuredWindow,
    *,
    now: datetime,
    takes: Callable[[PositionKey], bool] = lambda _: True,
    progress: Progress = no_progress,
) -> Statistics:
    """Sum up a window, for all keys or for some; it includes everything that is recorded by now.

    Refuses: ProjectionStopped when an event cannot be applied; StoreUnavailable.
    """
    facts = each_since(store, window.reach, takes, progress)
    return measure(facts, refused_since(store, window.since, takes), window, now=now)
