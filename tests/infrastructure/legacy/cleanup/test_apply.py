"""Changing a legacy table on a real PostgreSQL: only what is as it was seen, all of it or nothing, and back again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from domain.errors import StoreUnavailable
from domain.values import Status
from infrastructure.legacy.cleanup.apply import LiveTable, TableChanged
from infrastructure.legacy.cleanup.backup import Backup, BackupRefused
from infrastructure.legacy.cleanup.plan import Mode, RowChange
from infrastructure.legacy.source.legacy_row import LegacyRow
from infrastructure.legacy.source.raw import UnreadableDump
from infrastructure.legacy.source.table import understood
from infrastructure.timezones import zone_of
from tests.infrastructure.legacy.source.test_legacy_database import make

NOW = datetime(2025, 10, 23, 12, tzinfo=UTC)
OPENED = "2025-10-22 18:50:40.981819+00"
ALL: LiteralString = "SELECT * FROM monitoring.positions ORDER BY id, symbol"
NEWS: LiteralString = "SELECT status, exit_reason, closed_at FROM monitoring.positions ORDER BY id"


@pytest.fixture
def url(postgres_url: str) -> str:
    make(postgres_url)
    for row in (
        "(2548, 'APTUSDT', 'binance', 'short', 61.8, 3.2333, true, 'entry_placed', '53190368')",
        "(2549, 'APT/USDT:USDT', 'Binance', 'sell', 61.0, 3.2295, false, 'active', NULL)",
    ):
        ask(
            postgres_url,
            "INSERT INTO monitoring.positions (id, symbol, exchange, side, quantity, entry_price, has_stop_loss,"
            f" status, exchange_order_id, opened_at) SELECT v.*, '{OPENED}' FROM (VALUES {row}) v",
        )
    return postgres_url


def ask(url: str, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def table(url: str) -> Iterator[LiveTable]:
    with LiveTable.at(url, None) as table:
        yield table


def duplicate(table: LiveTable) -> RowChange:
    kept, ghost = rows(table)
    return RowChange(Mode.DUPLICATES, ghost, Status.CLOSED, "duplicate of row 2548", (kept,))


def rows(table: LiveTable) -> list[LegacyRow]:
    return sorted(understood(table.rows()).rows, key=lambda row: row.name)


def nothing() -> None:
    pass


def test_a_change_moves_the_row_on_and_leaves_the_others(table: LiveTable, url: str) -> None:
    before = ask(url, ALL)
    table.apply([duplicate(table)], NOW, None, nothing)
    assert ask(url, NEWS) == [("entry_placed", None, None), ("closed", "cleanup: duplicate of row 2548", NOW)]
    assert ask(url, ALL)[0] == before[0]
    assert len(ask(url, ALL)) == 2


@pytest.mark.parametrize("row", [2548, 2549])
@pytest.mark.parametrize(
    "news", ["quantity = 7", "status = 'closed'", "exit_reason = 'x'", "has_stop_loss = NOT has_stop_loss"]
)
def test_nothing_is_done_when_a_row_or_the_one_that_is_kept_changed_meanwhile(
    table: LiveTable, url: str, row: int, news: str
) -> None:
    change = duplicate(table)
    ask(url, f"UPDATE monitoring.positions SET {news} WHERE id = %s", row)
    before = ask(url, ALL)
    called: list[int] = []
    with pytest.raises(TableChanged, match=f"row {row} of monitoring.positions changed since it was looked at"):
        table.apply([change], NOW, None, lambda: called.append(1))
    assert (ask(url, ALL), called) == (before, [])


def test_nothing_is_done_when_a_row_is_gone(table: LiveTable, url: str) -> None:
    change = duplicate(table)
    ask(url, "DELETE FROM monitoring.positions WHERE id = 2548")
    with pytest.raises(TableChanged):
        table.apply([change], NOW, None, nothing)
    assert ask(url, "SELECT status FROM monitoring.positions") == [("active",)]


def test_a_row_that_took_the_place_of_another_one_is_not_changed(table: LiveTable, url: str) -> None:
    change = duplicate(table)
    ask(url, "DELETE FROM monitoring.positions WHERE id = 2549")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM monitoring.positions")
    before = ask(url, "SELECT ctid FROM monitoring.positions")
    ask(
        url,
        "INSERT INTO monitoring.positions (id, symbol, exchange, side, quantity, status, opened_at)"
        f" VALUES (7, 'KASUSDT', 'binance', 'short', 1, 'active', '{OPENED}')",
    )
    assert ask(url, "SELECT ctid FROM monitoring.positions ORDER BY ctid") == [*before, ("(0,2)",)]
    with pytest.raises(TableChanged):
        table.apply([change], NOW, None, nothing)
    assert ask(url, NEWS) == [("active", None, None), ("entry_placed", None, None)]


def test_all_changes_are_made_or_none(table: LiveTable, url: str) -> None:
    ask(url, "ALTER TABLE monitoring.positions ADD CHECK (status <> 'failed')")
    kept, ghost = rows(table)
    changes = [
        RowChange(Mode.ORPHANED_DB, ghost, Status.CLOSED, "gone"),
        RowChange(Mode.INCOMPLETE, kept, Status.FAILED, "nothing came of it"),
    ]
    before = ask(url, ALL)
    with pytest.raises(StoreUnavailable, match=r"could not be changed: .*nothing was done"):
        table.apply(changes, NOW, None, nothing)
    assert ask(url, ALL) == before


def test_nothing_is_done_when_the_backup_fails(table: LiveTable, url: str) -> None:
    def fail() -> None:
        raise BackupRefused("the disk is full")

    before = ask(url, ALL)
    with pytest.raises(BackupRefused):
        table.apply([duplicate(table)], NOW, None, fail)
    assert ask(url, ALL) == before


def test_the_rows_are_locked_while_the_backup_is_written(table: LiveTable, url: str) -> None:
    def look() -> None:
        with pytest.raises(psycopg.errors.LockNotAvailable):
            ask(url, "SELECT id FROM monitoring.positions FOR UPDATE NOWAIT")

    table.apply([duplicate(table)], NOW, None, look)


def test_of_the_same_row_twice_one_is_changed(table: LiveTable, url: str) -> None:
    ask(url, "INSERT INTO monitoring.positions SELECT * FROM monitoring.positions WHERE id = 2549")
    twin = rows(table)[-1]
    table.apply([RowChange(Mode.DUPLICATES, twin, Status.CLOSED, "the same again")], NOW, None, nothing)
    assert [status for status, _, _ in ask(url, NEWS)].count("closed") == 1


def test_a_reason_is_cut_to_its_column(url: str) -> None:
    ask(url, "ALTER TABLE monitoring.positions ALTER exit_reason TYPE varchar(20)")
    with LiveTable.at(url, None) as narrow:
        narrow.apply([duplicate(narrow)], NOW, None, nothing)
    assert ask(url, NEWS)[1][1] == "cleanup: duplicate …"


def test_a_column_that_is_not_there_is_not_written(url: str) -> None:
    ask(url, "ALTER TABLE monitoring.positions DROP closed_at, DROP exit_reason, DROP updated_at")
    with LiveTable.at(url, None) as table:
        table.apply([duplicate(table)], NOW, None, nothing)
    assert ask(url, "SELECT status FROM monitoring.positions ORDER BY id") == [("entry_placed",), ("closed",)]


def test_a_closing_time_without_a_zone_is_written_in_the_one_that_is_named(url: str) -> None:
    ask(url, "ALTER TABLE monitoring.positions ALTER closed_at TYPE timestamp")
    with LiveTable.at(url, None) as table:
        change = duplicate(table)
        with pytest.raises(UnreadableDump, match="closed_at names no zone; say with --timezone"):
            table.apply([change], NOW, None, nothing)
        table.apply([change], NOW, zone_of("Europe/Moscow"), nothing)
    assert ask(url, NEWS)[1][2] == datetime(2025, 10, 23, 15)  # noqa: DTZ001 - as the column has it


def test_a_view_is_not_changed(url: str) -> None:
    ask(url, "CREATE VIEW public.positions AS SELECT * FROM monitoring.positions")
    with pytest.raises(UnreadableDump, match=r"public\.positions is no table"), LiveTable.at(url, "public.positions"):
        pass


def test_partitions_are_changed_where_they_are(postgres_url: str) -> None:
    ask(postgres_url, "CREATE SCHEMA monitoring")
    ask(
        postgres_url,
        "CREATE TABLE monitoring.positions (id bigint, symbol text, exchange text, side text, quantity numeric,"
        " status text, opened_at timestamptz, exit_reason text, closed_at timestamptz) PARTITION BY LIST (exchange)",
    )
    for exchange in ("binance", "bybit"):
        ask(
            postgres_url,
            f"CREATE TABLE monitoring.{exchange} PARTITION OF monitoring.positions FOR VALUES IN ('{exchange}')",
        )
        ask(
            postgres_url,
            f"INSERT INTO monitoring.positions VALUES (1, 'APTUSDT', '{exchange}', 'long', 1, 'active', '{OPENED}')",
        )
    with LiveTable.at(postgres_url, None) as table:
        (mine,) = [row for row in understood(table.rows()).rows if row.key.exchange == "bybit"]
        table.apply([RowChange(Mode.ORPHANED_DB, mine, Status.CLOSED, "gone")], NOW, None, nothing)
    found = ask(postgres_url, "SELECT exchange, status FROM monitoring.positions ORDER BY exchange")
    assert found == [("binance", "active"), ("bybit", "closed")]


# -- the backup -------------------------------------------------------------------------------------------------


def keep(table: LiveTable, change: RowChange, path: Path) -> None:
    Backup([change], table.name, "before the cut-over", table.restore, NOW).write(path)


def test_a_backup_has_the_whole_row_to_the_last_digit_and_puts_it_back(
    table: LiveTable, url: str, tmp_path: Path
) -> None:
    ask(
        url, "UPDATE monitoring.positions SET exit_reason = 'tab\there \\ ü', unrealized_pnl = 0.1234567890123456789012"
    )
    before, path = ask(url, ALL), tmp_path / "backup.json"
    change = duplicate(table)
    table.apply([change], NOW, None, lambda: keep(table, change, path))
    assert ask(url, ALL) != before
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert (saved["reason"], saved["table"]) == ("before the cut-over", "monitoring.positions")
    assert saved["rows"][0]["quantity"] == "61.00000000"
    assert saved["rows"][0]["unrealized_pnl"] == "0.1234567890123456789012"
    assert saved["changes"][0]["why"] == "duplicate of row 2548"
    restore(url, path)
    assert ask(url, ALL) == before


def restore(url: str, path: Path) -> None:
    """As psql would: the variable becomes a literal."""
    document = path.read_text(encoding="utf-8")
    ask(url, json.loads(document)["restore"].replace("%", "%%").replace(":'backup'", "%s"), document)


def test_a_row_that_somebody_changed_since_is_not_put_back(table: LiveTable, url: str, tmp_path: Path) -> None:
    change, path = duplicate(table), tmp_path / "backup.json"
    table.apply([change], NOW, None, lambda: keep(table, change, path))
    ask(url, "UPDATE monitoring.positions SET exit_reason = 'seen to by hand' WHERE id = 2549")
    restore(url, path)
    assert ask(url, NEWS)[1][:2] == ("closed", "seen to by hand")


def test_a_backup_never_replaces_another_one(table: LiveTable, tmp_path: Path) -> None:
    path = tmp_path / "backup.json"
    path.write_text("precious")
    with pytest.raises(BackupRefused, match="there is a file"):
        keep(table, duplicate(table), path)
    assert path.read_text() == "precious"
    with pytest.raises(BackupRefused, match="nothing was changed"):
        keep(table, duplicate(table), tmp_path / "nowhere" / "backup.json")
