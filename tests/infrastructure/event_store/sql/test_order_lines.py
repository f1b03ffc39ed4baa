"""Orders in a table of their own: an append writes those that it changed, and every reader finds all of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import psycopg
import pytest

from domain.errors import HistoryDamaged
from domain.orders.cycle_orders import Orders
from infrastructure.event_store.sql.order_lines import lines_of
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from projections.positions import PositionRow, orders_text

Query = Callable[[str], list[tuple[Any, ...]]]
KEY: Final[dict[str, Any]] = {"symbol": "GRIDUSDT", "exchange": "bybit"}
GRID: Final = "GRIDUSDT.bybit#1"


@pytest.fixture
def query(ledger_url: str) -> Query:
    """Whoever reads the tables in SQL."""
    settings = Settings.read(ledger_url)

    def ask_sqlite(statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(settings.where, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def ask_postgres(statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(settings.where, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    return ask_sqlite if settings.kind == "sqlite" else ask_postgres


def fill(ledger: PositionLedger, order: str, trade_id: str) -> PositionRow:
    ledger.record_entry_fill(position_id=GRID, exchange_order_id=order, trade_id=trade_id, last_qty="1", last_px="100")
    row = ledger.position(GRID)
    assert row is not None
    return row


def grid(ledger: PositionLedger, orders: int = 3) -> PositionRow:
    ledger.request_entry(**KEY, side="long", quantity="100", intent_id="g")
    for number in range(orders):
        row = fill(ledger, f"e{number}", f"t{number}")
    return row


def test_an_order_that_is_as_it_was_is_not_written() -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        row = grid(ledger)
    places = [line.place for line in lines_of([row], {})]
    assert places == [0, 1, 2]
    assert lines_of([row], {GRID: row}) == []
    first, *others = row.orders.values()
    fewer = replace(row, orders=Orders.of(others))
    assert lines_of([row], {GRID: fewer}) == [(GRID, 0, first.text)]


def test_an_append_leaves_the_other_orders_alone(ledger_url: str, query: Query) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        grid(ledger)
        query('UPDATE positions_orders SET body = \'{"name": "entry.2"}\' WHERE place = 1')
        fill(ledger, "e2", "more")
        assert query("SELECT body FROM positions_orders WHERE place = 1") == [('{"name": "entry.2"}',)]
        assert [(each.kind, each.where) for each in verify(ledger.store).findings] == [("row", GRID)]
        assert ledger.rebuild().differences == 1
        assert verify(ledger.store).ok


def test_a_list_does_not_read_the_orders_that_it_does_not_show(ledger_url: str, query: Query) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        grid(ledger)
        query("UPDATE positions_orders SET body = 'gone' WHERE place = 1")
        assert [row.position_id for row in ledger.store.listed()] == [GRID]
        with pytest.raises(HistoryDamaged, match=GRID):
            ledger.positions()


def test_sql_finds_every_order_in_its_place(ledger_url: str, query: Query) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        row = grid(ledger, orders=12)
        asked = "SELECT body FROM positions_orders ORDER BY position_id, place"
        bodies = [body for (body,) in query(asked)]
        assert f"[{','.join(bodies)}]" == orders_text(row.orders)
        assert ledger.rebuild().differences == 0
        assert [body for (body,) in query(asked)] == bodies


def test_a_restart_goes_on_where_the_orders_stood(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        grid(ledger)
    with PositionLedger.connect(ledger_url) as ledger:
        row = fill(ledger, "e1", "more")
        assert [str(order.traded_qty) for order in row.orders.values()] == ["1", "2", "1"]
        assert verify(ledger.store).ok
        assert ledger.rebuild().differences == 0


def test_more_orders_than_one_statement_takes_change_at_once(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.request_entry(**KEY, side="long", quantity="12", intent_id="g")
        ledger.record_entry_placed(position_id=GRID, exchange_order_id="e", filled_qty="12", avg_px="100")
        for number in range(12):
            ledger.set_stop_loss(position_id=GRID, stop_price="90", quantity="1", exchange_order_id=f"s{number}")
        ledger.close(position_id=GRID, exit_reason="manual", avg_px_close="101")
        row = ledger.position(GRID)
        after = fill(ledger, "late", "t1")  # it is open again, and what protected it is gone
        assert row is not None
        assert sum(after.orders[name] != order for name, order in row.orders.items()) > 8
        assert verify(ledger.store).ok
        assert ledger.rebuild().differences == 0
