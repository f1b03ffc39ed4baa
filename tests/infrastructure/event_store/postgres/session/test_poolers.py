"""Poolers: one in session mode works when the URL names it, with all settings in force; any other is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from typing import Any

import pytest

from domain.commands.requests import COMMANDS
from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import InvalidSettings, Settings
from tests.infrastructure.event_store.postgres.proxy import Proxy
from tests.infrastructure.event_store.postgres.server import Server
from tests.infrastructure.event_store.postgres.session.pooler import pooled

ENTRY: dict[str, Any] = {"symbol": "AUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
_names = count(1)


@pytest.fixture
def url(own_server: Server) -> Callable[..., str]:
    """The URL of a schema of its own, in a database whose public schema holds a ledger as well, at some port."""
    name = f"pooled{next(_names)}"
    own_server.do(f"CREATE DATABASE {name}")
    with PositionLedger.connect(own_server.url(name)):
        pass
    return lambda port, **told: own_server.url(name, port=port, schema="other", **told)


@pytest.mark.parametrize("ignores_options", [True, False])
def test_a_pooler_in_session_mode_works_with_all_that_is_in_force(
    own_server: Server, url: Callable[..., str], *, ignores_options: bool
) -> None:
    with (
        pooled(own_server.port, "session", ignores_options=ignores_options) as pooler,
        PositionLedger.connect(url(pooler.port, pooler="session", timeout="4")) as ledger,
    ):
        assert isinstance(ledger.store, PostgresStore)
        assert ledger.request_entry(**ENTRY, intent_id="1").outcome == "recorded"
        with ledger.store._connections.borrowed() as connection:
            names = ("search_path", "statement_timeout", "lock_timeout", "TimeZone", "synchronous_commit")
            in_force = [connection.execute(f"SHOW {name}".encode()).fetchone() for name in names]
        assert in_force == [('"other"',), ("2s",), ("2s",), ("UTC",), ("on",)]
        assert len(list(ledger.subscribe(timeout_seconds=0))) == 1
        assert verify(ledger.store).ok
    with PositionLedger.connect(url(own_server.port), create=False) as direct:
        assert len(direct.positions()) == 1


@pytest.mark.parametrize(("mode", "ignores_options"), [("session", True), ("session", False), ("transaction", True)])
def test_a_pooler_that_nobody_named_is_refused(
    own_server: Server, url: Callable[..., str], mode: str, *, ignores_options: bool
) -> None:
    with (
        pooled(own_server.port, mode, ignores_options=ignores_options) as pooler,
        pytest.raises(InvalidSettings, match=r"a pooler stands before the server.*\?pooler=session"),
    ):
        PositionLedger.connect(url(pooler.port))


def test_a_pooler_in_transaction_mode_is_refused_whatever_it_is_called(
    own_server: Server, url: Callable[..., str]
) -> None:
    with (
        pooled(own_server.port, "transaction") as pooler,
        pytest.raises(InvalidSettings, match="pooler=session is not so"),
    ):
        PositionLedger.connect(url(pooler.port, pooler="session"))


def test_nothing_goes_into_another_ledger_when_the_pooler_leaves_session_mode(own_server: Server) -> None:
    names = [f"exchanged{next(_names)}" for _ in range(2)]
    with pooled(own_server.port, "session") as pooler, ExitStack() as open_ledgers:
        ledgers = [
            open_ledgers.enter_context(
                PositionLedger.connect(own_server.url(port=pooler.port, schema=name, pooler="session", pool_size="1"))
            )
            for name in names
        ]
        for ledger in ledgers:
            assert ledger.request_entry(**ENTRY, intent_id="1").outcome == "recorded"
        many = [COMMANDS["request_entry"].of(**ENTRY | {"symbol": f"B{n}USDT"}, intent_id="2") for n in range(20)]
        works: list[Callable[[PositionLedger], object]] = [
            lambda ledger: ledger.request_entry(**ENTRY | {"symbol": "CUSDT"}, intent_id="3"),
            lambda ledger: ledger.handle_many(many),
            lambda ledger: ledger.positions(),
            lambda ledger: ledger.rebuild(),
        ]
        for work in works:
            for ledger in ledgers:
                assert len(ledger.positions()) == 1
            pooler.leave_session_mode()
            for ledger in ledgers:
                with pytest.raises(StoreUnavailable, match=r"left session mode.*nothing was written"):
                    work(ledger)
        assert ledgers[0].request_entry(**ENTRY | {"symbol": "CUSDT"}, intent_id="3").outcome == "recorded"
        assert [len(ledger.positions()) for ledger in ledgers] == [2, 1]
        assert all(verify(ledger.store).ok for ledger in ledgers)


def test_a_pooler_without_a_session_to_lend_is_waited_for_once(own_server: Server, url: Callable[..., str]) -> None:
    """A second connection was tried when the time was up, and each had the time of a silent server: 6 s of 4."""
    with (
        pooled(own_server.port, "session") as pooler,
        PositionLedger.connect(url(pooler.port, pooler="session", timeout="4")) as ledger,
    ):
        assert isinstance(ledger.store, PostgresStore)
        ledger.store._connections._pool.drain()
        pooler.is_full, began = True, time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"no connection within 2 s .*nothing was written"):
            ledger.request_entry(**ENTRY, intent_id="1")
        assert pooler.waited == 1 and time.monotonic() - began < 4
        pooler.is_full = False
        assert ledger.request_entry(**ENTRY, intent_id="1").outcome == "recorded"


def test_what_only_hands_bytes_on_is_no_pooler(proxy: Proxy) -> None:
    with PositionLedger.connect(proxy.url()) as ledger:
        assert ledger.request_entry(**ENTRY, intent_id="1").outcome == "recorded"


@pytest.mark.parametrize("told", ["pooler=transaction", "pooler=", "pooler=session&options=-c%20lock_timeout%3D1"])
def test_another_pooler_or_one_with_options_is_not_understood(told: str) -> None:
    with pytest.raises(InvalidSettings, match="pooler"):
        Settings.read(f"postgresql://bot@db.example/trading?{told}")
