"""The view with the name and columns of the old table: old queries run, before and after a rebuild."""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from domain.commands.order_requests import LoseTakeProfit, SetTakeProfit
from infrastructure.event_store.compat_view import VIEW_DEFAULT, ViewName
from infrastructure.event_store.postgres import compat_view as postgres_view
from infrastructure.event_store.postgres.session import connections as on_postgres
from infrastructure.event_store.sqlite import compat_view as sqlite_view
from infrastructure.event_store.sqlite import connections as on_sqlite
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.importing.run import import_table
from infrastructure.legacy.source.dump import read_dump
from infrastructure.legacy.source.legacy_database import read_table
from infrastructure.legacy.source.raw import UnreadableDump
from infrastructure.legacy.source.table import understood
from infrastructure.settings import Settings
from tests.acceptance.bot import run
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.roles import as_role, made_role
from tests.urls import with_options

Query = Callable[[str], list[tuple[Any, ...]]]
SAMPLE = Path(__file__).resolve().parents[2] / "samples_legacy" / "positions.sql"
KEY = {"symbol": "APTUSDT", "exchange": "binance"}
START = datetime(2025, 10, 22, 18, 50, 40, 981819, tzinfo=UTC)

OFFENDERS = """
    SELECT symbol, exchange, COUNT(*), {ids} FROM monitoring.positions
    WHERE status IN ('active', 'entry_placed', 'pending_sl', 'pending_entry')
    GROUP BY symbol, exchange HAVING COUNT(*) > 1
"""
ROLLED_BACK = """
    SELECT COUNT(*) FROM monitoring.positions
    WHERE status = 'rolled_back' AND exit_reason LIKE '%duplicate%' AND created_at > {now} - INTERVAL '24 hours'
"""
PAIRS = """
    SELECT p1.symbol, p1.id, p2.id FROM monitoring.positions p1
    JOIN monitoring.positions p2 ON p1.symbol = p2.symbol AND p1.exchange = p2.exchange AND p1.id < p2.id
    WHERE ABS(EXTRACT(EPOCH FROM (p1.created_at - p2.created_at))) < 10
"""
STATUSES = "SELECT status, COUNT(*) FROM monitoring.positions GROUP BY status ORDER BY status"
LEGACY_COLUMNS = {
    "id": "bigint",
    "signal_id": "bigint",
    "trade_id": "bigint",
    "symbol": "character varying",
    "exchange": "character varying",
    "side": "character varying",
    "quantity": "numeric",
    "entry_price": "numeric",
    "current_price": "numeric",
    "stop_loss_price": "numeric",
    "stop_loss": "numeric",
    "take_profit_price": "numeric",
    "pnl": "numeric",
    "unrealized_pnl": "numeric",
    "pnl_percentage": "numeric",
    "leverage": "numeric",
    "has_stop_loss": "boolean",
    "has_trailing_stop": "boolean",
    "trailing_activated": "boolean",
    "status": "character varying",
    "opened_at": "timestamp with time zone",
    "closed_at": "timestamp with time zone",
    "updated_at": "timestamp with time zone",
    "created_at": "timestamp without time zone",
    "exit_reason": "text",
    "exchange_order_id": "character varying",
}


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        make_view(ledger_url)
        yield ledger


def make_view(url: str) -> None:
    settings, name = Settings.read(url), ViewName.read(VIEW_DEFAULT)
    if settings.kind == "sqlite":
        with closing(on_sqlite.Connections(settings)) as opened:
            sqlite_view.create(opened, name)
    else:
        with closing(on_postgres.Connections(settings)) as connections:
            postgres_view.create(connections, name)


