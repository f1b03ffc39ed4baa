"""A process that goes on when a later version has migrated its ledger: whatever it would write is refused."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from domain.commands.requests import RequestEntry
from domain.errors import SchemaMismatch
from infrastructure.event_store.port import WatchMemory
from infrastructure.event_store.sqlite.schema import SCHEMA_VERSION
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from infrastructure.settings import Settings
from projections.projection import STATISTICS
from tests.infrastructure.event_store.postgres.load import eventually

LATER = SCHEMA_VERSION + 1


def enter(symbol: str, intent_id: str = "1") -> RequestEntry:
    return RequestEntry(symbol=symbol, exchange="x", side="long", quantity="1", intent_id=intent_id)


def migrate(url: str) -> None:
    """What a migration of a later version leaves behind, in the ledger's own count of them."""
    settings = Settings.read(url)
    if settings.kind == "sqlite":
        with closing(sqlite3.connect(settings.where)) as file:
            file.execute(f"PRAGMA user_version = {LATER}")
    else:
        with psycopg.connect(settings.where) as database:
            database.execute("INSERT INTO ledger_schema (version, name) VALUES (%s, 'later')", (LATER,))


WRITES: dict[str, Callable[[PositionLedger], object]] = {
    "an append that begins a stream": lambda ledger: ledger.handle(enter("BUSDT")),
    "an append that goes on": lambda ledger: ledger.set_stop_loss(
        position_id="AUSDT.x#1", stop_price="1", exchange_order_id="s"
    ),
    "a long append": lambda ledger: ledger.handle_many([enter(f"S{number}USDT") for number in range(20)]),
    "a refused duplicate": lambda ledger: ledger.handle(enter("AUSDT", "2")),
    "an import": lambda ledger: ledger.store.restore(
        [], after=ledger.store.high_water_mark(), rows=ledger.positions(), rejections=[]
    ),
    "a watch": lambda ledger: ledger.store.remember("w", WatchMemory(1, "{}")),
    "a follower": lambda ledger: Projector(ledger.store, STATISTICS).catch_up(),
    "a rebuild": lambda ledger: ledger.rebuild(),
}


@pytest.mark.parametrize("write", WRITES)
def test_an_earlier_version_writes_nothing_into_a_ledger_of_a_later_one(ledger_url: str, write: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.handle(enter("AUSDT"))
        ledger.record_entry_placed(position_id="AUSDT.x#1", exchange_order_id="1", filled_qty="1", avg_px="2")
        before = [*ledger.store.log()], ledger.positions(), ledger.rejections()
        migrate(ledger_url)
        with pytest.raises(
            SchemaMismatch, match=f"has schema version {LATER}, later than the {SCHEMA_VERSION} of this"
        ):
            WRITES[write](ledger)
        assert ([*ledger.store.log()], ledger.positions(), ledger.rejections()) == before


def test_a_rebuild_that_began_before_replaces_no_table(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.handle(enter("AUSDT"))
        with ledger.store.rebuilding() as table:
            migrate(ledger_url)
            with pytest.raises(SchemaMismatch, match="later than"):
                table.swap(list)
        assert [row.symbol for row in ledger.positions()] == ["AUSDT"]


def test_whoever_may_not_write_is_still_told_who_holds_the_slot(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.handle(enter("AUSDT"))
        migrate(ledger_url)
        assert ledger.handle(enter("AUSDT")).outcome == "replayed"


def test_a_migration_leaves_nothing_of_a_follower_that_is_at_work(postgres_url: str) -> None:
    """What it writes is folded by earlier rules, and what is folded anew would be added to that."""
    with PositionLedger.connect(postgres_url) as ledger:
        ledger.handle_many([enter("AUSDT"), enter("BUSDT")])
        Projector(ledger.store, STATISTICS).catch_up()
    with psycopg.connect(postgres_url, autocommit=True) as owner, psycopg.connect(postgres_url) as follower:
        owner.execute("DELETE FROM ledger_schema WHERE version = %s", (SCHEMA_VERSION,))
        ((late, row),) = owner.execute(
            "DELETE FROM projection_rows WHERE position_id = 'BUSDT.x#1' RETURNING generation, row"
        ).fetchall()
        follower.execute("UPDATE projections SET nid = nid WHERE name = 'statistics'")
        follower.execute(
            "INSERT INTO projection_rows (projection, generation, position_id, row) VALUES (%s, %s, %s, %s)",
            ("statistics", late, "BUSDT.x#1", row),
        )
        with ThreadPoolExecutor(1) as other:
            migrating = other.submit(lambda: PositionLedger.connect(postgres_url).disconnect())
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
            eventually(lambda: owner.execute(waiting, (follower.info.backend_pid,)).fetchone() == (1,))
            follower.execute("UPDATE projection_rows SET row = row WHERE position_id = 'AUSDT.x#1'")
            follower.commit()
            migrating.result()
        assert owner.execute("SELECT position_id FROM projection_rows").fetchall() == []
