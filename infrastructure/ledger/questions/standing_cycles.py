"""Which cycles may have stood at a moment on the exchange's clock: all that were not surely over by then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from domain.errors import StoreError
from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.places import CyclePlace
from infrastructure.ledger.projector import Projector
from projections.projection import STATISTICS


def are_told(store: Store) -> bool:
    """Whether the facts of statistics tell these cycles: they catch up with the log, unless this role may not write."""
    try:
        Projector(store, STATISTICS).catch_up()
    except StoreError:
        return False
    return True


def may_stand(store: Store, moment: datetime) -> Iterator[CyclePlace]:
    """The cycles that may have been open, or held something, at a moment.

    Surely over is a cycle whose end on record lies before the moment, and after everything else that happened in it:
    whatever the order of its other events, the end is the last. Facts say so as far as they have come; a cycle that has
    later events is one that may stand.
    """
    tracking = store.tracking(STATISTICS.name)
    cursor = tracking.cursor()
    places = set(tracking.not_over(cursor.generation, moment))
    later = store.select({"nid >": cursor.nid}, "nid")
    places.update(f"{event.originator_id}#{event.cycle}" for event in later if event.cycle)
    for place in sorted(places):
        stream, _, cycle = place.rpartition("#")
        yield CyclePlace(stream, int(cycle))
