"""The settings of the URL are in force on the connections that append events."""

from __future__ import annotations

import ssl
import subprocess
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import InvalidSettings, Settings
from tests.infrastructure.event_store.postgres.proxy import proxied
from tests.urls import with_options

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}


def asked(ledger: PositionLedger, question: str) -> Any:
    """What a connection of the pool answers."""
    assert isinstance(ledger.store, PostgresStore)
    with ledger.store._connections.borrowed() as connection:
        found = connection.execute(question.encode()).fetchone()
    assert found is not None
    return found[0]


def told_to_libpq(ledger: PositionLedger) -> dict[str, str]:
    assert isinstance(ledger.store, PostgresStore)
    with ledger.store._connections.borrowed() as connection:
        return {
            option.keyword.decode(): (option.val or b"").decode() for option in connection.pgconn.info if option.val
        }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            "",
            {
                "statement_timeout": "2500ms",
                "lock_timeout": "2500ms",
                "idle_in_transaction_session_timeout": "20s",
                "synchronous_commit": "on",
                "TimeZone": "UTC",
                "application_name": "position-ledger",
                "search_path": '"public"',
            },
        ),
        (
            "timeout=1.5&schema=ledger&application_name=bot-7",
            {
                "statement_timeout": "750ms",
                "lock_timeout": "750ms",
                "idle_in_transaction_session_timeout": "6s",
                "application_name": "bot-7",
                "search_path": '"ledger"',
            },
        ),
        (
            "options=" + quote("-c lock_timeout=77ms -c synchronous_commit=remote_apply"),
            {"lock_timeout": "77ms", "statement_timeout": "2500ms", "synchronous_commit": "remote_apply"},
        ),
    ],
)
def test_what_is_set_is_in_force_on_the_server(postgres_url: str, options: str, expected: dict[str, str]) -> None:
    with PositionLedger.connect(with_options(postgres_url, options)) as ledger:
        assert {name: asked(ledger, f"SHOW {name}") for name in expected} == expected


@pytest.mark.parametrize(
    "setting", ["DateStyle = 'German, DMY'", "IntervalStyle = sql_standard", "quote_all_identifiers = on"]
)
def test_how_a_database_spells_its_answers_by_itself_changes_nothing(postgres_url: str, setting: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f'ALTER DATABASE "{owner.info.dbname}" SET {setting}'.encode())
    with PositionLedger.connect(postgres_url) as ledger:
        opened = ledger.request_entry(**ENTRY, intent_id="1")
        (row,) = ledger.positions()
        assert (row.position_id, row.opened_at.tzinfo) == (opened.position_id, UTC)
        assert verify(ledger.store).ok


def test_keepalives_and_timeouts_are_in_force_on_this_side(postgres_url: str) -> None:
    with PositionLedger.connect(with_options(postgres_url, "timeout=7&keepalives_count=9")) as ledger:
        told = told_to_libpq(ledger)
    expected = {
        "connect_timeout": "3",
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "9",
        "tcp_user_timeout": "7000",
    }
    assert {name: told.get(name) for name in expected} == expected


def test_the_pool_is_as_large_as_it_is_told(postgres_url: str) -> None:
    with PositionLedger.connect(with_options(postgres_url, "pool_size=1&timeout=0.5")) as ledger:
        assert isinstance(ledger.store, PostgresStore)
        with ledger.store._connections.borrowed(), pytest.raises(StoreUnavailable, match=r"all 1 of the pool"):
            ledger.positions()


def test_a_schema_keeps_its_spelling(postgres_url: str) -> None:
    with PositionLedger.connect(with_options(postgres_url, "schema=Bots")) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute('SELECT count(*) FROM "Bots".ledger_events').fetchone() == (1,)


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A certificate for a name, signed by itself, in NAME.pem."""
    openssl(
        folder,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
        "-addext",
        f"subjectAltName=DNS:{name}",
        "-keyout",
        f"{name}.key",
        "-out",
        f"{name}.pem",
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def test_tls_is_used_and_the_certificate_is_checked(postgres_url: str, tmp_path: Path) -> None:
    with proxied(postgres_url, certificate(tmp_path, "localhost")) as proxy:
        told = f"sslmode=verify-full&sslrootcert={tmp_path}/localhost.pem"
        url = proxy.url(told).replace("127.0.0.1", "localhost")
        with PositionLedger.connect(url) as ledger:
            assert isinstance(ledger.store, PostgresStore)
            with ledger.store._connections.borrowed() as connection:
                assert connection.pgconn.ssl_in_use
            assert ledger.request_entry(**ENTRY, intent_id="1").outcome == "recorded"
        with pytest.raises(StoreUnavailable, match="certificate"):
            PositionLedger.connect(proxy.url(told))  # a certificate for another name
        certificate(tmp_path, "elsewhere")
        with pytest.raises(StoreUnavailable, match="certificate verify failed"):
            PositionLedger.connect(url.replace("localhost.pem", "elsewhere.pem"))


def test_a_server_without_tls_is_refused_where_it_is_required(postgres_url: str) -> None:
    with proxied(postgres_url) as proxy, pytest.raises(StoreUnavailable, match="does not support SSL"):
        PositionLedger.connect(proxy.url("sslmode=require"))


@pytest.mark.parametrize("secret", ["hunter2", "p%40ss"])
def test_a_password_is_in_no_message(secret: str, postgres_url: str) -> None:
    del postgres_url
    for url in (
        f"postgresql://bot:{secret}@127.0.0.1:1/db?timeout=2",
        f"postgresql://bot@127.0.0.1:1/db?password={secret}",
    ):
        with pytest.raises(StoreUnavailable) as refused:
            PositionLedger.connect(url)
        texts = [str(refused.value), repr(refused.value), repr(refused.value.__cause__), Settings.read(url).shown]
        assert [text for text in texts if secret in text or "p@ss" in text] == []
    with pytest.raises(InvalidSettings) as wrong:
        PositionLedger.connect(f"postgresql://bot:{secret}@127.0.0.1:1/db?no_such_option=1")
    assert secret not in str(wrong.value)
