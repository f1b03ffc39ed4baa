"""The doctor: its proofs on servers that give all guarantees, and its findings on others."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest

from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.appending.locks import lock_key
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.proof.doctor import examined
from infrastructure.operations.proof.guarantee import DoctorReport, Guarantee, Verdict
from infrastructure.operations.proof.scratch_schema import _LOCK, PREFIX
from infrastructure.settings import InvalidSettings, Settings
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.server import HOST, Server, ServerFolder, servers
from tests.infrastructure.event_store.postgres.session.pooler import pooled
from tests.infrastructure.roles import as_role, made_role
from tests.urls import with_options

_KEY = re.compile(rb"(K\x00\x00\x00\x0c)....", re.DOTALL)
"""What a server says at the end of its greeting: BackendKeyData, the process and a secret."""
_OF_NOBODY = b"\\g<1>" + (2**30).to_bytes(4, "big")

SESSIONS = {
    "own session",
    "settings in force",
    "primary",
    "acknowledges",
    "text",
    "disk",
    "time limits",
    "advisory locks",
    "notifications",
}
LEDGER = {
    "schema",
    "append",
    "exclusive version",
    "intent once",
    "one open cycle",
    "append-only",
    "isolation",
    "settled log",
    "read back",
    "synchronous replication",
}


@pytest.fixture(scope="module")
def place() -> Iterator[ServerFolder]:
    with servers() as place:
        yield place


@pytest.fixture(scope="module")
def primary(place: ServerFolder) -> Server:
    return place.server()


@pytest.fixture(scope="module")
def standby(place: ServerFolder, primary: Server) -> Server:
    return place.standby(primary)


def report(url: str) -> DoctorReport:
    return examined(Settings.read(url))


def of(found: DoctorReport, check: str) -> Guarantee:
    (each,) = (each for each in found.checks if each.check == check)
    return each


def unproven(found: DoctorReport) -> dict[str, Verdict]:
    return {each.check: each.verdict for each in found.checks if each.verdict is not Verdict.PROVEN}


def asked(url: str, question: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(question.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


def test_a_server_of_its_own_proves_all_of_it_and_keeps_nothing(postgres_url: str) -> None:
    everything = "SELECT oid::regclass::text FROM pg_class UNION SELECT nspname FROM pg_namespace ORDER BY 1"
    with PositionLedger.connect(postgres_url):
        before = asked(postgres_url, everything)
        found = report(postgres_url)
        assert asked(postgres_url, everything) == before
    assert {each.check for each in found.checks} == SESSIONS | LEDGER
    assert unproven(found) == {"synchronous replication": Verdict.WARNING}
    assert found.ok
    alone = of(found, "synchronous replication")
    assert "an acknowledged command can be lost with its machine" in alone.evidence
    assert all(each.advice for each in found.checks if each.verdict is not Verdict.PROVEN)


def test_how_a_database_reads_texts_by_itself_changes_nothing(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f'ALTER DATABASE "{owner.info.dbname}" SET standard_conforming_strings = off'.encode())
    assert of(report(postgres_url), "text").verdict is Verdict.PROVEN


def test_a_standby_is_no_place_for_a_ledger(standby: Server) -> None:
    found = report(standby.url())
    assert not found.ok
    assert of(found, "primary").evidence == "it is a standby, which can only be read"
    assert of(found, "schema").verdict is Verdict.UNKNOWN
    assert {each.check for each in found.checks} == SESSIONS | {"schema"}


def test_an_append_that_waited_for_a_standby_is_on_its_disk(primary: Server, standby: Server) -> None:
    primary.do("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.do("SELECT pg_reload_conf()")
    try:
        eventually(lambda: primary.do("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
        found = report(primary.url())
        assert unproven(found) == {}
        assert (
            "was acknowledged when it was on a disk of walreceiver at " in of(found, "synchronous replication").evidence
        )
    finally:
        primary.do("ALTER SYSTEM RESET synchronous_standby_names")
        primary.do("SELECT pg_reload_conf()")
    assert standby.do("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'ledger_doctor%'") == [(0,)]


@pytest.mark.usefixtures("standby")
def test_a_standby_that_nobody_waits_for_is_said(primary: Server) -> None:
    eventually(lambda: primary.do("SELECT sync_state FROM pg_stat_replication") == [("async",)])
    seen = of(report(primary.url()), "synchronous replication")
    assert seen.verdict is Verdict.WARNING
    assert seen.evidence.startswith("1 streaming, no commit waits for a standby: an acknowledged command can be lost")


def test_nothing_is_tried_where_no_commit_comes_to_its_end(place: ServerFolder) -> None:
    server = place.server("synchronous_standby_names = 'nobody'")
    found = report(server.url())
    assert unproven(found) == {"acknowledges": Verdict.FAILED, "schema": Verdict.UNKNOWN}
    assert "none of them is there: no command is acknowledged" in of(found, "acknowledges").evidence


def test_a_server_that_does_not_write_to_its_disk_fails(place: ServerFolder) -> None:
    found = report(place.server("fsync = off").url())
    assert unproven(found) == {"disk": Verdict.FAILED, "schema": Verdict.UNKNOWN}
    assert of(found, "disk").evidence.startswith("fsync is off")


def test_settings_that_do_not_arrive_are_named(postgres_url: str) -> None:
    found = report(with_options(postgres_url, "options=-c%20statement_timeout%3D0%20-c%20search_path%3Dpublic"))
    assert of(found, "settings in force").evidence == (
        'not in force: search_path public, not "public"; statement_timeout 0, not 2500'
    )
    assert not found.ok


def test_a_pooler_is_seen_by_the_process_that_it_names(primary: Server) -> None:
    """One that shares its servers tells every client of a process that is none of them."""
    with relayed(primary.port) as port:
        found = report(primary.url(port=port, pooler="session"))
    assert of(found, "own session").verdict is Verdict.WARNING
    assert "a pooler stands between" in of(found, "own session").evidence
    assert found.ok


def test_a_pooler_that_the_url_does_not_name_is_refused_as_by_a_ledger(primary: Server) -> None:
    with relayed(primary.port) as port:
        found = report(primary.url(port=port))
        with pytest.raises(InvalidSettings, match="a pooler stands before the server"):
            PositionLedger.connect(primary.url(port=port))
    assert unproven(found) == {"own session": Verdict.FAILED, "schema": Verdict.UNKNOWN}
    assert "pooler=session" in str(of(found, "own session").advice)


def test_what_rests_on_a_session_is_not_tried_where_there_is_none(primary: Server) -> None:
    """One process serves both connections, so what one of them asks for waits for the transaction of the other."""
    with pooled(primary.port, "transaction") as pooler:
        found = report(primary.url(port=pooler.port, pooler="session", timeout=1))
    assert {each.check: each.verdict for each in found.checks} == {
        "own session": Verdict.UNKNOWN,
        "schema": Verdict.UNKNOWN,
    }
    assert "the server, or a pooler before it, said nothing for too long" in of(found, "own session").evidence


@pytest.mark.parametrize(("granted", "lacking"), [(1, {"own session", "schema"}), (3, {"schema"})])
def test_too_few_connections_are_no_fault_of_the_server(postgres_url: str, granted: int, lacking: set[str]) -> None:
    with made_role(postgres_url) as role:
        name = asked(postgres_url, "SELECT current_database()")[0][0]
        asked(postgres_url, f'GRANT CREATE ON DATABASE "{name}" TO "{role}"')
        asked(postgres_url, f'ALTER ROLE "{role}" CONNECTION LIMIT {granted}')
        found = report(as_role(postgres_url, role))
    assert unproven(found) == dict.fromkeys(lacking, Verdict.UNKNOWN)
    seen = next(each for each in found.checks if each.check in lacking)
    assert "too many connections for role" in seen.evidence
    assert "up to ten connections" in str(seen.advice)


def test_a_pooler_that_hands_on_no_options_is_named(primary: Server) -> None:
    with (
        pooled(primary.port, "session") as pooler,
        pytest.raises(InvalidSettings, match=r"a pooler .* refuses `options`.*\?pooler=session"),
    ):
        report(primary.url(port=pooler.port))


@contextmanager
def relayed(server_port: int) -> Iterator[int]:
    """The port of a relay that puts another process into the server's greeting."""
    with socket.create_server((HOST, 0)) as listener, ThreadPoolExecutor(200) as threads:

        def serve() -> None:
            with suppress(OSError):  # the listener was closed
                while True:
                    client = listener.accept()[0]
                    server = socket.create_connection((HOST, server_port))
                    threads.submit(pump, client, server, lambda data: data)
                    threads.submit(pump, server, client, lambda data: _KEY.sub(_OF_NOBODY, data))

        threads.submit(serve)
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def pump(source: socket.socket, target: socket.socket, changed: Callable[[bytes], bytes]) -> None:
    with suppress(OSError), source, target:
        while data := source.recv(65536):
            target.sendall(changed(data))


