"""Statements that are passed to libpq directly: prepared once for each connection, the same bytes, the right errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.session.connections import Connections
from infrastructure.event_store.postgres.session.prepared import execute
from infrastructure.event_store.postgres.session.watchdog import WatchedConnection
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from tests.urls import with_options

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}


@pytest.fixture
def connection(postgres_url: str) -> Iterator[WatchedConnection]:
    connections = Connections(Settings.read(postgres_url))
    with connections.borrowed() as borrowed:
        yield borrowed
    connections.close()


def prepared(connection: WatchedConnection) -> list[str]:
    return [
        text for (text,) in connection.execute("SELECT statement FROM pg_prepared_statements WHERE name ~ '^ledger'")
    ]


def test_a_statement_is_prepared_once_for_a_connection(connection: WatchedConnection) -> None:
    answers = [
        execute(connection, b"SELECT $1::text || 'x'", [value]).get_value(0, 0) for value in (b"a", "é".encode(), None)
    ]
    assert answers == [b"ax", "éx".encode(), None]
    assert execute(connection, b"SELECT 1", []).get_value(0, 0) == b"1"
    assert sorted(prepared(connection)) == ["SELECT $1::text || 'x'", "SELECT 1"]


def test_what_the_server_was_made_to_forget_is_prepared_anew(connection: WatchedConnection) -> None:
    for _ in range(2):
        assert execute(connection, b"SELECT 1", []).get_value(0, 0) == b"1"
        assert execute(connection, b"SELECT 2", []).get_value(0, 0) == b"2"
        connection.execute("DEALLOCATE ALL")
    assert execute(connection, b"SELECT 2", []).get_value(0, 0) == b"2"
    assert prepared(connection) == ["SELECT 2"]


def test_a_ledger_goes_on_after_its_own_rebuild(postgres_url: str) -> None:
    with PositionLedger.connect(with_options(postgres_url, "pool_size=1")) as ledger:
        opened = ledger.request_entry(**ENTRY, intent_id="1")
        assert ledger.rebuild().rows == 1
        ended = ledger.fail_entry(position_id=opened.position_id, reason="end", outcome="rejected")
        assert ended.outcome == "recorded"


def test_what_the_server_refuses_is_an_error_of_psycopg(connection: WatchedConnection) -> None:
    with pytest.raises(errors.DivisionByZero):
        execute(connection, b"SELECT 1 / $1::int", [b"0"])
    with pytest.raises(errors.UndefinedTable):
        execute(connection, b"SELECT FROM nowhere", [])
    assert execute(connection, b"SELECT 1 / $1::int", [b"1"]).get_value(0, 0) == b"1"


def test_a_server_that_hangs_up_is_an_error_and_the_connection_is_lost(
    connection: WatchedConnection, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    with pytest.raises(psycopg.Error):
        execute(connection, b"SELECT pg_sleep(60)", [])
    assert connection.closed


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_what_the_client_is_set_to_write_changes_no_byte_of_an_event(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    asked = with_options(postgres_url, f"client_encoding={encoding}")
    for url, intent in ((postgres_url, "é-1"), (asked, "信号-2")):
        with PositionLedger.connect(url) as ledger:
            opened = ledger.request_entry(**ENTRY, intent_id=intent, metadata={"note": "币安 é"})
            ledger.fail_entry(position_id=opened.position_id, reason="ö", outcome="rejected")
            assert ledger.position(opened.position_id).intent_id == intent
            assert ledger.history(opened.position_id)[0].event.metadata == {"note": "币安 é"}
            assert verify(ledger.store).ok


def test_a_statement_that_is_prepared_anew_takes_no_name_of_another(connection: WatchedConnection) -> None:
    statements = [b"SELECT 1", b"SELECT 2", b"SELECT 3"]
    for order in (statements, statements[::-1], statements):
        connection.pgconn.exec_(b"DEALLOCATE ALL")
        for statement in order:
            assert execute(connection, statement, []).get_value(0, 0) == statement[-1:]
    connection.pgconn.exec_(b"DISCARD ALL")
    assert execute(connection, b"SELECT 3", []).get_value(0, 0) == b"3"


def test_a_table_that_was_altered_leaves_no_stale_plan(connection: WatchedConnection) -> None:
    connection.execute("CREATE TEMP TABLE things (value integer); INSERT INTO things VALUES (1)")
    assert execute(connection, b"SELECT value FROM things", []).get_value(0, 0) == b"1"
    connection.pgconn.exec_(b"ALTER TABLE things ALTER value TYPE text")
    assert execute(connection, b"SELECT value FROM things", []).get_value(0, 0) == b"1"


def test_a_thread_that_lost_the_connection_of_its_snapshot_asks_over_another(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url) as ledger, psycopg.connect(postgres_url, autocommit=True) as admin:
        ledger.request_entry(**ENTRY, intent_id="1")

        def lose() -> None:
            with ledger.store.snapshot():
                logs.append(iter(ledger.store.streams()))
                assert next(logs[0]).id == 1
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                ledger.positions()

        logs: list[Iterator[Any]] = []
        with pytest.raises(StoreUnavailable):
            lose()
        logs.clear()
        assert len(ledger.positions()) == 1
        assert ledger.request_entry(**ENTRY, intent_id="1").outcome == "replayed"
