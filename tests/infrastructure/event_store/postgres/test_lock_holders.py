"""Who keeps locks of a ledger is named where nothing can be recorded, and by nobody else's fault is anybody named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import psycopg
import pytest

from domain.errors import OutcomeUnknown, StoreUnavailable
from infrastructure.event_store.postgres.appending.locks import APPEND_LOCK, lock_key
from infrastructure.event_store.postgres.lock_holders import lock_holders
from infrastructure.event_store.postgres.session.connections import Connections
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger_clock import now
from infrastructure.operations.health import Question, examine
from infrastructure.settings import Settings
from projections.reconciliation.result import ReconciliationRules
from tests.infrastructure.event_store.postgres.load import Asked, eventually
from tests.infrastructure.event_store.postgres.server import servers
from tests.infrastructure.roles import as_role, made_role
from tests.urls import with_options

TAKES_LOCK = "LOCK TABLE ledger_events IN ACCESS EXCLUSIVE MODE"
APPENDS = "SELECT pg_advisory_lock(%s, %s)"


@pytest.fixture
def ledger(postgres_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(with_options(postgres_url, "timeout=1")) as ledger:
        ledger.request_entry(symbol="AUSDT", exchange="x", side="long", quantity="1", intent_id="1")
        yield ledger


def key(ledger: PositionLedger) -> tuple[int, int]:
    return APPEND_LOCK, lock_key(ledger.store.settings)


@pytest.mark.parametrize("lock", [TAKES_LOCK, "SELECT * FROM positions FOR UPDATE", APPENDS])
def test_a_session_that_keeps_a_lock_is_named_until_it_has_ended(
    ledger: PositionLedger, postgres_url: str, lock: str
) -> None:
    assert ledger.store.obstacle() is None
    with psycopg.connect(postgres_url, application_name="migration", autocommit=lock == APPENDS) as other:
        other.execute(lock.encode(), key(ledger) if lock == APPENDS else None)
        assert ledger.store.obstacle() is None  # an append may take as long
        eventually(lambda: ledger.store.obstacle() is not None)
        found = ledger.store.obstacle()
        assert found is not None
        assert f"process {other.info.backend_pid} (postgres, migration, idle" in found.message
        with psycopg.connect(postgres_url, autocommit=True) as owner:
            owner.execute(found.remedy.partition("end it: ")[2].encode())
        eventually(lambda: ledger.store.obstacle() is None)
        other.close()


def test_who_reads_for_long_is_in_nobodys_way(ledger: PositionLedger, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as reader, psycopg.connect(postgres_url) as locking:
        reader.execute("SELECT * FROM positions JOIN ledger_events USING (stream)")
        locking.execute("SELECT * FROM positions FOR UPDATE")
        eventually(lambda: ledger.store.obstacle() is not None)
        found = ledger.store.obstacle()
        assert found is not None
        assert f"process {locking.info.backend_pid} " in found.message
        assert f"process {reader.info.backend_pid} " not in found.message


def test_a_question_that_waits_in_vain_says_for_whom(ledger: PositionLedger, postgres_url: str) -> None:
    question = Question(now=now(), age=timedelta(hours=1), rules=ReconciliationRules(), verifies=False)
    with psycopg.connect(postgres_url) as other:
        named = f"process {other.info.backend_pid} "
        other.execute(TAKES_LOCK)
        eventually(lambda: ledger.store.obstacle() is not None)
        with pytest.raises(StoreUnavailable, match=f"{named}.*end it: SELECT"):
            ledger.store.high_water_mark()
        other.rollback()
        other.execute("LOCK TABLE positions IN ACCESS EXCLUSIVE MODE")
        eventually(lambda: ledger.store.obstacle() is not None)
        with pytest.raises(StoreUnavailable, match=f"(did not answer|said nothing) .*{named}.*end it: SELECT"):
            examine(ledger, question)


def test_a_role_that_may_not_see_other_sessions_names_none(ledger: PositionLedger, postgres_url: str) -> None:
    with made_role(postgres_url) as role, psycopg.connect(postgres_url) as other:
        connections = Connections(Settings.read(with_options(as_role(postgres_url, role), "timeout=1")))
        other.execute(TAKES_LOCK)
        eventually(lambda: ledger.store.obstacle() is not None)
        assert lock_holders(connections) is None
        connections.close()


def test_a_commit_that_waits_for_a_standby_is_not_to_be_ended() -> None:
    with servers() as place:
        server = place.server()
        with PositionLedger.connect(server.url(timeout=1)) as ledger:
            server.do("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            server.do("SELECT pg_reload_conf()")
            entry = Asked(
                lambda: ledger.request_entry(symbol="BUSDT", exchange="x", side="long", quantity="1", intent_id="1")
            )
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND xact_start < now() - %s"
            eventually(lambda: server.do(waiting, timedelta(seconds=1)) == [(1,)])
            assert ledger.store.obstacle() is None
            server.do("ALTER SYSTEM RESET synchronous_standby_names")
            server.do("SELECT pg_reload_conf()")
            with suppress(OutcomeUnknown):  # whether its time has come to an end by now
                entry.answer()
