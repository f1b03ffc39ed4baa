"""The watchdog looks at connections, and keeps none."""

from __future__ import annotations

import gc
import time
import weakref

from infrastructure.event_store.postgres.session.watchdog import Watchdog, WatchedConnection


def test_a_connection_that_was_looked_at_is_not_kept_alive(postgres_url: str) -> None:
    watchdog = Watchdog(0.04)
    connection = WatchedConnection.connect(postgres_url, autocommit=True)
    connection.watchdog, connection.allowed_seconds = watchdog, 60
    connection.execute("SELECT pg_sleep(0.3)")
    kept = weakref.ref(connection)
    connection.pgconn.finish()
    del connection
    until = time.monotonic() + 2
    while kept() is not None and time.monotonic() < until:
        gc.collect()
    watchdog.stop()
    assert kept() is None
