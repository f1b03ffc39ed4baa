"""The statistics of a ledger: catch up with the log, then sum up a window."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from domain.identifiers import PositionKey
from infrastructure.event_store.port import Store
from infrastructure.ledger.projector import Projector
from projections.metrics.statistics import MeasuredWindow, Statistics, measure
from projections.projection import STATISTICS
from projections.rebuild import Progress


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
    follower = Projector(store, STATISTICS)
    follower.catch_up(progress)
    facts = [each for each in follower.lasting(window.reach) if takes(PositionKey.parse(each.position.stream))]
    refused = [each for each in store.rejections(since=window.since) if takes(PositionKey.parse(each.stream))]
    return measure(facts, refused, window, now=now)
