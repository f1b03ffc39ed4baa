"""Rows of cycles in the order of streams: a span yields all of its rows; SQLite sorts none and reads no others."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alteration import altered
from infrastructure.event_store.checkpoints import StoredRow
from infrastructure.event_store.sql.stream_order import in_stream_order
from infrastructure.event_store.sqlite.connections import Connections
from infrastructure.event_store.vocabulary.places import ALL_STREAMS, StreamSpan
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from scripts.benchmarks.workload.generated import generate

STREAMS = ["", "APT.binance", "APT.binance!", 'APT.binance"x', "APT.binance.sub", "APT.binance:LONG", "XMR.bybit"]
"""The third and the fourth are no keys, and what is stored of them comes before what is stored of the second."""


@given(st.lists(st.tuples(st.text('A!"$%.:', max_size=5), st.integers(1, 12)), unique=True))
def test_rows_by_their_ids_come_out_by_their_streams(cycles: list[tuple[str, int]]) -> None:
    rows = [StoredRow(f"{stream}#{cycle}", None, "") for stream, cycle in cycles]
    by_id = sorted(rows, key=lambda row: row.position_id)
    by_stream = sorted(rows, key=lambda row: (row.stream, row.position_id))
    assert [*in_stream_order(by_id)] == by_stream


def test_what_is_in_order_waits_for_nothing() -> None:
    def rows() -> Iterator[StoredRow]:
        yield StoredRow("APT.binance#1", None, "")
        raise AssertionError("read before it was asked for")

    assert next(in_stream_order(rows())).stream == "APT.binance"


def test_every_position_is_in_the_span_of_its_stream_and_in_no_other(ledger_url: str) -> None:
    row = next(generate(1)).rows[0]
    rows = [
        altered(row, stream=stream, cycle=cycle, position_id=f"{stream}#{cycle}", status="closed")
        for stream in STREAMS
        for cycle in (1, 2, 10)
    ]
    with closing(open_store(Settings.read(ledger_url))) as store:
        store.restore((), after=0, rows=rows, rejections=())
        everything = [each.position_id for each in store.rows_by_stream()]
        assert everything == [f"{stream}#{cycle}" for stream in STREAMS for cycle in (1, 10, 2)]
        for ends in ([*STREAMS, None], ["", "APT.binance!", None], ["", "APT", "XMR", None]):
            spans = [[*store.rows_by_stream(StreamSpan(first or "", end))] for first, end in pairwise(ends)]
            assert [each.position_id for span in spans for each in span] == everything


@pytest.mark.parametrize("span", [ALL_STREAMS, StreamSpan("APT.binance", "XMR.bybit")])
def test_a_file_finds_them_by_their_keys_and_sorts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, span: StreamSpan
) -> None:
    plans: list[list[str]] = []
    with closing(open_store(Settings.read(f"sqlite:///{tmp_path}/ledger.db"))) as store:
        tracking = store.tracking("statistics")
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:

            def planned(_: Connections, statement: str, values: Any) -> Iterator[tuple[Any, ...]]:
                plans.append([step[-1] for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)])
                return iter(())

            monkeypatch.setattr(Connections, "scan", planned)
            assert not [*store.rows_by_stream(span), *tracking.by_stream(1, *span)]
    bounds = "position_id>?" if span.end is None else "position_id>? AND position_id<?"
    rows, facts = plans
    assert any(f"positions USING PRIMARY KEY ({bounds})" in step for step in rows)
    assert any(f"(projection=? AND generation=? AND {bounds})" in step for step in facts)
    assert not [step for step in rows + facts if "TEMP B-TREE" in step]
