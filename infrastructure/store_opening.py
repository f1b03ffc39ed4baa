"""Opening the kind of store that the settings name, without importing the other kinds."""

from __future__ import annotations

from infrastructure.event_store.port import Store
from infrastructure.settings import Settings


def open_store(settings: Settings, *, create: bool = True) -> Store:
    """Open a store; that of a replica only reads, up to a settled place. Refuses: SchemaMismatch, StoreUnavailable."""
    if settings.kind == "sqlite":
        from infrastructure.event_store.sqlite.store import SQLiteStore  # noqa: PLC0415 - a process needs one kind of store

        return SQLiteStore(settings, create=create)
    from infrastructure.event_store.postgres.store import PostgresStore  # noqa: PLC0415 - as above

    store = PostgresStore(settings, create=create)
    kind = store.replica_kind()
    if kind is None:
        return store
    store.close()
    from infrastructure.event_store.postgres.replication.replica_store import PostgresReplica  # noqa: PLC0415 - as above

    return PostgresReplica(settings, kind)
