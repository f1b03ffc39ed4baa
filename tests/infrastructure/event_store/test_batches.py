"""Streams in batches: the same events as all at once; the reader may write between two batches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infrastructure.event_store.port import Store
from infrastructure.event_store.vocabulary.places import ALL_STREAMS, StreamSpan
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from tests.infrastructure.generated_ledger import fill
from tests.urls import with_options

EVENTS = 600


@pytest.fixture
def store(ledger_url: str) -> Iterator[Store]:
    url = with_options(ledger_url, "pool_size=1") if ledger_url.startswith("postgresql") else ledger_url
    store = open_store(Settings.read(url))
    fill(store, EVENTS, streams=12, events=EVENTS)
    yield store
    store.close()


@pytest.mark.parametrize("size", [1, 7, EVENTS, 2 * EVENTS])
def test_batches_are_the_streams_of_a_span_in_order(store: Store, size: int) -> None:
    spans = [ALL_STREAMS, *store.spans(5), StreamSpan("GEN0", "GEN1"), StreamSpan("X", None), StreamSpan("A", "B")]
    for span in spans:
        batches = list(store.batches(span, size))
        assert [event for batch in batches for event in batch] == list(store.streams(span))
        assert all(0 < len(batch) <= size for batch in batches)


def test_whoever_has_a_batch_may_write_with_the_one_connection_there_is(store: Store) -> None:
    *_, last = store.log()
    for number, (event, *_) in enumerate(store.batches(ALL_STREAMS, EVENTS // 3)):
        later = event._replace(id=last.id + 1 + number, originator_id=f"Z{number}USDT.binance", originator_version=1)
        store.restore([later], after=last.id + number, rows=(), rejections=())
    assert store.count_events() > EVENTS
