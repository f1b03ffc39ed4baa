"""The answer to a bot when the database fails: a typed error, in bounded time, which is always true."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import count
from typing import Any, cast

import psycopg
import pytest

from domain.aggregate.position import Position
from domain.commands.requests import RecordEntryFill, RequestEntry
from domain.errors import OutcomeUnknown, StoreUnavailable
from domain.events import PositionEvent
from infrastructure.event_store.codec import encode
from infrastructure.event_store.hash_chain import GENESIS
from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.event_store.records import EventRecord
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from tests.infrastructure.event_store.postgres.load import (
    Answer,
    Asked,
    assert_told_the_truth,
    eventually,
    seconds,
    tallied,
    within,
    workers,
    writing,
)
from tests.infrastructure.event_store.postgres.proxy import Cut, Proxy, proxied
from tests.infrastructure.event_store.postgres.server import Server
from tests.urls import with_options

TIMEOUT = 1.0
CONNECT = 2.0
"""The shortest bound that libpq has for a connection."""
SILENCE = 0.6 * TIMEOUT + CONNECT
"""The bound when the server falls silent in the middle of an append: to give it up, and to read back."""
ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
FIRST = "APTUSDT.binance#1"
_names = count(1)


def commands(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [id_ for (id_,) in connection.execute("SELECT command_id FROM ledger_events ORDER BY nid")]


@pytest.fixture
def ledger(postgres_url: str, proxy: Proxy) -> Iterator[PositionLedger]:
    """A ledger behind the proxy, with one warm connection: its next command is one round trip."""
    with PositionLedger.connect(postgres_url) as direct:
        direct.request_entry(**ENTRY, intent_id="1", command_id="c-1")
    with PositionLedger.connect(proxy.url(f"timeout={TIMEOUT}&pool_size=1")) as ledger:
        for number in (2, 3, 4):
            ledger.record_entry_fill(
                position_id=FIRST, trade_id=f"t{number}", last_qty="1", last_px="3.2", command_id=f"c-{number}"
            )
        yield ledger


def place_entry(ledger: PositionLedger) -> Receipt:
    return ledger.record_entry_placed(position_id=FIRST, exchange_order_id="53190368", command_id="c-5")


def fill(ledger: PositionLedger) -> Receipt:
    return ledger.record_entry_fill(position_id=FIRST, trade_id="t1", last_qty="1", last_px="3.2")


BEFORE = ["c-1", "c-2", "c-3", "c-4"]
AFTER = [*BEFORE, "c-5"]


# -- the connection breaks during the append ------------------------------------------------------------------------


def test_a_cut_after_the_commit_was_sent_is_recorded_once(
    ledger: PositionLedger, proxy: Proxy, postgres_url: str
) -> None:
    proxy.hold_answers()
    asked = Asked(lambda: place_entry(ledger))
    eventually(lambda: commands(postgres_url) == AFTER)
    proxy.cut()
    assert asked.answer().outcome == "recorded"
    assert commands(postgres_url) == AFTER
    assert place_entry(ledger).outcome == "replayed"
    assert verify(ledger.store).ok


def test_a_cut_before_anything_went_through_is_not_written(
    ledger: PositionLedger, proxy: Proxy, postgres_url: str
) -> None:
    fates: list[Cut] = ["before"]
    proxy.fate = lambda: fates.pop() if fates else None
    with pytest.raises(StoreUnavailable, match="nothing was written"):
        within(TIMEOUT, lambda: place_entry(ledger))
    assert proxy.cuts == ["before"]
    assert commands(postgres_url) == BEFORE
    assert place_entry(ledger).outcome == "recorded"


def test_an_answer_that_never_comes_is_not_waited_for(ledger: PositionLedger, proxy: Proxy, postgres_url: str) -> None:
    proxy.hold_answers()
    assert within(SILENCE, lambda: place_entry(ledger)).outcome == "recorded"
    assert commands(postgres_url) == AFTER


def in_use(ledger: PositionLedger) -> AbstractContextManager[object]:
    """A connection of the pool, held as another thread would hold it."""
    assert isinstance(ledger.store, PostgresStore)
    return ledger.store._connections.borrowed()


def test_what_became_of_an_append_is_not_asked_of_connections_that_are_as_dead(
    ledger: PositionLedger, proxy: Proxy, postgres_url: str
) -> None:
    ledger.disconnect()
    with PositionLedger.connect(proxy.url(f"timeout={TIMEOUT}&pool_size=2")) as pooled:
        with in_use(pooled):
            fill(pooled)  # over the other one, which is the next to be used: it knows the statement
        proxy.hold_answers()
        assert within(SILENCE, lambda: place_entry(pooled)).outcome == "recorded"
    assert commands(postgres_url).count("c-5") == 1


@pytest.mark.parametrize("arrives", [True, False])
def test_a_request_that_is_stuck_on_its_way_is_unknown_and_may_be_sent_again(
    ledger: PositionLedger, proxy: Proxy, postgres_url: str, *, arrives: bool
) -> None:
    proxy.hold_requests()
    with pytest.raises(OutcomeUnknown, match="c-5"):
        within(SILENCE, lambda: place_entry(ledger))
    assert commands(postgres_url) == BEFORE
    if arrives:
        proxy.release()
        eventually(lambda: commands(postgres_url) == AFTER)
    else:
        proxy.cut()
    assert sent_until_answered(lambda: place_entry(ledger)).outcome == ("replayed" if arrives else "recorded")
    assert commands(postgres_url) == AFTER
    assert verify(ledger.store).ok


@pytest.mark.parametrize("is_written", [True, False])
def test_what_cannot_be_found_out_is_said_to_be_unknown_and_may_be_sent_again(
    ledger: PositionLedger, proxy: Proxy, postgres_url: str, *, is_written: bool
) -> None:
    def cut() -> Cut | None:
        proxy.is_open = False
        return "unheard" if is_written else "before"

    proxy.fate = cut
    with pytest.raises(OutcomeUnknown, match="c-5") as unknown:
        within(SILENCE, lambda: place_entry(ledger))
    assert unknown.value.details["command_id"] == "c-5"
    assert commands(postgres_url) == (AFTER if is_written else BEFORE)
    proxy.is_open, proxy.fate = True, lambda: None
    assert sent_until_answered(lambda: place_entry(ledger)).outcome == ("replayed" if is_written else "recorded")
    assert commands(postgres_url) == AFTER
    assert verify(ledger.store).ok


def sent_until_answered(send: Callable[[], Receipt]) -> Receipt:
    """As a bot would do it: the same command again, until there is an answer."""
    found: list[Receipt] = []

    def is_answered() -> bool:
        try:
            found.append(send())
        except (StoreUnavailable, OutcomeUnknown):
            return False
        return True

    eventually(is_answered)
    return found[0]


def test_what_cannot_be_read_back_after_a_migration_is_unknown(
    ledger: PositionLedger, proxy: Proxy, postgres_url: str
) -> None:
    """It was a SchemaMismatch, as if nothing had been written."""
    proxy.hold_answers()
    asked = Asked(lambda: place_entry(ledger))
    eventually(lambda: commands(postgres_url) == AFTER)
    with psycopg.connect(postgres_url) as later:
        later.execute("ALTER TABLE ledger_events RENAME COLUMN command_id TO answers")
    proxy.cut()
    with pytest.raises(OutcomeUnknown):
        asked.answer()
    with psycopg.connect(postgres_url) as back:
        back.execute("ALTER TABLE ledger_events RENAME COLUMN answers TO command_id")
    assert place_entry(ledger).outcome == "replayed"


def test_somebody_else_at_the_version_in_doubt_is_no_success(
    ledger: PositionLedger, proxy: Proxy, postgres_url: str
) -> None:
    """The append was lost, and a rival's event stands where it would have been: it is decided anew."""

    def rival_first() -> Cut | None:
        proxy.fate = lambda: None
        with PositionLedger.connect(postgres_url) as rival:
            rival.record_entry_unknown(position_id=FIRST, reason="timeout", command_id="rival")
        return "before"

    proxy.fate = rival_first
    assert place_entry(ledger).version == len(BEFORE) + 2
    assert commands(postgres_url) == [*BEFORE, "rival", "c-5"]
    assert verify(ledger.store).ok


