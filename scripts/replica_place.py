"""Reading on a replica: the output says as of which place of the log it was read, and how far that is behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from infrastructure.event_store.replica import ReplicaPlace
from infrastructure.ledger.ledger import PositionLedger
from projections.formatting import counted, date_and_time, length
from scripts.options.database import open_ledger
from scripts.options.filters import EVERYTHING, Filter, tell_unheard
from scripts.output import print_json, print_json_list, show


@contextmanager
def reading(database: str | None, wanted: Filter = EVERYTHING) -> Iterator[tuple[PositionLedger, ReplicaPlace | None]]:
    """Open a ledger for reading, on a replica as of one settled place; a note says if nothing of `wanted` was recorded.

    Refuses: SchemaMismatch, StoreUnavailable, also on a replica while no follower on its primary says what is settled.
    """
    with open_ledger(database) as ledger, ledger.store.settled() as place:
        tell_unheard(wanted, ledger.store)
        yield ledger, place


def show_place(place: ReplicaPlace | None) -> None:
    """On a replica print the line about its place; on a primary nothing."""
    if place is not None:
        show(place_words(place))


def with_place(words: str, place: ReplicaPlace | None) -> str:
    """A last line, on a replica with its place."""
    return words if place is None else f"{words}, {place_words(place)}"


def place_words(place: ReplicaPlace) -> str:
    """The place of a replica, on one line."""
    recorded = f", recorded {date_and_time(place.recorded_at)} UTC" if place.recorded_at else ""
    says = [f"as of nid {place.nid} on a {place.kind.value}{recorded}"]
    if place.arrived:
        says.append(f"{counted(place.arrived, 'event')} came after it, not shown, for one before them may be missing")
    if place.left_out:
        says.append(f"{counted(place.left_out, 'event')} left out of the rows by an operator")
    says.append(
        "how far behind is not known, because no server sends to it"
        if place.lag is None
        else f"lag {length(place.lag)}"
    )
    return "; ".join(says)


def print_read(place: ReplicaPlace | None, found: dict[str, Any]) -> None:
    """Print JSON; on a replica with its place under `replica`, so that nobody takes it for the present state."""
    print_json(found if place is None else {**found, "replica": place.as_json()})


def print_read_list(place: ReplicaPlace | None, items: Iterable[Any], name: str) -> None:
    """Print a list as JSON; on a replica an object that has the list under `name`, and the place."""
    if place is None:
        print_json_list(items)
    else:
        print_read(place, {name: [*items]})
