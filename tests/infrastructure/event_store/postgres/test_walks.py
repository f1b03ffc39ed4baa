"""A walk along a table reads what it returns, whatever the planner knows of the table."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from infrastructure.event_store.port import Store
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from projections.projection import STATISTICS
from scripts.benchmarks.workload.generated import first, generate, write
from tests.urls import with_options

EVENTS = 8_000
BATCH = 500

_READ = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'ledger_events'"


def rows_read(store: Store, url: str, walk: Callable[[], int]) -> tuple[int, int]:
    """How many rows of the log the server looked at for a walk, and how many the walk returned."""

    def counted() -> int:
        assert list(store._select("SELECT pg_stat_force_next_flush()")) is not None  # type: ignore[attr-defined] # its one connection
        assert list(store._select("SELECT 1")) == [(1,)]  # type: ignore[attr-defined] # after which it has flushed
        with psycopg.connect(url) as other:
            found = other.execute(_READ).fetchone()
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
        written = write(store, first(generate(EVENTS), EVENTS)).events
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("ALTER TABLE ledger_events SET (autovacuum_enabled = false)")
            if analyzed:
                other.execute("ANALYZE ledger_events")
        for walk in (
            lambda: in_batches(store),
            lambda: sum(1 for _ in store.log()),
            lambda: sum(1 for _ in store.streams()),
            lambda: Projector(store, STATISTICS).catch_up(),
            lambda: ledger.rebuild().events,
        ):
            read, returned = rows_read(store, postgres_url, walk)
            assert written <= returned <= written + 1 and read <= 1.3 * written
