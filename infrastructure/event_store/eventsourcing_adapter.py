"""The library's application over our store: its repository, notification log and `save` work on a ledger."""

from __future__ import annotations

from typing import Any

from eventsourcing.application import Application
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Mapper,
    ProcessRecorder,
    TrackingRecorder,
)
from eventsourcing.utils import Environment

from infrastructure.event_store.codec import LedgerMapper
from infrastructure.event_store.port import Store


class LedgerFactory(InfrastructureFactory[TrackingRecorder]):
    """Hands out the one store that the ledger has; nothing is resolved from names in the environment."""

    def __init__(self, env: Environment, store: Store) -> None:
        """Keep the store."""
        super().__init__(env)
        self.store = store

    def application_recorder(self) -> ApplicationRecorder:
        """The store."""
        return self.store

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """The store, for events; snapshots are not taken, for a history is loaded from where its stream was flat."""
        assert purpose == "events", purpose
        return self.store

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
    """The application that a ledger appends through."""

    name = "ledger"

    def __init__(self, store: Store) -> None:
        """Build on a store that is open."""
        self._store = store
        super().__init__()

    def construct_factory(self, env: Environment) -> LedgerFactory:
        """Use our store."""
        return LedgerFactory(env, self._store)

    def construct_mapper(self) -> Mapper[str]:
        """Use our codec."""
        return LedgerMapper()
