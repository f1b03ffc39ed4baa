"""Opening a ledger on PostgreSQL: the server says whether it is a replica."""

from __future__ import annotations

from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.settings import Settings


def opened(settings: Settings, *, create: bool) -> PostgresStore:
    """The store of a ledger; on a replica one that only reads, up to a settled place."""
    store = PostgresStore(settings, create=create)
    kind = store.replica_kind()
    if kind is None:
        return store
    store.close()
    from infrastructure.event_store.postgres.replication.replica_store import PostgresReplica  # noqa: PLC0415 - a primary needs none

    return PostgresReplica(settings, kind)
