"""The watchdog checks connections, and does not keep them alive."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from itertools import count

import psycopg
import pytest

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.session.watchdog import Watchdog, WatchedConnection, done_within
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


def test_waits_that_have_one_limit_together_end_with_it(postgres_url: str) -> None:
    """A network that answers late, and in time for each question, would add them up."""
    watchdog = Watchdog(60)
    with WatchedConnection.connect(postgres_url, autocommit=True) as connection:
        connection.watchdog = watchdog
        with done_within(connection, 1.5):
            assert connection.execute("SELECT pg_sleep(0.1)").fetchone() == ("",)
        connection.execute("SELECT pg_sleep(0.1)")
        began, answered = time.monotonic(), list[float]()
        with pytest.raises(psycopg.OperationalError, match="said nothing for too long"), done_within(connection, 0.5):
            answered.extend(asked_again(connection) for _ in range(100))
        assert time.monotonic() - began < 5 and len(answered) < 6
    watchdog.stop()


def asked_again(connection: WatchedConnection) -> float:
    connection.execute("SELECT pg_sleep(0.1)")
    return time.monotonic()


def watchdogs() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "position-ledger-watchdog"}
