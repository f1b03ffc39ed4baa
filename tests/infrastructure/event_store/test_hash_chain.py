from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.event_store.hash_chain import GENESIS, chained, chained_on, expected
from infrastructure.event_store.records import EventRecord, IndexColumns, RecordedEvent
from tests import spec
from tests.samples import samples

PARTS: dict[str, Any] = {
    "previous": GENESIS,
    "stream": "APTUSDT.binance",
    "version": 1,
    "topic": "Activated.v1",
    "state": b'{"command_id":"c1"}',
}


def test_the_hash_is_sha256_over_length_and_bytes_of_every_part() -> None:
    parts = [bytes(32), b"APTUSDT.binance", b"1", b"Activated.v1", b'{"command_id":"c1"}']
    whole = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()
    assert chained(**PARTS) == whole


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("previous", "1" + GENESIS[1:]),
        ("previous", GENESIS[:-1] + "1"),
        ("stream", "APTUSDT.bybit"),
        ("stream", "APTUSDT.binance "),
        ("version", 2),
        ("version", 11),
        ("topic", "Activated.v2"),
        ("topic", "activated.v1"),
        ("state", b'{"command_id":"c2"}'),
        ("state", b'{"command_id": "c1"}'),
        ("state", b""),
    ],
)
def test_a_change_in_any_part_changes_the_hash(part: str, other: object) -> None:
    assert chained(**PARTS | {part: other}) != chained(**PARTS)


@given(st.sampled_from([*samples()]), st.data())
def test_one_changed_bit_of_a_stored_event_changes_the_hash(sample: tuple[str, bytes], data: st.DataObject) -> None:
    topic, state = sample
    bit = data.draw(st.integers(0, 8 * len(state) - 1))
    changed = bytearray(state)
    changed[bit // 8] ^= 1 << bit % 8
    known = PARTS | {"topic": topic}
    assert chained(**known | {"state": bytes(changed)}) != chained(**known | {"state": state})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"topic": "ab", "state": b"c"}, {"topic": "a", "state": b"bc"}),
        ({"stream": "A", "version": 11}, {"stream": "A1", "version": 1}),
        ({"stream": "", "topic": "A"}, {"stream": "A", "topic": ""}),
    ],
)
def test_no_two_events_run_together_into_the_same_bytes(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert chained(**PARTS | one) != chained(**PARTS | other)


def test_every_event_vouches_for_all_that_came_before_it() -> None:
    events = [_stored(version, f'{{"n":{version}}}'.encode()) for version in range(1, 6)]
    hashes = chain(GENESIS, events)
    assert hashes[0] == chained(GENESIS, "APTUSDT.binance", 1, "Activated.v1", b'{"n":1}')
    for changed in range(5):
        again = chain(GENESIS, [_stored(n, b"{}") if n == changed + 1 else event for n, event in enumerate(events, 1)])
        assert again[:changed] == hashes[:changed]
        assert all(one != other for one, other in zip(again[changed:], hashes[changed:], strict=True))


def test_a_chain_goes_on_where_it_ended() -> None:
    events = [_stored(version, b"{}") for version in range(1, 5)]
    first = chain(GENESIS, events[:2])
    assert first + chain(first[-1], events[2:]) == chain(GENESIS, events)
    assert chain(GENESIS, []) == []


def test_an_event_that_was_taken_out_is_missed() -> None:
    events = [_stored(version, b"{}") for version in range(1, 5)]
    assert chain(GENESIS, [events[0], *events[2:]])[-1] != chain(GENESIS, events)[-1]


def chain(previous: str, events: Sequence[EventRecord]) -> list[str]:
    hashes, _ = chained_on({spec.CYCLE.partition("#")[0]: previous}, events)
    return hashes


def _stored(version: int, state: bytes) -> EventRecord:
    stream = spec.CYCLE.partition("#")[0]
    return EventRecord(stream, version, "Activated.v1", state, IndexColumns("", None, 1, None, ""))


def stored(hashes: list[str]) -> list[RecordedEvent]:
    columns = IndexColumns("c1", None, 1, None, "2025-10-22T18:50:40.981819Z")
    return [
        RecordedEvent(version, "APTUSDT.binance", version, "Activated.v1", PARTS["state"], hashed, *columns)
        for version, hashed in enumerate(hashes, start=1)
    ]


def hashes_of(count: int) -> list[str]:
    records = [EventRecord(*record[1:5], record.columns) for record in stored([GENESIS] * count)]
    return chain(GENESIS, records)


def test_what_is_expected_of_a_stream_is_what_was_stored() -> None:
    assert list(expected(stored(hashes_of(4)))) == hashes_of(4)


def test_what_follows_another_hash_is_expected_to_follow_that() -> None:
    first, second, *_ = hashes_of(3)
    other = "1" * 64
    after_other = chained(**PARTS | {"previous": other, "version": 3})
    assert list(expected(stored([first, other, GENESIS]))) == [first, second, after_other]


@pytest.mark.parametrize("none", ["", "1" * 63, "G" * 64, "A" * 64, f" {'1' * 64}"])
def test_what_follows_a_hash_that_is_none_is_expected_to_follow_what_should_stand_there(none: str) -> None:
    first, second, third = hashes_of(3)
    assert list(expected(stored([first, none, third]))) == [first, second, third]
