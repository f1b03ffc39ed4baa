"""The standbys that the commits of a server wait for, and what `diagnose` says about them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from infrastructure.event_store.postgres.replication.standing import ReplicationStanding, standing
from tests.acceptance.bot import run
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.replication.conftest import Replicas
from tests.infrastructure.event_store.postgres.server import Server
from tests.infrastructure.roles import as_role, made_role

LOST = "an acknowledged command can be lost with its machine"


def seen(url: str, commit: str = "on") -> ReplicationStanding:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SET synchronous_commit = '{commit}'".encode())
        return standing(connection)


@contextmanager
def waiting_for(server: Server, names: str) -> Iterator[None]:
    server.do(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
    server.do("SELECT pg_reload_conf()")
    try:
        eventually(lambda: server.do("SHOW synchronous_standby_names") == [(names,)])
        yield
    finally:
        server.do("ALTER SYSTEM RESET synchronous_standby_names")
        server.do("SELECT pg_reload_conf()")
        eventually(lambda: server.do("SHOW synchronous_standby_names") == [("",)])


def test_a_server_alone_is_said_to_be_so_and_no_more(replicas: Replicas) -> None:
    found = seen(replicas.subscriber.url())
    assert found.says == f"no commit waits for a standby: {LOST}"
    assert found.caution is None


def test_standbys_that_nobody_waits_for_are_a_caution(replicas: Replicas) -> None:
    eventually(lambda: len(seen(replicas.primary.url()).standbys) == 2)
    found = seen(replicas.primary.url())
    assert found.says == f"2 streaming, no commit waits for a standby: {LOST}"
    assert found.caution is not None
    assert "synchronous_standby_names" in found.caution.remedy


def test_a_standby_that_is_waited_for_is_named(replicas: Replicas) -> None:
    with waiting_for(replicas.primary, "walreceiver"):
        eventually(lambda: seen(replicas.primary.url()).waited_for == ["walreceiver"])
        found = seen(replicas.primary.url())
        assert (found.says, found.caution) == ("commits wait for walreceiver: walreceiver", None)
        assert LOST in seen(replicas.primary.url(), commit="local").says


def test_a_name_that_nobody_has_is_a_caution(replicas: Replicas) -> None:
    with waiting_for(replicas.primary, "nobody"):
        found = seen(replicas.primary.url(), commit="local")
        assert LOST in found.says
        found = seen(replicas.primary.url())
        assert found.says == "commits wait for nobody, and none of them is there: no command is acknowledged"
        assert found.caution is not None


def test_what_a_role_may_not_see_is_not_said(replicas: Replicas) -> None:
    with made_role(replicas.primary.url()) as role:
        url = as_role(replicas.primary.url().replace("postgres@", "@"), role)
        alone = seen(url)
        assert alone.says == f"standbys, if any, are not seen by this role, and no commit waits for one: {LOST}"
        with waiting_for(replicas.primary, "walreceiver"):
            eventually(lambda: seen(replicas.primary.url()).waited_for == ["walreceiver"])
            found = seen(url)
            assert found.says == "commits wait for walreceiver, and this role may not see whether anybody is there"
            assert found.caution is not None
            assert "pg_read_all_stats" in found.caution.remedy


def test_diagnose_says_it_of_a_primary_and_a_replica_says_its_place(replicas: Replicas) -> None:
    symbol = replicas.open().partition(".")[0]  # what other tests left unprotected is critical after a while
    replicas.follow()
    replicas.arrived()
    said = run(replicas.primary.url(), "diagnose", "--symbol", symbol)
    assert said.returncode == 0
    assert f"; 2 streaming, no commit waits for a standby: {LOST}" in said.stdout
    assert "next: set synchronous_standby_names" in said.stdout
    assert "streaming" not in run(replicas.standby.url(), "diagnose").stdout
