"""Rows as the databases return them: the fast reader gives the same as pydantic, and refuses the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from msgspec import structs

from domain.errors import HistoryDamaged
from infrastructure.event_store.port import Store
from infrastructure.event_store.sql import stored_row as module
from infrastructure.event_store.sql.sql_store import SqlStore
from infrastructure.event_store.sql.stored_row import listed_row, stored_row
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from projections.listed_row import LISTED_COLUMNS, ListedRow, listed_from
from projections.positions import COLUMNS, PositionRow, row_from
from tests.infrastructure.generated_ledger import fill

ODD: tuple[Any, ...] = (
    *(None, 0, 1, 2, -1, True, 1.5, "", " 1", "1e3", "1_0", "NaN", "x", b"x", [], {}, Decimal("NaN"), Decimal(1)),
    *(
        "{}",
        "[]",
        '{"USDT": 1}',
        '{"USDT": "1"}',
        '{"USDT": "inf"}',
        '[{"name": "entry"}]',
        "[1]",
        "[{}]",
        "[",
        "infinity",
    ),
    *('[{"name": "entry", "opened_at": "soon"}]', "2025-10-22", "2025-10-22T18:50:40Z", "2025-10-22T18:50:40.980000Z"),
    *("2025-10-22T24:00:00.000000Z", datetime(2025, 10, 22), "closed", "LONG", "long", "bot", "sync"),  # noqa: DTZ001 - it names no zone
)


@pytest.fixture
def store(ledger_url: str) -> Iterator[Store]:
    store = open_store(Settings.read(ledger_url))
    fill(store, 60, streams=30)
    yield store
    store.close()


def raw_rows(store: Store) -> list[tuple[Any, ...]]:
    assert isinstance(store, SqlStore)
    return list(store._connections.rows(store.dialect.row("positions")))


def test_a_row_is_read_as_pydantic_reads_it_and_without_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    thorough = [row_from(values) for values in raw_rows(store)]
    monkeypatch.setattr(module, "row_from", None)
    rows = [stored_row(values) for values in raw_rows(store)]
    assert rows == thorough and len(rows) > 50
    assert [row.as_json() for row in rows] == [row.as_json() for row in thorough]
    assert any(row.orders for row in rows) and any(row.fees_other for row in rows) and any(row.cash for row in rows)


@pytest.mark.parametrize("column", COLUMNS)
def test_what_is_odd_is_what_pydantic_takes_it_for_or_refused(column: str) -> None:
    written = write_one()
    for odd in ODD:
        values = [odd if name == column else value for name, value in zip(COLUMNS, written, strict=True)]
        assert outcome(stored_row, values) == outcome(row_from, values), odd


def test_a_row_of_a_list_says_what_the_row_says(store: Store) -> None:
    for open_only in (False, True):
        rows, listed = list(store.rows(open_only=open_only)), list(store.listed(open_only=open_only))
        assert [structs.asdict(each) for each in listed] == [
            {name: getattr(row, name) for name in LISTED_COLUMNS} for row in rows
        ]
        assert {type(each) for each in listed} == {ListedRow}
    assert 0 < len(listed) < 50


@pytest.mark.parametrize("column", LISTED_COLUMNS)
def test_what_is_odd_in_a_list_is_what_pydantic_takes_it_for_or_refused(column: str) -> None:
    written = [value for name, value in zip(COLUMNS, write_one(), strict=True) if name in LISTED_COLUMNS]
    for odd in ODD:
        values = [odd if name == column else value for name, value in zip(LISTED_COLUMNS, written, strict=True)]
        assert outcome(listed_row, values) == outcome(listed_from, values), odd


@cache
def write_one() -> tuple[Any, ...]:
    """A row with something in every column that may have it."""
    store = open_store(Settings.read("sqlite:///:memory:"))
    fill(store, 40, streams=20)
    rows = raw_rows(store)
    store.close()
    return max(rows, key=lambda values: sum(value is not None for value in values))


def outcome(read: Any, values: list[Any]) -> PositionRow | ListedRow | str:
    try:
        row: PositionRow | ListedRow = read(values)
    except HistoryDamaged as refused:
        return refused.message
    return row