def test_a_slow_answer_is_an_answer(ledger: PositionLedger, proxy: Proxy, postgres_url: str) -> None:
    proxy.delay_seconds = TIMEOUT / 4
    assert place_entry(ledger).outcome == "recorded"
    assert commands(postgres_url) == AFTER


@pytest.mark.parametrize("seed", [1, 2] if seconds(0) else [1])
def test_nothing_is_lost_or_doubled_while_connections_are_cut_at_random(postgres_url: str, seed: int) -> None:
    chance, guard = random.Random(seed), threading.Lock()
    cuts: list[Cut] = ["before", "after", "unheard"]

    def fate() -> Cut | None:
        with guard:
            return chance.choice(cuts) if chance.random() < 1 / 25 else None

    with PositionLedger.connect(postgres_url):
        pass
    how_long = ("--seconds", str(seconds(0))) if seconds(0) else ("--cycles", "40")
    with proxied(postgres_url) as proxy, workers(*writing(proxy.url("timeout=2"), 2, *how_long)) as started:
        proxy.fate = fate
        for worker in started:
            worker.tell("go")
        tallies = tallied(started)
        assert set(proxy.cuts) == set(cuts)
    figures = assert_told_the_truth(postgres_url, tallies)
    print(Counter(proxy.cuts))
    assert figures["not written"] > 0