def test_a_server_whose_triggers_do_not_fire_fails(postgres_url: str) -> None:
    name = asked(postgres_url, "SELECT current_database()")[0][0]
    asked(postgres_url, f"ALTER DATABASE {name} SET session_replication_role = 'replica'")
    found = report(postgres_url)
    assert of(found, "append-only").verdict is Verdict.FAILED
    assert of(found, "append-only").evidence.startswith("taken: UPDATE ledger_events SET stream = stream; DELETE FROM")
    assert "session_replication_role is replica" in str(of(found, "append-only").advice)
    assert unproven(found).keys() == {"append-only", "synchronous replication"}


def test_a_role_that_may_not_make_a_schema_learns_that_it_is_not_known(postgres_url: str) -> None:
    with made_role(postgres_url) as role:
        found = report(as_role(postgres_url, role))
    assert unproven(found) == {"schema": Verdict.UNKNOWN}
    assert "GRANT CREATE ON DATABASE" in str(of(found, "schema").advice)
    assert not found.ok


def test_what_a_killed_proof_left_goes_and_one_at_work_stays(postgres_url: str) -> None:
    dead, busy = f"{PREFIX}dead", f"{PREFIX}busy"
    settings = Settings.read(with_options(postgres_url, f"schema={busy}"))
    with psycopg.connect(postgres_url, autocommit=True) as at_work:
        at_work.execute("SELECT pg_advisory_lock(%s, %s)", (_LOCK, lock_key(settings)))
        for name in (dead, busy):
            asked(postgres_url, f"CREATE SCHEMA {name}")
        report(postgres_url)
        left = "SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname::text, %s)"
        assert asked(postgres_url, left, PREFIX) == [(busy,)]


def test_a_server_that_is_not_there_is_said_as_everywhere(postgres_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="nothing was written"):
        report("postgresql://postgres@127.0.0.1:1/postgres?timeout=1")
    assert of(report(postgres_url), "own session").verdict is Verdict.PROVEN
