"""The rows of projections in the order of streams: a span of streams yields all of its rows, and reads no others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from infrastructure.event_store.checkpoints import Checkpoint, ProjectedRow
from infrastructure.event_store.port import Store
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from scripts.benchmarks.workload.generated import generate, write

STREAMS = ["", "APT.binance", "APT.binance!", 'APT.binance"x', "APT.binance.sub", "APT.binance:LONG", "XMR.bybit"]
"""The third and the fourth are no keys, and what is stored of them comes before what is stored of the second."""


@pytest.fixture
def store(ledger_url: str) -> Iterator[Store]:
    store = open_store(Settings.read(ledger_url))
    tracking = store.tracking("statistics")
    rows = [ProjectedRow(f"{stream}#{cycle}", None, "{}") for stream in STREAMS for cycle in (1, 2, 10)]
    assert tracking.advance(tracking.cursor(), 1, rows)
    yield store
    store.close()


def test_every_row_is_in_the_span_of_its_stream_and_in_no_other(store: Store) -> None:
    tracking = store.tracking("statistics")
    everything = [each.position_id for each in tracking.by_stream(1, "", None)]
    assert everything == [f"{stream}#{cycle}" for stream in STREAMS for cycle in (1, 10, 2)]
    for ends in (
        [*STREAMS, None],
        ["", "APT.binance!", None],
        ["", "APT.binance:LONG", None],
        ["", "APT", "XMR", None],
    ):
        spans = [[*tracking.by_stream(1, first or "", end)] for first, end in pairwise(ends)]
        assert [each.position_id for span in spans for each in span] == everything


def test_how_far_it_is_behind_is_counted_from_every_place(store: Store) -> None:
    tracking = store.tracking("statistics")
    assert tracking.behind(Checkpoint(1, 0)) == tracking.behind(Checkpoint(1, 7)) == 0
    write(store, generate(3))
    *_, last = store.log()
    store.restore([last._replace(id=last.id + 5, originator_id="Z.binance")], after=last.id, rows=(), rejections=())
    places = [event.id for event in store.log()]
    for nid in range(places[-1] + 2):
        assert tracking.behind(Checkpoint(1, nid)) == sum(place > nid for place in places)
