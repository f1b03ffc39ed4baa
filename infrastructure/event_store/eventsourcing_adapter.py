"""The eventsourcing library over our store: its recorder, mapper and application work on a ledger.

Our own code neither appends nor reads through it. With it the library's repository and notification log can read a
ledger, and the library's own conformance suite can test our stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partialmethod
from typing import Any
from uuid import UUID

from eventsourcing.application import Application, Repository, project_aggregate
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    JSONTranscoder,
    Mapper,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    TrackingRecorder,
)
from eventsourcing.utils import Environment

from domain.aggregate.position import Position
from domain.events import PositionEvent
from domain.values import timestamp_text
from infrastructure.event_store.codec import columns, decode, encode, is_known
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import EventRecord, IndexColumns, RecordedEvent
from infrastructure.event_store.vocabulary.append_conflicts import AppendConflict


def as_record(event: StoredEvent) -> EventRecord:
    """A stored event of the library with its columns; an event that is not one of ours gets empty columns."""
    if is_known(event.topic):
        found = columns(decode(event))
    else:
        found = IndexColumns("", None, 0, None, timestamp_text(datetime.now(UTC)))
    return EventRecord(str(event.originator_id), event.originator_version, event.topic, event.state, found)


def as_notification(event: RecordedEvent) -> Notification:
    """The event as the library knows it in the log."""
    return Notification(event.originator_id, event.originator_version, event.topic, event.state, event.id)


def as_stored(event: RecordedEvent) -> StoredEvent:
    """The event as the library knows it in a stream."""
    return StoredEvent(event.originator_id, event.originator_version, event.topic, event.state)


class LedgerRecorder(ApplicationRecorder):
    """The library's recorder, implemented by a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Append events, and return their nids in the log.

        Refuses: the library's IntegrityError for a version that is taken.
        """
        assert not kwargs, f"{', '.join(kwargs)} is for recorders that track"
        records = [as_record(event) for event in stored_events]
        try:
            self.store.insert_events(records)
        except AppendConflict as conflict:
            raise IntegrityError(str(conflict)) from conflict
        streams: dict[str, list[int]] = {}
        for record in records:
            streams.setdefault(record.originator_id, []).append(record.originator_version)
        places = [self._places(stream, min(versions), max(versions)) for stream, versions in streams.items()]
        return sorted(place for of_stream in places for place in of_stream)

    def _places(self, stream: str, first: int, last: int) -> Iterable[int]:
        asked = {"stream =": stream, "version >=": first, "version <=": last}
        return [event.id for event in self.store.select(asked, "version")]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of a stream between two versions."""
        asked = {"stream =": str(originator_id), "version >": gt, "version <=": lte}
        found = self.store.select(asked, "version DESC" if desc else "version", limit)
        return [as_stored(event) for event in found]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """A part of the log, never beyond the high-water mark."""
        settled = self.store.high_water_mark()
        asked = {
            "nid >=" if inclusive_of_start else "nid >": start,
            "nid <=": settled if stop is None else min(stop, settled),
            "type IN": tuple(topics) or None,
        }
        return [as_notification(event) for event in self.store.select(asked, "nid", limit)]

    def max_notification_id(self) -> int | None:
        """The high-water mark of the log; None when it is empty."""
        return self.store.high_water_mark() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Not offered, because a subscription of the library may wait for ever; poll the log."""
        raise NotImplementedError("poll the log: what is settled is never missed")


class LedgerMapper(Mapper[str]):
    """The library's mapper, over our closed registry of events."""

    def __init__(self) -> None:
        """Need neither transcoder, nor compressor, nor cipher: the stored bytes are read by people and hashed."""
        super().__init__(JSONTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """Encode an event."""
        assert isinstance(domain_event, PositionEvent), domain_event
        record = encode(domain_event)
        return StoredEvent(record.originator_id, record.originator_version, record.topic, record.state)

    def to_domain_event(self, stored_event: StoredEvent) -> PositionEvent:
        """Decode an event."""
        return decode(stored_event)


def project_position(aggregate: Any, domain_events: Iterable[DomainEventProtocol[Any]]) -> Any:
    """Fold events into a position; without one, begin with an empty position."""
    for event in domain_events:
        if aggregate is None:
            aggregate = Position.of_stream(str(event.originator_id), version=event.originator_version - 1)
        aggregate = project_aggregate(aggregate, [event])
    return aggregate


class LedgerRepository(Repository[str]):
    """The library's repository, which folds a position from its events."""

    get = partialmethod(Repository.get, projector_func=project_position)


class LedgerFactory(InfrastructureFactory[TrackingRecorder]):
    """Hands out the store of the ledger; no class is resolved from names in the environment."""

    def __init__(self, env: Environment, store: Store) -> None:
        super().__init__(env)
        self.store = store

    def application_recorder(self) -> ApplicationRecorder:
        """The store, as the library's recorder."""
        return LedgerRecorder(self.store)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """The store, for events; there are no snapshots, because a stream is loaded from where it was last flat."""
        assert purpose == "events", purpose
        return LedgerRecorder(self.store)

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> TrackingRecorder:
        """Not offered."""
        raise NotImplementedError("the positions table is written with the append and needs no tracking")

    def process_recorder(self) -> ProcessRecorder:
        """Not offered."""
        raise NotImplementedError("the positions table is written with the append and needs no tracking")

    def is_snapshotting_enabled(self) -> bool:
        """Never, whatever the environment says."""
        return False

    def close(self) -> None:
        """Close the store."""
        self.store.close()


class LedgerApplication(Application[str]):
    """A ledger as an application of the library."""

    name = "ledger"

    def __init__(self, store: Store) -> None:
        self._store = store
        super().__init__()

    def construct_factory(self, env: Environment) -> LedgerFactory:
        """Use our store."""
        return LedgerFactory(env, self._store)

    def construct_mapper(self) -> Mapper[str]:
        """Use our codec."""
        return LedgerMapper()

    def construct_repository(self) -> LedgerRepository:
        """Use our projector."""
        return LedgerRepository(event_store=self.events)