# -- the server ------------------------------------------------------------------------------------------------------


@pytest.fixture
def database(own_server: Server) -> str:
    """The URL of a ledger on a server that may be disturbed."""
    name = f"fault{next(_names)}"
    own_server.do(f"CREATE DATABASE {name}")
    url = own_server.url(name)
    with PositionLedger.connect(url) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
    return url


def test_nothing_is_lost_or_doubled_while_the_server_restarts_and_pauses(own_server: Server, database: str) -> None:
    disturbances = [
        lambda: own_server.restart("immediate"),
        lambda: own_server.restart("fast"),
        lambda: paused_for(own_server, 4 * TIMEOUT),
        lambda: terminate_all(database),
    ]
    how_long = seconds(0) or 7.0
    with PositionLedger.connect(database) as ledger:
        ledger.fail_entry(position_id=FIRST, reason="end", outcome="rejected")
    before = set(commands(database))
    with workers(*writing(with_options(database, f"timeout={TIMEOUT}"), 2, "--seconds", str(how_long))) as started:
        for worker in started:
            worker.tell("go")
        end = time.monotonic() + how_long
        for number in count():
            if time.monotonic() > end or (number >= len(disturbances) and how_long < 60):
                break
            already = len(commands(database))
            disturbances[number % len(disturbances)]()
            eventually(lambda: len(commands(database)) > already or time.monotonic() > end)  # noqa: B023 - called now
        tallies = tallied(started)
    assert_told_the_truth(database, tallies, but=before)


def paused_for(server: Server, pause_seconds: float) -> None:
    with server.paused():
        threading.Event().wait(pause_seconds)


