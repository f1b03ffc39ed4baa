"""Opening the kind of store that the settings name, without importing the other kind."""

from __future__ import annotations

from infrastructure.event_store.port import Store
from infrastructure.settings import Settings


def open_store(settings: Settings, *, create: bool = True) -> Store:
    """Open a store. Refuses: SchemaMismatch, StoreUnavailable."""
    if settings.kind == "sqlite":
        from infrastructure.event_store.sqlite.store import SQLiteStore  # noqa: PLC0415 - a process needs one kind of store

        return SQLiteStore(settings, create=create)
    from infrastructure.event_store.postgres.replication.opening import opened  # noqa: PLC0415 - a process needs one kind of store

    return opened(settings, create=create)
