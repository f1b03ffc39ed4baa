"""The watchdog checks connections, and does not keep them alive."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from itertools import count

import pytest

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.session.watchdog import Watchdog, WatchedConnection
from infrastructure.ledger.ledger import PositionLedger
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.proxy import Proxy


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


@pytest.mark.parametrize("request_number", [2, 3])
def test_none_is_left_by_a_ledger_that_could_not_be_opened(proxy: Proxy, request_number: int) -> None:
    """The connection is cut at one of the first requests: of TLS, of a session, of its process."""
    before = watchdogs()  # of other tests that are not yet collected
    numbers = count(1)
    proxy.fate = lambda: "before" if next(numbers) >= request_number else None
    with pytest.raises(StoreUnavailable):
        PositionLedger.connect(proxy.url("timeout=2"), create=False)
    eventually(lambda: watchdogs() <= before)


def test_a_server_that_says_nothing_is_not_said_to_have_hung_up(proxy: Proxy) -> None:
    """libpq's words for the socket that the watchdog shut down were that the server closed it, or had crashed."""
    with PositionLedger.connect(proxy.url("timeout=1")) as ledger:
        proxy.hold_answers()
        with pytest.raises(StoreUnavailable, match="said nothing for too long, so the connection was given up"):
            ledger.positions()
        assert ledger.positions() == []


def watchdogs() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "position-ledger-watchdog"}
