"""The statistics of a ledger: catch up with the log, then sum up a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from domain.identifiers import PositionKey
from infrastructure.event_store.port import Store
from infrastructure.ledger.late_fills import successor_at
from infrastructure.ledger.projector import Projector
from projections.metrics.cycle_metrics import CycleFacts
from projections.metrics.statistics import MeasuredWindow, Statistics, measure
from projections.projection import STATISTICS
from projections.rebuild import Progress


def seen_to(store: Store, facts: CycleFacts) -> CycleFacts:
    """The facts of a cycle in the light of later ones of its key, which may have taken over what it holds."""
    if not facts.position.stray:
        return facts
    at = successor_at(store, facts.position)
    return facts if at is None else facts.taken_over(at)


def each_since(
    store: Store,
    since: datetime,
    takes: Callable[[PositionKey], bool] = lambda _: True,
    progress: Progress = lambda _: None,
) -> Iterator[CycleFacts]:
    """The facts of all cycles that were not over at some time; everything that was recorded by now is in them.

    Shape: one after the other, for who keeps little of each; the store is asked while they are read.
    Refuses: ProjectionStopped when an event cannot be taken in; StoreUnavailable.
    """
    follower = Projector(store, STATISTICS)
    follower.catch_up(progress)
    wanted = (each for each in follower.each_lasting(since) if takes(PositionKey.parse(each.position.stream)))
    return (seen_to(store, each) for each in wanted)


def facts_since(
    store: Store,
    since: datetime,
    takes: Callable[[PositionKey], bool] = lambda _: True,
    progress: Progress = lambda _: None,
) -> list[CycleFacts]:
    """All of them at once."""
    return list(each_since(store, since, takes, progress))


def statistics(
    store: Store,
    window: MeasuredWindow,
    *,
    now: datetime,
    takes: Callable[[PositionKey], bool] = lambda _: True,
    progress: Progress = lambda _: None,
) -> Statistics:
    """Sum up a window, of all keys or of some; everything that was recorded by now is in it.

    Refuses: ProjectionStopped when an event cannot be taken in; StoreUnavailable.
    """
    facts = facts_since(store, window.reach, takes, progress)
    refused = [each for each in store.rejections(since=window.since) if each.key is not None and takes(each.key)]
    return measure(facts, refused, window, now=now)