def terminate_all(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_first_command_after_a_restart_is_recorded(own_server: Server, database: str, mode: str) -> None:
    with PositionLedger.connect(database) as ledger, PositionLedger.connect(database) as reader:
        fill(ledger)
        reader.positions()
        own_server.restart(mode)
        assert place_entry(ledger).outcome == "recorded"
        assert len(reader.positions()) == 1


def test_a_paused_server_is_not_waited_for(own_server: Server, database: str) -> None:
    with PositionLedger.connect(with_options(database, f"timeout={TIMEOUT}")) as ledger:
        fill(ledger)
        with own_server.paused():
            with pytest.raises(OutcomeUnknown):
                within(SILENCE, lambda: place_entry(ledger))
            with pytest.raises(StoreUnavailable):
                within(TIMEOUT, ledger.positions)
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                within(CONNECT, lambda: PositionLedger.connect(with_options(database, f"timeout={TIMEOUT}")))
        assert sent_until_answered(lambda: place_entry(ledger)).events == ("EntryPlaced",)
        assert commands(database).count("c-5") == 1
        assert verify(ledger.store).ok


def test_a_server_that_is_gone_is_said_to_be_so(
    own_server: Server, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    with PositionLedger.connect(with_options(database, f"timeout={TIMEOUT}")) as ledger:
        place_entry(ledger)
        caplog.clear()
        own_server.stop("fast")
        try:
            with pytest.raises(StoreUnavailable, match="nothing was written"):
                within(TIMEOUT, lambda: fill(ledger))
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                within(CONNECT, lambda: PositionLedger.connect(database))
            with pytest.raises(StoreUnavailable):
                ledger.positions()
        finally:
            own_server.start()
        assert sent_until_answered(lambda: fill(ledger)).outcome == "recorded"
    said = [record.getMessage() for record in caplog.records if record.module != "witness"]
    assert len(said) == 2, said
    assert said[0].startswith(f"lost postgresql://127.0.0.1:{own_server.port}/")
    assert f'connection to server at "127.0.0.1", port {own_server.port} failed: ' in said[0]
    assert f"is back, at 127.0.0.1:{own_server.port}, after" in said[1]


def test_a_backend_that_is_terminated_in_the_middle_of_an_append_is_not_written(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url) as ledger, psycopg.connect(postgres_url) as blocker:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        blocker.execute("LOCK TABLE ledger_events IN EXCLUSIVE MODE")
        asked = Asked(lambda: place_entry(ledger))
        waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND"
        waiting += " datname = current_database()"
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            eventually(lambda: admin.execute(waiting.encode()).fetchall() == [(True,)])
        with pytest.raises(StoreUnavailable, match="nothing was written"):
            asked.answer()
        blocker.rollback()
        assert commands(postgres_url) == ["c-1"]
        assert place_entry(ledger).outcome == "recorded"


def test_a_batch_is_waited_for_longer_than_a_command(ledger: PositionLedger, proxy: Proxy) -> None:
    ledger.disconnect()
    with PositionLedger.connect(proxy.url(f"timeout={BATCH_TIMEOUT}&pool_size=1")) as patient:
        fill(patient)
        before = backend_of(patient)
        heads = {"BATCHUSDT.binance": GENESIS}
        answered_late(proxy, lambda: patient.store.insert_events(batch("BATCHUSDT.binance"), heads=heads))
        assert len(patient.history("BATCHUSDT.binance")) == BATCH_EVENTS
        assert backend_of(patient) == before, "the connection was not given up"
        assert answered_late(proxy, lambda: place_entry(patient)).outcome == "recorded"
        assert backend_of(patient) != before, "given up, and read back over another one"


BATCH_EVENTS = 10


def batch(stream: str) -> list[EventRecord]:
    position = Position.of_stream(stream)
    told = {"at": "2025-10-22T18:50:40Z", "command_id": "b-0"}
    position.decide(RequestEntry.of(**ENTRY | {"symbol": "BATCHUSDT"}, intent_id="1", **told))
    for number in range(1, BATCH_EVENTS):
        told["command_id"] = f"b-{number}"
        position.decide(
            RecordEntryFill.of(position_id=f"{stream}#1", trade_id=f"b{number}", last_qty="1", last_px="3.2", **told)
        )
    return [encode(event) for event in cast("list[PositionEvent]", position.collect_events())]


BATCH_TIMEOUT = 3.0


def answered_late(proxy: Proxy, question: Callable[[], Answer]) -> Answer:
    """The answer to a question when the server is not heard for most of the timeout, but less than all of it."""
    proxy.hold_answers()
    asked = Asked(question)
    time.sleep(0.8 * BATCH_TIMEOUT)
    proxy.release()
    return asked.answer()


def backend_of(ledger: PositionLedger) -> int:
    assert isinstance(ledger.store, PostgresStore)
    with ledger.store._connections.borrowed() as connection:
        return connection.info.backend_pid


# -- waits that the server ends ---------------------------------------------------------------------------------------


def test_a_lock_on_the_table_is_not_waited_for(postgres_url: str) -> None:
    url = with_options(postgres_url, f"timeout={TIMEOUT}")
    with PositionLedger.connect(url) as ledger, psycopg.connect(postgres_url) as blocker:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        blocker.execute("LOCK TABLE ledger_events IN EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0.5 s .*nothing was written"):
            within(TIMEOUT, lambda: place_entry(ledger))
        blocker.rollback()
        assert place_entry(ledger).outcome == "recorded"


def test_a_rival_that_neither_commits_nor_rolls_back_is_not_waited_for(postgres_url: str) -> None:
    url = with_options(postgres_url, f"timeout={TIMEOUT}")
    with PositionLedger.connect(url) as ledger, psycopg.connect(postgres_url) as rival:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        rival.execute(
            "INSERT INTO ledger_events (stream, version, type, command_id, cycle, payload, hash, ts_recorded)"
            " VALUES ('APTUSDT.binance', 2, 'ByHand.v1', 'rival', 1, '{}', repeat('0', 64), now())"
        )
        with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.5 s"):
            within(TIMEOUT, lambda: place_entry(ledger))
        rival.rollback()
        assert place_entry(ledger).version == 2
        assert verify(ledger.store).ok


def test_a_statement_that_takes_too_long_is_ended(postgres_url: str) -> None:
    url = with_options(postgres_url, f"timeout={TIMEOUT}")
    with PositionLedger.connect(url) as ledger, psycopg.connect(postgres_url, autocommit=True) as admin:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        admin.execute(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$"
        )
        admin.execute("CREATE TRIGGER dawdle AFTER INSERT ON ledger_events FOR EACH ROW EXECUTE FUNCTION dawdle()")
        with pytest.raises(StoreUnavailable, match="statement timeout"):
            within(TIMEOUT, lambda: place_entry(ledger))
        admin.execute("DROP TRIGGER dawdle ON ledger_events")
        assert place_entry(ledger).version == 2


def test_a_pool_that_is_in_use_is_not_waited_for(postgres_url: str) -> None:
    url = with_options(postgres_url, f"timeout={TIMEOUT}&pool_size=1")
    with PositionLedger.connect(url) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
        with in_use(ledger), pytest.raises(StoreUnavailable, match=r"all 1 of the pool .*\?pool_size=N"):
            within(TIMEOUT, lambda: place_entry(ledger))
        assert place_entry(ledger).outcome == "recorded"


# -- what the server refuses ------------------------------------------------------------------------------------------


def test_a_database_that_is_read_only_says_so(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
    read_only = with_options(postgres_url, "options=-cdefault_transaction_read_only%3Don")
    with PositionLedger.connect(read_only) as ledger:
        with pytest.raises(StoreUnavailable, match=r"read-only, .*nothing was written"):
            within(TIMEOUT, lambda: place_entry(ledger))
        assert ledger.position(FIRST).status == "pending_entry"
    assert commands(postgres_url) == ["c-1"]


def test_too_many_connections_are_said_to_be_so(own_server: Server, database: str) -> None:
    name = database.rpartition("/")[2]
    role = f"few{next(_names)}"
    own_server.do(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
    own_server.do(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}", database=name)
    url = own_server.url(name, user=role, timeout=3)
    with PositionLedger.connect(url, create=False) as ledger:
        assert len(ledger.positions()) == 1
        with pytest.raises(StoreUnavailable, match="too many connections for role"):
            within(3, lambda: PositionLedger.connect(url, create=False))
        with in_use(ledger), pytest.raises(StoreUnavailable, match=r"no connection within 1\.5 s"):
            within(3, lambda: place_entry(ledger))
        assert place_entry(ledger).outcome == "recorded"


def test_a_wrong_password_and_a_port_without_a_server_are_said_to_be_so(own_server: Server) -> None:
    own_server.do("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    access = own_server.folder / "pg_hba.conf"
    known = access.read_text()
    access.write_text(f"host all guarded 127.0.0.1/32 scram-sha-256\n{known}")
    own_server.do("SELECT pg_reload_conf()")
    url = own_server.url().replace("postgres@", "guarded:wr0ng-secret@")
    eventually(lambda: "wr0ng-secret" not in refused(url) and "password authentication failed" in refused(url))
    gone = "postgresql://bot:wr0ng-secret@127.0.0.1:1/ledger"
    assert "cannot be reached" in refused(gone)
    assert "wr0ng-secret" not in refused(gone)


def refused(url: str) -> str:
    with pytest.raises(StoreUnavailable) as refusal:
        within(5, lambda: PositionLedger.connect(url))
    return f"{refusal.value} {refusal.value!r}"


def test_a_full_disk_is_said_to_be_so_and_nothing_is_written(own_server: Server) -> None:
    name = f"full{next(_names)}"
    own_server.do(f"CREATE DATABASE {name}")
    url = own_server.url(name)
    with PositionLedger.connect(url):
        pass
    ((table,),) = own_server.do("SELECT pg_relation_filepath('ledger_events')", database=name)
    own_server.stop("fast")
    events = own_server.folder / table
    aside = events.with_name(f"{events.name}.aside")
    events.rename(aside)
    events.symlink_to("/dev/full")  # empty to whoever reads it, and without room for whoever writes
    own_server.start()
    try:
        with PositionLedger.connect(url) as ledger:
            with pytest.raises(StoreUnavailable, match=r"no disk space left .*nothing was written\. Make room"):
                ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1")
            assert ledger.positions() == []
    finally:
        own_server.stop("immediate")
        events.unlink()
        aside.rename(events)
        own_server.start()
    with PositionLedger.connect(url) as ledger:
        assert ledger.request_entry(**ENTRY, intent_id="1", command_id="c-1").outcome == "recorded"
        assert verify(ledger.store).ok


def test_a_disk_without_room_for_a_temporary_file_is_said_to_be_full(postgres_url: str) -> None:
    """The server has no code for that, only words."""
    with PositionLedger.connect(postgres_url) as ledger:
        assert isinstance(ledger.store, PostgresStore)
        full = r"no disk space left .*pgsql_tmp1\.0.*nothing was written\. Make room"
        with pytest.raises(StoreUnavailable, match=full), ledger.store._connections.reading() as connection:
            connection.execute(
                'DO $$ BEGIN RAISE EXCEPTION \'could not create temporary file "base/pgsql_tmp/pgsql_tmp1.0": No space '
                "left on device' USING ERRCODE = 'XX000'; END $$"
            )


PASSED_OVER = """
import sys
from domain.errors import StoreUnavailable
from infrastructure.event_store.checkpoints import Checkpoint, ProjectedRow
from infrastructure.ledger.ledger import PositionLedger
with PositionLedger.connect(sys.argv[1]) as ledger:
    tracking = ledger.store.tracking("statistics")
    try:
        tracking.advance(tracking.cursor(), 1, [ProjectedRow(None, None, "{}")] * 3000)
    except StoreUnavailable as refused:
        print(refused)
"""


def test_what_the_driver_logs_of_a_broken_pipeline_is_not_printed_beside_our_error(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url):
        pass
    done = subprocess.run([sys.executable, "-c", PASSED_OVER, postgres_url], capture_output=True, text=True, check=True)
    assert "nothing was written" in done.stdout
    assert done.stderr == ""
