"""The schema on PostgreSQL: which roles may create it and write to it, and what no role may do."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from domain.commands.requests import RequestEntry
from domain.errors import PositionAlreadyOpen, SchemaMismatch, StoreUnavailable
from infrastructure.event_store.postgres import schema
from infrastructure.event_store.postgres.appending.locks import MIGRATION_LOCK, lock_key
from infrastructure.event_store.postgres.collisions import has_log
from infrastructure.event_store.postgres.schema import SCHEMA_VERSION
from infrastructure.event_store.postgres.session.connections import Connection
from infrastructure.integrity.anchor import check_anchor, make_anchor
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from tests.acceptance.bot import Bot, run
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.server import programs
from tests.infrastructure.roles import as_role
from tests.urls import with_options

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


@pytest.fixture
def ledger(postgres_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(postgres_url) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(**ENTRY, intent_id="2")
        yield ledger


@pytest.mark.parametrize("table", ["ledger_events", "rejections"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET command_id = 'x'", "DELETE FROM {}", "TRUNCATE {}", "UPDATE {} SET command_id = 'x' WHERE false"],
)
@pytest.mark.usefixtures("ledger")
def test_even_the_owner_cannot_change_history(postgres_url: str, table: str, statement: str) -> None:
    with psycopg.connect(postgres_url) as owner, pytest.raises(errors.RaiseException, match="append-only") as refused:
        owner.execute(sql.SQL(statement).format(sql.Identifier(table)))
    assert not isinstance(refused.value, psycopg.IntegrityError), "it would read as a conflict"


@pytest.fixture
def bot_role(postgres_url: str, ledger: PositionLedger) -> Iterator[str]:
    del ledger
    name = f"bot_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
        done = run(postgres_url, "init", "--runtime-role", name)
        assert done.returncode == 0, done.stderr
        try:
            yield name
        finally:
            owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def bot_url(postgres_url: str, bot_role: str) -> str:
    return as_role(postgres_url, bot_role)


def test_a_ledger_whose_schema_was_renamed_is_named_by_whoever_misses_it(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = with_options(postgres_url, "schema=trading"), with_options(postgres_url, "schema=trading_old")
    with PositionLedger.connect(old) as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("ALTER SCHEMA trading RENAME TO trading_old")
    with pytest.raises(SchemaMismatch, match="holds no ledger, and of the same database schema trading_old has one"):
        PositionLedger.connect(old, create=False)
    with PositionLedger.connect(new, create=False) as ledger:
        assert len(ledger.positions()) == 1
    caplog.clear()
    PositionLedger.connect(with_options(postgres_url, "schema=paper")).disconnect()
    (warned,) = [record.getMessage() for record in caplog.records]
    assert warned.endswith("; of the same database schema trading_old has one, of which this one knows nothing")


def test_events_of_which_nothing_says_the_version_are_no_place_for_a_new_ledger(
    ledger: PositionLedger, postgres_url: str
) -> None:
    del ledger
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("DELETE FROM ledger_schema")
        for create in (False, True):
            with pytest.raises(SchemaMismatch, match="has the events of a ledger, and table ledger_events of which"):
                PositionLedger.connect(postgres_url, create=create)
        owner.execute("DROP TABLE ledger_schema")
        for create in (False, True):
            with pytest.raises(SchemaMismatch, match="has the events of a ledger, and table ledger_events of which"):
                PositionLedger.connect(postgres_url, create=create)


def test_the_runtime_role_does_all_that_a_bot_needs(bot_url: str) -> None:
    with PositionLedger.connect(bot_url) as ledger:
        ledger.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="1")
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(**ENTRY, intent_id="3")
        ledger.fail_entry(position_id="APTUSDT.binance#1", reason="no", outcome="rejected")
        ledger.request_entry(**ENTRY, intent_id="3")
        assert len(ledger.positions()) == 2
        assert verify(ledger.store).ok


def test_the_runtime_role_can_do_nothing_else(bot_url: str) -> None:
    forbidden = [
        "UPDATE ledger_events SET payload = ''", "DELETE FROM ledger_events", "TRUNCATE ledger_events",
        "UPDATE rejections SET message = ''", "DELETE FROM rejections", "DELETE FROM positions", "TRUNCATE positions",
        "ALTER TABLE ledger_events DISABLE TRIGGER ALL", "DROP TABLE positions", "CREATE TABLE mine (id int)",
        "SET session_replication_role = replica", "INSERT INTO ledger_schema VALUES (99, 'x')",
        "DROP TRIGGER ledger_events_append_only ON ledger_events",
    ]  # fmt: skip
    with psycopg.connect(bot_url, autocommit=True) as bot:
        for statement in forbidden:
            with pytest.raises(errors.InsufficientPrivilege):
                bot.execute(statement.encode())


def test_a_rebuild_by_the_owner_leaves_the_runtime_role_at_work(ledger: PositionLedger, bot_url: str) -> None:
    with PositionLedger.connect(bot_url) as bot:
        bot.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="1")
        assert ledger.rebuild().differences == 0
        receipt = bot.record_entry_fill(
            position_id="APTUSDT.binance#1", trade_id="t", last_qty="61.8", last_px="3.2333"
        )
        assert receipt.version == 3
        assert str(bot.position("APTUSDT.binance#1").quantity) == "61.8"


def test_the_runtime_role_cannot_rebuild_and_is_told_who_can(bot_url: str) -> None:
    with PositionLedger.connect(bot_url) as bot, pytest.raises(StoreUnavailable, match="permission denied"):
        bot.rebuild()


def test_a_role_that_is_not_there_is_named(postgres_url: str) -> None:
    done = run(postgres_url, "init", "--runtime-role", 'nobody"; DROP TABLE x; --')
    assert done.returncode == 3
    assert "there is no role" in done.stderr


def test_a_ledger_that_another_process_makes_meanwhile_is_no_log_without_a_version(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_meanwhile(connection: Connection) -> bool:
        monkeypatch.undo()
        PositionLedger.connect(postgres_url).disconnect()
        return has_log(connection)

    monkeypatch.setattr(schema, "has_log", made_meanwhile)
    with PositionLedger.connect(postgres_url) as ledger:
        assert ledger.positions() == []


def test_ten_processes_may_start_at_once_on_an_empty_database(postgres_url: str) -> None:
    with ExitStack() as stack:
        bots = [stack.enter_context(Bot(postgres_url)) for _ in range(10)]
        for number, bot in enumerate(bots):
            bot.send(command="request_entry", **ENTRY | {"symbol": f"S{number}USDT"}, intent_id=str(number))
        assert [bot.answer().get("outcome") for bot in bots] == ["recorded"] * 10
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT version FROM ledger_schema").fetchall() == [
            (version,) for version in range(1, SCHEMA_VERSION + 1)
        ]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_they_may_also_where_a_database_isolates_transactions_otherwise(postgres_url: str, isolation: str) -> None:
    with psycopg.connect(postgres_url) as first:
        first.execute(
            f"ALTER DATABASE \"{first.info.dbname}\" SET default_transaction_isolation = '{isolation}'".encode()
        )
    settings = Settings.read(postgres_url)
    with psycopg.connect(postgres_url) as first, ThreadPoolExecutor() as second:
        first.execute("SELECT pg_advisory_xact_lock(%s, %s)", (MIGRATION_LOCK, lock_key(settings)))
        waits = second.submit(PositionLedger.connect, postgres_url)
        eventually(lambda: first.execute(WAITING).fetchone() == (1,))
        first.execute(schema.script(settings).encode())
        with waits.result() as ledger:
            assert not ledger.store.is_new and ledger.positions() == []


def test_the_printed_sql_makes_the_same_ledger(postgres_url: str) -> None:
    printed = run(with_options(postgres_url, "schema=printed"), "init", "--print-sql")
    assert printed.returncode == 0, printed.stderr
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("CREATE SCHEMA printed")
        owner.execute("GRANT CREATE ON SCHEMA printed TO PUBLIC")
        owner.execute(printed.stdout.encode())
        makers = "SELECT FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'printed' AND grantee = 0"
        assert owner.execute(f"{makers} AND privilege_type = 'CREATE'".encode()).fetchall() == []
        with PositionLedger.connect(with_options(postgres_url, "schema=migrated")):
            pass
        described = (
            "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns"
            " WHERE table_schema = %s ORDER BY table_name, ordinal_position"
        )
        one, other = (owner.execute(described, (name,)).fetchall() for name in ("printed", "migrated"))
        assert one
        assert one == other
    with PositionLedger.connect(with_options(postgres_url, "schema=printed"), create=False) as ledger:
        assert ledger.request_entry(**ENTRY, intent_id="1").version == 1


def test_ledgers_in_two_schemas_know_nothing_of_each_other(postgres_url: str) -> None:
    with (
        PositionLedger.connect(with_options(postgres_url, "schema=one")) as one,
        PositionLedger.connect(with_options(postgres_url, "schema=two")) as two,
    ):
        assert one.request_entry(**ENTRY, intent_id="1").outcome == "recorded"
        assert two.request_entry(**ENTRY, intent_id="1").outcome == "recorded"
        assert (one.store.count_events(), two.store.count_events()) == (1, 1)


def test_a_database_without_a_ledger_says_what_to_do(postgres_url: str) -> None:
    with pytest.raises(SchemaMismatch, match="position-ledger init"):
        PositionLedger.connect(postgres_url, create=False)


def test_a_ledger_of_a_later_version_is_left_alone(ledger: PositionLedger, postgres_url: str) -> None:
    ledger.disconnect()
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("INSERT INTO ledger_schema (version, name) VALUES (99, 'later')")
    with pytest.raises(SchemaMismatch, match="upgrade"):
        PositionLedger.connect(postgres_url)


def test_a_dump_restored_elsewhere_verifies_and_goes_on(
    ledger: PositionLedger, postgres_url: str, postgres_server: str, tmp_path: Path
) -> None:
    anchor = make_anchor(ledger.store)
    dump, restored = tmp_path / "ledger.sql", f"restored_{uuid.uuid4().hex[:8]}"
    elsewhere = postgres_url.replace(postgres_url.split("/")[3].partition("?")[0], restored)
    subprocess.run([programs() / "pg_dump", "--dbname", postgres_url, "--file", dump], check=True)
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(restored)))
        try:
            psql = [str(programs() / "psql"), "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", elsewhere]
            subprocess.run([*psql, "--file", str(dump)], check=True, stdout=subprocess.DEVNULL)
            with PositionLedger.connect(elsewhere, create=False) as again:
                assert verify(again.store).ok
                assert check_anchor(again.store, anchor) == []
                again.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="1")
                assert verify(again.store).ok
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(restored)))


def test_the_log_is_vacuumed_as_a_table_that_only_grows(ledger: PositionLedger, postgres_url: str) -> None:
    del ledger
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT reloptions FROM pg_class WHERE relname = 'ledger_events'").fetchone()
    assert found is not None
    assert "autovacuum_vacuum_insert_scale_factor=0" in found[0]


def test_two_rebuilds_at_once_leave_a_table_that_holds(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger, PositionLedger.connect(ledger_url) as other:
        ledger.request_entry(**ENTRY, intent_id="1")

        def rebuild_meanwhile(_: int) -> None:
            assert other.rebuild().rows == 1

        with pytest.raises(StoreUnavailable, match="overtook this one"):
            ledger.rebuild(rebuild_meanwhile)
        assert len(ledger.positions()) == 1
        assert verify(ledger.store).ok


def _dropping(owner: psycopg.Connection[Any], which: str) -> None:
    owner.execute(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN IF {which} THEN RETURN NULL; END IF; RETURN NEW; END $$"
    )
    owner.execute("CREATE TRIGGER mine BEFORE INSERT ON ledger_events FOR EACH ROW EXECUTE FUNCTION swallow()")


@pytest.mark.parametrize("which", ["true", "NEW.type LIKE 'Activated%'"])
def test_nothing_is_acknowledged_that_a_trigger_dropped(ledger: PositionLedger, postgres_url: str, which: str) -> None:
    position_id = "APTUSDT.binance#1"
    ledger.record_entry_placed(position_id=position_id, exchange_order_id="1", filled_qty="61.8", avg_px="3.2")
    before = ledger.position(position_id)
    stop: dict[str, Any] = {"stop_price": "3.3", "exchange_order_id": "s1", "activate": True}
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        _dropping(owner, which)
        with pytest.raises(SchemaMismatch, match=r"of 2 events 0 were taken: a trigger .*; nothing was written"):
            ledger.set_stop_loss(position_id=position_id, **stop)
        assert ledger.position(position_id) == before
        entries = [RequestEntry.of(**ENTRY | {"symbol": f"S{n}USDT"}, intent_id="1") for n in range(9)]
        if which == "true":
            with pytest.raises(SchemaMismatch, match="of 1 events 0 were taken"):
                ledger.handle(entries[0])
            with pytest.raises(SchemaMismatch, match="of 9 events 0 were taken"):
                ledger.handle_many(entries)
        assert "mine on ledger_events" in str(ledger.store.caution())
        owner.execute("DROP TRIGGER mine ON ledger_events")
    assert ledger.set_stop_loss(position_id=position_id, **stop).events == ("StopLossSet", "Activated")
    assert len(ledger.handle_many(entries)) == 9
    assert verify(ledger.store).ok