@pytest.fixture
def query(ledger_url: str, ledger: PositionLedger) -> Query:
    """A dashboard: it knows the old table, and nothing of a ledger."""
    del ledger
    settings = Settings.read(ledger_url)

    def ask_sqlite(statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(settings.where)) as connection:
            return connection.execute(in_sqlite(statement)).fetchall()

    def ask_postgres(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(settings.where) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(in_postgres(statement).encode()).fetchall()

    return ask_sqlite if settings.kind == "sqlite" else ask_postgres


def in_postgres(statement: str) -> str:
    return statement.replace("{ids}", "array_agg(id ORDER BY id)").replace("{now}", "NOW()")


def in_sqlite(statement: str) -> str:
    """The same question in the words that SQLite has for intervals, arrays and schemas."""
    for theirs, ours in {
        "{ids}": "json_group_array(id)",
        "{now} - INTERVAL '24 hours'": "datetime('now', '-24 hours')",
        "EXTRACT(EPOCH FROM (p1.created_at - p2.created_at))": (
            "(julianday(p1.created_at) - julianday(p2.created_at)) * 86400"
        ),
        "monitoring.positions": "monitoring_positions",
    }.items():
        statement = statement.replace(theirs, ours)
    return statement


def enter(ledger: PositionLedger, at: datetime = START, intent_id: str = "5483266", **key: Any) -> str:
    """A position that is active and protected."""
    requested = ledger.request_entry(
        **{**KEY, **key}, side="short", quantity="61.8", signal_price="3.2333", intent_id=intent_id, at=at
    )
    held: dict[str, Any] = {"position_id": requested.position_id, "at": at + timedelta(seconds=1)}
    ledger.record_entry_placed(**held, exchange_order_id="53190368", filled_qty="61", avg_px="3.2295")
    ledger.set_stop_loss(**held, stop_price="3.2941", exchange_order_id="s", activate=True)
    return requested.position_id


def roll_back(ledger: PositionLedger, position_id: str, reason: str, at: datetime) -> None:
    ledger.start_rollback(position_id=position_id, reason=reason, at=at)
    ledger.roll_back(position_id=position_id, evidence={"position_quantity": "0"}, at=at)


def imported(ledger: PositionLedger) -> None:
    with SAMPLE.open("rb") as dump:
        import_table(ledger, understood(read_dump(dump)))


def test_the_columns_and_types_are_those_of_the_old_table(ledger: PositionLedger, query: Query) -> None:
    if ledger.store.settings.kind == "sqlite":
        told = {name: None for _, name, *_ in query("SELECT * FROM pragma_table_info('monitoring_positions')")}
        assert [*told][: len(LEGACY_COLUMNS)] == [*LEGACY_COLUMNS]
        return
    found = query(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'monitoring'"
        " AND table_name = 'positions' ORDER BY ordinal_position"
    )
    assert dict(found[: len(LEGACY_COLUMNS)]) == LEGACY_COLUMNS
    assert [name for name, _ in found[len(LEGACY_COLUMNS) :]] == ["position_id", "account", "leg"]


def test_an_open_position_is_shown_as_the_old_bot_would_have(ledger: PositionLedger, query: Query) -> None:
    enter(ledger)
    (row,) = query(
        "SELECT signal_id, trade_id, symbol, exchange, side, quantity, entry_price, stop_loss_price, stop_loss,"
        " has_stop_loss, status, exchange_order_id, closed_at, exit_reason, current_price, position_id"
        " FROM monitoring.positions WHERE has_stop_loss AND quantity > 7 AND signal_id = 5483266"
    )
    numbers = [Decimal(str(value)) for value in row[5:9]]
    assert numbers == [Decimal(61), Decimal("3.2295"), Decimal("3.2941"), Decimal("3.2941")]
    assert row[:5] == (5483266, 5483266, "APTUSDT", "binance", "short")
    assert row[9:] == (True, "active", "53190368", None, None, None, "APTUSDT.binance#1")


def test_the_target_is_the_last_one_that_stands(ledger: PositionLedger, query: Query) -> None:
    asked = "SELECT take_profit_price FROM monitoring.positions"
    position_id = enter(ledger)
    assert query(asked) == [(None,)]
    for price, order_id in (("3.1", "t1"), ("3", "t2")):
        ledger.handle(SetTakeProfit.of(position_id=position_id, price=price, quantity="30", exchange_order_id=order_id))
    assert query(asked) == [(3,)]
    ledger.handle(LoseTakeProfit.of(position_id=position_id, exchange_order_id="t2", reason="canceled"))
    assert [round(float(price), 9) for (price,) in query(asked)] == [3.1]
    ledger.rebuild()
    assert [round(float(price), 9) for (price,) in query(asked)] == [3.1]


def test_times_are_in_utc_and_created_at_has_no_zone(ledger: PositionLedger, query: Query) -> None:
    enter(ledger)
    ((opened, created, closed),) = query("SELECT opened_at, created_at, closed_at FROM monitoring.positions")
    if ledger.store.settings.kind == "sqlite":
        assert (opened, created, closed) == ("2025-10-22 18:50:40.981819",) * 2 + (None,)
    else:
        assert (opened, created, closed) == (START, START.replace(tzinfo=None), None)


def test_what_is_over_keeps_the_quantity_that_it_had(ledger: PositionLedger, query: Query) -> None:
    ledger.close(position_id=enter(ledger), exit_reason="take profit", avg_px_close="3.15")
    enter(ledger, START + timedelta(hours=1), "2")
    ledger.request_entry(
        symbol="BTCUSDT",
        exchange="binance",
        side="long",
        quantity="0.5",
        intent_id="sig-9",
        signal_price="60000",
        at=START + timedelta(hours=2),
    )
    found = query("SELECT quantity, entry_price, pnl, status, signal_id FROM monitoring.positions ORDER BY created_at")
    assert [tuple(Decimal(str(value)) for value in row[:3]) for row in found] == [
        (Decimal(61), Decimal("3.2295"), Decimal("4.8495")),
        (Decimal(61), Decimal("3.2295"), Decimal(0)),
        (Decimal("0.5"), Decimal(60000), Decimal(0)),
    ]
    assert [row[3:] for row in found] == [("closed", 5483266), ("active", 2), ("pending_entry", None)]


def test_a_rollback_on_its_way_is_still_open_to_old_queries(ledger: PositionLedger, query: Query) -> None:
    ledger.start_rollback(position_id=enter(ledger), reason="no stop")
    assert query(STATUSES) == [("entry_placed", 1)]


def test_the_id_of_an_imported_row_is_its_old_one_and_others_come_after(ledger: PositionLedger, query: Query) -> None:
    imported(ledger)
    enter(ledger, symbol="NEWUSDT")
    enter(ledger, symbol="OTHERUSDT", intent_id="1")
    found = query("SELECT id, symbol FROM monitoring.positions ORDER BY id")
    assert {2438, 2548, 31, 301} <= {number for number, _ in found}
    assert [symbol for _, symbol in found][-2:] == ["NEWUSDT", "OTHERUSDT"]
    assert found[-2][0] > 1_000_000_000_000
    ledger.rebuild()
    assert query("SELECT id, symbol FROM monitoring.positions ORDER BY id") == found, "they are the same for ever"


# -- the four checks after a deployment (L12), as the old project ran them -----------------------------------------


def test_offenders_are_none_where_a_ledger_decides(ledger: PositionLedger, query: Query) -> None:
    enter(ledger)
    ledger.close(position_id=enter(ledger, exchange="bybit"), exit_reason="x")
    enter(ledger, exchange="bybit", intent_id="2")
    assert query(OFFENDERS) == []


def test_offenders_are_listed_with_their_ids(ledger: PositionLedger, query: Query) -> None:
    enter(ledger)
    enter(ledger, intent_id="2", account="sub1")  # the old table had no accounts
    ((symbol, exchange, count, ids),) = query(OFFENDERS)
    assert (symbol, exchange, count) == ("APTUSDT", "binance", 2)
    known = [number for (number,) in query("SELECT id FROM monitoring.positions ORDER BY id")]
    assert (json.loads(ids) if isinstance(ids, str) else ids) == known


def test_rollbacks_for_a_duplicate_in_24_hours(ledger: PositionLedger, query: Query) -> None:
    now = datetime.now(UTC)
    roll_back(ledger, enter(ledger, now - timedelta(hours=25)), "duplicate key value", now - timedelta(hours=24.9))
    roll_back(ledger, enter(ledger, now - timedelta(hours=1), "2"), "no stop", now)
    assert query(ROLLED_BACK) == [(0,)]
    roll_back(ledger, enter(ledger, now - timedelta(minutes=30), "3"), "duplicate key value", now)
    assert query(ROLLED_BACK) == [(1,)]


@pytest.mark.parametrize(("apart", "pairs"), [(9.5, 1), (10.5, 0)])
def test_pairs_that_were_created_within_ten_seconds(
    ledger: PositionLedger, query: Query, apart: float, pairs: int
) -> None:
    ledger.close(position_id=enter(ledger), exit_reason="x", at=START + timedelta(seconds=2))
    enter(ledger, START + timedelta(seconds=apart), "2")
    found = query(PAIRS)
    assert len(found) == pairs
    assert all(symbol == "APTUSDT" and first < second for symbol, first, second in found)


def test_counts_by_status(ledger: PositionLedger, query: Query) -> None:
    imported(ledger)
    enter(ledger, symbol="NEWUSDT")
    counts = {str(status): int(count) for status, count in query(STATUSES)}
    assert counts["rolled_back"] == 4
    assert set(counts) <= {"active", "closed", "entry_placed", "rolled_back"}
    assert sum(counts.values()) == len(ledger.positions())


# -- living with a rebuild -----------------------------------------------------------------------------------------


def test_the_view_shows_the_rebuilt_table(ledger: PositionLedger, query: Query) -> None:
    enter(ledger)
    for _ in range(2):
        assert ledger.rebuild().differences == 0
    enter(ledger, symbol="NEWUSDT")
    assert query(STATUSES) == [("active", 2)]


def test_a_view_of_before_the_orders_had_a_table_shows_what_it_showed(
    ledger: PositionLedger, query: Query, ledger_url: str
) -> None:
    position_id = enter(ledger)
    ledger.handle(SetTakeProfit.of(position_id=position_id, price="3", quantity="30", exchange_order_id="t"))
    if ledger_url.startswith("sqlite"):
        orders, price = "json_each(p.orders) AS o", "json_extract(o.value, '$.price')"
        name = "monitoring_positions"
    else:
        orders, price = "pg_catalog.json_array_elements(p.orders::json) AS o", "(o.value ->> 'price')"
        name = "monitoring.positions"
    for statement in (
        "ALTER TABLE positions ADD COLUMN orders TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE positions ADD COLUMN outdated INTEGER",  # as migration 8 marks it
        f"DROP VIEW {name}",
        f"CREATE VIEW {name} AS SELECT (SELECT min({price}) FROM {orders} ) AS take_profit_price FROM positions AS p",
    ):
        tell(ledger_url, statement)
    PositionLedger.connect(ledger_url).disconnect()  # it is rebuilt
    assert query("SELECT take_profit_price FROM monitoring.positions") == [("3",)]
    PositionLedger.connect(ledger_url, create=False).disconnect()


def tell(url: str, statement: str) -> None:
    where = Settings.read(url).where
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(where, isolation_level=None)) as file:
            file.execute(statement)
    else:
        with psycopg.connect(where, autocommit=True) as server:
            server.execute(statement.encode())


