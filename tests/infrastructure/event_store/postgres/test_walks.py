"""A walk along a table reads only the rows that it returns, whatever statistics the planner has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest

from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.places import ALL_STREAMS, AsOf
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from infrastructure.operations.health import DAY, Question, examine
from projections.projection import STATISTICS
from projections.reconciliation.result import ReconciliationRules
from tests.databases import Databases
from tests.infrastructure.generated_ledger import fill
from tests.urls import with_options

EVENTS = 8_000
BATCH = 500
FETCHED = 2_000
"""Rows that a cursor on the server fetches at once: whoever stops before the end has read so many more."""
LOOKED_UP = 2 * 4
"""How often `verify` reads an event beside its walk: once, and by a lookup, for each of four indexes."""

_READ = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = %s"


def rows_read(store: Store, url: str, walk: Callable[[], int], table: str = "ledger_events") -> tuple[int, int]:
    """How many rows of a table the server looked at for a walk, and how many the walk returned."""

    def counted() -> int:
        assert list(store._connections.rows("SELECT pg_stat_force_next_flush()")) is not None  # type: ignore[attr-defined] # its one connection
        assert list(store._connections.rows("SELECT 1")) == [(1,)]  # type: ignore[attr-defined] # after which it has flushed
        with psycopg.connect(url) as other:
            found = other.execute(_READ, (table,)).fetchone()
        assert found is not None
        count: int = found[0]
        return count

    before = counted()
    returned = walk()
    return counted() - before, returned


def in_batches(store: Store) -> int:
    count = after = 0
    while batch := list(store.log(after=after, limit=BATCH)):
        count, after = count + len(batch), batch[-1].id
    return count


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("analyzed", [False, True])
def test_no_walk_reads_more_than_it_returns(postgres_url: str, mode: str, *, analyzed: bool) -> None:
    options = f"pool_size=1&timeout=60&options=-c%20plan_cache_mode%3D{mode}"
    with PositionLedger.connect(with_options(postgres_url, options)) as ledger:
        store = ledger.store
        written = fill(store, EVENTS, events=EVENTS).events
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("ALTER TABLE ledger_events SET (autovacuum_enabled = false)")
            if analyzed:
                other.execute("ANALYZE ledger_events")
        walks: dict[str, tuple[Callable[[], int], float]] = {
            "the log in batches": (lambda: in_batches(store), 1.3),
            "the log": (lambda: sum(1 for _ in store.log()), 1.3),
            "streams": (lambda: sum(1 for _ in store.streams()), 1.3),
            "streams in batches": (lambda: sum(map(len, store.batches(ALL_STREAMS, BATCH))), 1.3),
            "statistics": (lambda: Projector(store, STATISTICS).catch_up(), 1.3),
            # counted once, to part the streams, of each part of which up to a batch more is read
            "rebuild": (lambda: ledger.rebuild(batch_events=BATCH // 5).events, 2.3),
            "verify": (lambda: verify(store).events, 1.3 + LOOKED_UP),
        }
        for name, (walk, times) in walks.items():
            read, returned = rows_read(store, postgres_url, walk)
            assert written <= returned <= written + 1 and read <= times * written, name


@dataclass(frozen=True)
class Filled:
    """A ledger for several tests that only read, and whether the planner knows what is in its tables."""

    url: str
    events: int
    analyzed: bool


@pytest.fixture(scope="module", params=[False, True], ids=["new", "analyzed"])
def filled(databases: Databases, request: pytest.FixtureRequest) -> Iterator[Filled]:
    with databases.one() as url:
        with PositionLedger.connect(url) as ledger:
            written = fill(ledger.store, EVENTS, events=EVENTS)
            Projector(ledger.store, STATISTICS).catch_up()
        with psycopg.connect(url, autocommit=True) as other:
            for table in ("ledger_events", "positions", "positions_orders", "projection_rows"):
                other.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)".encode())
                if request.param:
                    other.execute(f"ANALYZE {table}".encode())
        yield Filled(url, written.events, request.param)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_no_question_reads_more_than_it_returns(filled: Filled, mode: str) -> None:
    options = f"pool_size=1&timeout=60&options=-c%20plan_cache_mode%3D{mode}"
    with PositionLedger.connect(with_options(filled.url, options)) as ledger:
        store = ledger.store
        rows = list(store.rows())
        orders = sum(len(row.orders) for row in rows)
        late, late_row = sorted(row.updated_at for row in rows)[-50], rows[-1]
        tracking, generation = store.tracking(STATISTICS.name), 1
        questions: dict[str, tuple[str, Callable[[], int], int]] = {
            "a history": ("ledger_events", lambda: len(list(store.history(rows[0].stream))), 0),
            "a cycle": ("ledger_events", lambda: len(list(store.history(late_row.stream, late_row.cycle))), 10),
            "as of a place": ("ledger_events", lambda: len(list(store.log(as_of=AsOf(nid=EVENTS // 2)))), FETCHED),
            "rows": ("positions", lambda: len(list(store.rows_by_stream())), 0),
            "orders": ("positions_orders", lambda: len(list(store.rows_by_stream())) and orders, 0),
            "statistics": ("projection_rows", lambda: len(list(tracking.by_stream(generation, "", None))), 0),
        }
        # Of a table that it knows nothing of, the planner takes either index for as good; and for a time that it is not
        # told it expects a third of the table, so that it goes on making a plan for each time.
        if filled.analyzed and mode == "force_custom_plan":
            span = sorted({row.stream for row in rows})[3:5]
            questions["of a span"] = ("projection_rows", lambda: len(list(tracking.by_stream(generation, *span))), 0)
            questions["of late"] = ("projection_rows", lambda: len(list(tracking.lasting(generation, late))), 0)
        for question, (table, asked, ahead) in questions.items():
            read, returned = rows_read(store, filled.url, asked, table)
            assert 0 < returned <= max(filled.events, orders), question
            assert read <= 1.3 * returned + ahead, (question, read, returned)


def test_a_report_of_a_day_reads_no_row_of_a_cycle_that_is_over(postgres_url: str) -> None:
    options = "pool_size=1&timeout=60&options=-c%20enable_seqscan%3Doff"  # a small table is read as a whole else
    with PositionLedger.connect(with_options(postgres_url, options)) as ledger:
        written = fill(ledger.store, EVENTS, events=EVENTS)
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("ANALYZE")
        rows = list(ledger.store.rows())
        left = sum(row.status.is_open or row.stray for row in rows)
        now = max(row.updated_at for row in rows)
        question = Question(now=now, age=DAY, rules=ReconciliationRules(), verifies=False, reports=True)
        began = {row.position_id for row in rows if now - DAY <= row.opened_at < now}

        def report() -> int:
            activity = examine(ledger, question).activity
            assert activity is not None and activity.criteria is not None
            return sum(activity.by_status.values())

        read, opened = rows_read(ledger.store, postgres_url, report, "positions")
        assert opened == len(began) > 0
        assert read <= 2 * left < written.cycles / 4


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_a_rebuild_reads_each_row_twice_to_compare_it(filled: Filled, mode: str) -> None:
    options = f"pool_size=1&timeout=60&options=-c%20plan_cache_mode%3D{mode}"
    with PositionLedger.connect(with_options(filled.url, options)) as ledger:
        store = ledger.store
        rows = list(store.rows())
        lines = sum(len(row.orders) for row in rows)
        with store.rebuilding() as table, psycopg.connect(filled.url, autocommit=True) as other:
            table.add(rows[1:])
            for name in (table.name, f"{table.name}_orders"):
                other.execute(f"ALTER TABLE {name} SET (autovacuum_enabled = false)".encode())
                if filled.analyzed:
                    other.execute(f"ANALYZE {name}".encode())
            for name, count in (("positions", len(rows)), ("positions_orders", lines)):
                read, differing = rows_read(store, filled.url, lambda: len(table.differing()), name)
                assert differing == 1 and 0 < read <= 2.1 * count, (name, read, count)