def test_making_the_view_again_is_no_harm(ledger: PositionLedger, query: Query, ledger_url: str) -> None:
    enter(ledger)
    assert run(ledger_url, "init", "--legacy-view").returncode == 0
    assert query(STATUSES) == [("active", 1)]


def test_a_ledger_without_the_view_rebuilds_as_well(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        enter(ledger)
        assert ledger.rebuild().rows == 1


def test_a_name_that_is_taken_is_refused(ledger_url: str) -> None:
    name = "positions" if ledger_url.startswith("sqlite") else "public.positions"
    done = run(ledger_url, "init", "--legacy-view", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{name} is there, and is no view" in done.stderr
    with PositionLedger.connect(ledger_url, create=False) as ledger:
        enter(ledger)


@pytest.mark.parametrize("name", ["", "a.b.c", 'x"; DROP TABLE positions; --', "1x"])
def test_what_is_no_name_is_a_mistake_in_usage(ledger_url: str, name: str) -> None:
    assert run(ledger_url, "init", "--legacy-view", name).returncode == 2


# -- PostgreSQL: who may look --------------------------------------------------------------------------------------


@pytest.fixture
def dashboard(postgres_url: str) -> Iterator[str]:
    """A role that may look at the view, and at nothing else."""
    with PositionLedger.connect(postgres_url):
        make_view(postgres_url)
    grants = ("GRANT USAGE ON SCHEMA monitoring TO {}", "GRANT SELECT ON monitoring.positions TO {}")
    with made_role(postgres_url, *grants) as name:
        yield name


def test_a_dashboard_that_may_only_read_the_view_still_may_after_a_rebuild(postgres_url: str, dashboard: str) -> None:
    with (
        PositionLedger.connect(postgres_url) as ledger,
        psycopg.connect(as_role(postgres_url, dashboard), autocommit=True) as reader,
    ):
        for number in range(3):
            enter(ledger, symbol=f"S{number}USDT")
            assert reader.execute("SELECT count(*), min(id) FROM monitoring.positions").fetchone() == (
                number + 1,
                1_000_000_000_001,
            )
            ledger.rebuild()
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute("SELECT * FROM public.positions")


def test_a_view_of_the_view_and_options_of_views_outlive_a_rebuild(postgres_url: str, dashboard: str) -> None:
    del dashboard
    with PositionLedger.connect(postgres_url) as ledger, psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("CREATE VIEW open_ones AS SELECT * FROM monitoring.positions WHERE status = 'active'")
        owner.execute("CREATE VIEW safe WITH (security_barrier = true) AS SELECT position_id FROM positions")
        enter(ledger)
        ledger.rebuild()
        enter(ledger, symbol="BTCUSDT")
        assert owner.execute("SELECT count(*) FROM open_ones").fetchone() == (2,)
        assert owner.execute("SELECT count(*) FROM safe").fetchone() == (2,)
        options = owner.execute("SELECT reloptions FROM pg_class WHERE relname = 'safe'").fetchone()
        assert options == (["security_barrier=true"],)


def test_dashboards_and_bots_never_notice_a_rebuild(postgres_url: str, dashboard: str) -> None:
    seen: list[int] = []
    failures: list[Exception] = []
    ended = threading.Event()

    def look() -> None:
        try:
            with psycopg.connect(as_role(postgres_url, dashboard), autocommit=True, prepare_threshold=1) as reader:
                while not ended.is_set():
                    found = reader.execute("SELECT count(*), sum(id) FROM monitoring.positions").fetchone()
                    assert found is not None
                    seen.append(found[0])
        except (psycopg.Error, AssertionError) as error:
            failures.append(error)

    with PositionLedger.connect(postgres_url) as ledger, PositionLedger.connect(postgres_url) as bot:
        enter(ledger)
        readers = [threading.Thread(target=look) for _ in range(3)]
        for reader in readers:
            reader.start()
        for number in range(8):
            enter(bot, symbol=f"S{number}USDT")
            ledger.rebuild()
            eventually(lambda: max(seen) == len(ledger.positions()) or bool(failures))
        ended.set()
        for reader in readers:
            reader.join(30)
    assert failures == []
    assert set(range(2, 10)) <= set(seen) <= set(range(1, 10))


def test_a_rebuild_waits_for_nobody_who_reads_the_log(postgres_url: str, dashboard: str) -> None:
    del dashboard
    impatient = with_options(postgres_url, "timeout=1")
    with PositionLedger.connect(impatient) as ledger, psycopg.connect(postgres_url) as auditor:
        enter(ledger)
        assert auditor.execute("SELECT count(*) FROM ledger_events").fetchone() == (
            4,
        )  # and its transaction stays open
        assert ledger.rebuild().rows == 1


def test_the_runtime_role_may_read_the_view(postgres_url: str, dashboard: str) -> None:
    bot = f"bot_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(bot)))
        try:
            done = run(postgres_url, "init", "--runtime-role", bot, "--legacy-view")
            assert done.returncode == 0, done.stderr
            with PositionLedger.connect(as_role(postgres_url, bot)) as ledger:
                enter(ledger)
            with psycopg.connect(as_role(postgres_url, bot)) as reader:
                assert reader.execute("SELECT count(*) FROM monitoring.positions").fetchone() == (1,)
        finally:
            owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(bot)))
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(bot)))
    del dashboard


def test_the_printed_sql_makes_the_view(postgres_url: str) -> None:
    printed = run(postgres_url, "init", "--legacy-view", "old.table_of_positions", "--print-sql")
    assert printed.returncode == 0, printed.stderr
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(printed.stdout.encode())
    with PositionLedger.connect(postgres_url, create=False) as ledger:
        enter(ledger)
    with psycopg.connect(postgres_url) as reader:
        assert reader.execute("SELECT status FROM old.table_of_positions").fetchall() == [("active",)]


def test_the_table_of_the_old_bot_itself_is_never_replaced(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("CREATE SCHEMA monitoring")
        owner.execute("CREATE TABLE monitoring.positions (id bigint)")
    done = run(postgres_url, "init", "--legacy-view")
    assert done.returncode == 1
    assert "monitoring.positions is there, and is no view; rename it" in done.stderr


def test_an_import_does_not_take_the_view_for_the_old_table(postgres_url: str) -> None:
    PositionLedger.connect(postgres_url).disconnect()
    make_view(postgres_url)
    with pytest.raises(UnreadableDump):
        list(read_table(postgres_url))
