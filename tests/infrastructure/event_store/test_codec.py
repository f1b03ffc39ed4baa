from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given as tried_on
from hypothesis import strategies as st

from domain.commands.base import Command
from domain.commands.requests import FailEntry, RollBack, StartRollback, command_from_json
from domain.errors import HistoryDamaged, InvalidCommand
from domain.events import EVENTS, EntryFilled, EntryRequested, PositionEvent, PositionImported
from domain.writing import written
from infrastructure.event_store import codec
from infrastructure.event_store.codec import columns, decode, encode
from infrastructure.event_store.eventsourcing_adapter import LedgerMapper
from infrastructure.event_store.records import IndexColumns, LoadMarker
from tests.samples import SHAPES, samples, shapes, stored_name
from tests.spec import ENTERED, FILLED, PLACED, given, on, request
from tests.strategies import events, numbers

ROOT = Path(__file__).parents[3]
REQUESTED = given(request()).history[0]
PAYLOAD = json.loads(encode(REQUESTED).state)
A_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def stored(topic: str, state: bytes, version: int = 7) -> StoredEvent:
    return StoredEvent(originator_id="APTUSDT.binance", originator_version=version, topic=topic, state=state)


def payload(**changes: Any) -> bytes:
    return json.dumps(PAYLOAD | changes, separators=(",", ":")).encode()


def _bits(number: int) -> str:
    return f"{number.bit_length()} bits"


# -- there and back ---------------------------------------------------------------------------------------------


@tried_on(events())
def test_every_event_comes_back_as_it_was_and_byte_for_byte(event: PositionEvent) -> None:
    record = encode(event)
    assert decode(record) == event
    assert encode(decode(record)) == record


@tried_on(events())
def test_an_event_is_written_as_pydantic_writes_it(event: PositionEvent) -> None:
    record = encode(event)
    assert record.state == written(codec._adapter(record.topic).serializer, event, exclude_defaults=True)


@tried_on(events())
def test_the_payload_is_json_that_others_read_without_losing_anything(event: PositionEvent) -> None:
    text = encode(event).state.decode()
    assert json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")) == text


@tried_on(numbers(), numbers(), st.text(st.characters(exclude_categories=["Cs"])))
def test_every_number_and_every_text_comes_back(quantity: Decimal, price: Decimal, words: str) -> None:
    fill = next(event for event in given(*ENTERED).history if isinstance(event, EntryFilled))
    event = replace(fill, last_qty=quantity, last_px=-price, trade_id=words)
    assert decode(encode(event)) == event


def test_what_is_stored_is_plain_to_read() -> None:
    assert encode(REQUESTED).topic == "EntryRequested.v1"
    assert encode(REQUESTED).state.decode() == (
        f'{{"command_id":"c0","request":"{request().digest}","cycle":1,"ts_event":"2025-10-22T18:50:40.000000Z",'
        '"ts_recorded":"2025-10-22T18:50:40.000000Z","source":"signal","side":"short","quantity":"61.8",'
        '"signal_price":"3.2333","stop_loss_percent":null,"stop_price":null,"intent_id":"5483266",'
        '"client_order_id":"phj4bdbehtnowjiptjskodhosei"}'
    )


def test_an_event_is_stored_under_a_name_and_not_under_a_module() -> None:
    assert [stored_name(event) for event in EVENTS] == [f"{event.__name__}.v1" for event in EVENTS]


def test_the_mapper_of_the_library_reads_and_writes_the_same() -> None:
    record = LedgerMapper().to_stored_event(REQUESTED)
    assert (record.topic, record.state) == (encode(REQUESTED).topic, encode(REQUESTED).state)
    assert LedgerMapper().to_domain_event(record) == REQUESTED


# -- what is kept beside an event -------------------------------------------------------------------------------


def test_an_event_that_opens_a_cycle_claims_its_intent_and_marks_where_the_stream_was_flat() -> None:
    assert columns(REQUESTED) == IndexColumns("c0", "5483266", 1, LoadMarker.FLAT, "2025-10-22T18:50:40.000000Z")


def test_an_event_inside_a_cycle_claims_and_marks_nothing() -> None:
    assert columns(given(request(), PLACED).history[1]) == IndexColumns(
        "c1", None, 1, None, "2025-10-22T18:50:41.000000Z"
    )


def test_a_late_fill_is_marked() -> None:
    late = given(request(), on(FailEntry, reason="x", outcome="expired"), FILLED).history[-1]
    assert columns(late).mark is LoadMarker.LATE


@pytest.mark.parametrize(("claims", "claimed"), [(True, "5483266"), (False, None)])
def test_an_import_claims_its_intent_only_when_it_was_the_first(claims: bool, claimed: str | None) -> None:  # noqa: FBT001 - a case
    imported = _imported(claims_intent=claims, beside=False)
    assert (columns(imported).intent_id, columns(imported).mark) == (claimed, LoadMarker.FLAT)


def test_an_import_beside_an_open_cycle_does_not_mark_the_stream_flat() -> None:
    assert columns(_imported(claims_intent=False, beside=True)).mark is LoadMarker.BESIDE


def _imported(**changes: Any) -> PositionEvent:
    line = next(line for name, line in samples() if name == "PositionImported.v1")
    event = decode(stored("PositionImported.v1", line))
    assert isinstance(event, PositionImported)
    return replace(event, **{"intent_id": "5483266", **changes})


# -- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "EntryRequested",
        "EntryRequested.v2",
        "entryrequested.v1",
        "EntryRequested.v1 ",
        "domain.events:EntryRequested",
        "builtins:eval",
        "os:system",
        "PositionEvent.v1",
        "x" * 10_000,
    ],
    ids=lambda topic: topic[:40],
)
def test_a_name_that_is_not_registered_is_damage(topic: str) -> None:
    with pytest.raises(
        HistoryDamaged, match=r"^APTUSDT\.binance version 7 is a '.*does not know; read it with"
    ) as found:
        decode(stored(topic, payload()))
    assert len(str(found.value)) < 300


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"x"',
        b"7",
        b"{",
        b"{}",
        b"\xff\xfe",
        b'{"a":1}',
        b"\x00",
        payload()[:-1],
        payload() + b"}",
        payload(side="sideways"),
        payload(side=None),
        payload(source="somebody"),
        payload(cycle="one"),
        payload(cycle=None),
        payload(quantity="NaN"),
        payload(quantity="Infinity"),
        payload(quantity=""),
        payload(quantity=True),
        payload(quantity=[]),
        payload(ts_event="yesterday"),
        payload(ts_event="2025-10-22T18:50:40"),
        payload(ts_event=None),
        payload(intent_id=5483266),
        payload(intent_id=None),
        payload(metadata=[]),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        payload(metadata={"n": "HERE"}).replace(b'"HERE"', b"9" * 5_000),
    ],
    ids=lambda state: state[-60:].decode(errors="replace"),
)
def test_a_payload_that_is_not_such_an_event_is_damage(state: bytes) -> None:
    with pytest.raises(HistoryDamaged, match=r"^APTUSDT\.binance version 7 cannot be read as EntryRequested\.v1: "):
        decode(stored("EntryRequested.v1", state))


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (payload(ts_event="yes\nterday"), "ts_event: .*, not 'yes\\\\nterday'"),
        (b"{}", "[a-z_]+: Field required; [a-z_]+: Field required; [a-z_]+: Field required; and [0-9]+ more"),
    ],
    ids=["a value", "none at all"],
)
def test_what_is_wrong_with_it_stands_on_one_line_with_its_value(state: bytes, why: str) -> None:
    with pytest.raises(HistoryDamaged) as refused:
        decode(stored("EntryRequested.v1", state))
    assert re.fullmatch(f"APTUSDT.binance version 7 cannot be read as EntryRequested.v1: {why}", str(refused.value))


@pytest.mark.parametrize("field", [name for name in PAYLOAD if name != "metadata"])
def test_a_missing_field_is_damage(field: str) -> None:
    state = json.dumps({name: value for name, value in PAYLOAD.items() if name != field}).encode()
    with pytest.raises(HistoryDamaged, match=field):
        decode(stored("EntryRequested.v1", state))


@pytest.mark.parametrize(
    "extra",
    [
        {"leverage": "10"},
        {"originator_id": "BTCUSDT.binance"},
        {"originator_version": 1},
        {"^stream": "BTCUSDT.binance"},
        {"^version": 1},
    ],
    ids=str,
)
def test_a_field_that_the_event_does_not_have_is_damage(extra: dict[str, Any]) -> None:
    with pytest.raises(HistoryDamaged, match=re.escape(next(iter(extra)))):
        decode(stored("EntryRequested.v1", payload(**extra)))


@pytest.mark.parametrize("letter", ["\\u005e", "\\u005E"])
def test_a_place_that_a_payload_names_in_disguise_is_damage(letter: str) -> None:
    disguised = payload(**{"^version": 1}).replace(b"^", letter.encode())
    with pytest.raises(HistoryDamaged, match="version"):
        decode(stored("EntryRequested.v1", disguised))


@pytest.mark.parametrize("words", ["from ^GSPC", 'said "stop"', "C:\\\\bots", "two\nlines", "\x01"])
def test_a_text_that_looks_like_a_place_is_read(words: str) -> None:
    event = decode(stored("EntryRequested.v1", payload(intent_id=words)))
    assert isinstance(event, EntryRequested)
    assert (event.intent_id, event.originator_version) == (words, 7)


def test_a_field_that_the_totals_do_not_have_is_damage() -> None:
    record = encode(given(request(), PLACED, FILLED).history[-1])
    with pytest.raises(HistoryDamaged, match="leverage"):
        decode(stored(record.topic, record.state.replace(b'"holding":{', b'"holding":{"leverage":"10",')))


@pytest.mark.parametrize("number", [b"61.8", b"6.18e1", b"NaN", b"Infinity"])
def test_a_number_that_is_stored_as_a_float_is_damage(number: bytes) -> None:
    with pytest.raises(HistoryDamaged, match="is a float"):
        decode(stored("EntryRequested.v1", payload().replace(b'"61.8"', number)))


@pytest.mark.parametrize(("name", "line"), [*samples()], ids=lambda part: part[:60] if isinstance(part, str) else "")
def test_every_time_of_every_event_is_in_utc(name: str, line: bytes) -> None:
    fields = json.loads(line)
    times = [field for field, value in fields.items() if isinstance(value, str) and A_TIME.fullmatch(value)]
    assert {"ts_event", "ts_recorded"} <= {*times}
    for field in times:
        elsewhere = json.dumps(fields | {field: fields[field].replace("Z", "+04:00")}, separators=(",", ":"))
        with pytest.raises(HistoryDamaged, match="is not in UTC"):
            decode(stored(name, elsewhere.encode()))


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_no_number_does_not_hide_in_the_metadata(number: bytes) -> None:
    with pytest.raises(HistoryDamaged):
        decode(stored("EntryRequested.v1", payload(metadata={"a": "HERE"}).replace(b'"HERE"', number)))


@tried_on(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_whatever_stands_in_a_row_is_read_or_named_as_damage(state: bytes) -> None:
    with pytest.raises(HistoryDamaged, match=r"^APTUSDT\.binance version 7 cannot be read as Activated\.v1"):
        decode(stored("Activated.v1", state))


@tried_on(st.sampled_from([*samples()]), st.data())
def test_a_damaged_byte_is_read_or_named_as_damage_and_nothing_else(
    sample: tuple[str, bytes], data: st.DataObject
) -> None:
    topic, line = sample
    place = data.draw(st.integers(0, len(line) - 1))
    damaged = line[:place] + bytes([data.draw(st.integers(0, 255))]) + line[place + 1 :]
    said = f"APTUSDT.binance version 7 cannot be read as {topic}: "
    try:
        found: object = decode(stored(topic, damaged))
    except HistoryDamaged as damage:
        found = str(damage)[: len(said)]
    assert found == said or isinstance(found, PositionEvent)


NUMBERS = (
    "1",
    "0",
    "-1",
    "1.0",
    "1e2",
    '"0"',
    '"-0"',
    '"1.50"',
    '"00"',
    '"+1"',
    '"1e3"',
    '"1_0"',
    '" 1 "',
    '"\\u0031"',
)
NO_NUMBERS = ('"NaN"', '"N_aN"', '"-inf"', '"x"', '""', "true", "false", "null", "9223372036854775808", '"\\ud800"')
TIMES = (
    '"2025-10-22T18:50:40Z"',
    '"2025-10-22T18:50:40.9818195Z"',
    '"2025-10-22T18:50:40.981819+04:00"',
    '"2025-10-22T24:00:00.000000Z"',
    '"2025-W43-3T18:50:40.981819Z"',
    '"2025-10-22T18:50:40,981819Z"',
    '"2025-10-22T18:50:40"',
)
NESTED = ("[]", "{}", '{"a":1}', '{"a":1.5}', '{"a":"1"}', '{"a":null}', '{"a":NaN}', '{"a":1,"a":2}', '["x",null]')
OTHER_SPELLINGS = (*NUMBERS, *NO_NUMBERS, *TIMES, *NESTED, '"active"', '"long"', '"signal"')


def _places(found: object, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for name, each in inside:
        yield (*before, name)
        yield from _places(each, (*before, name))


@tried_on(st.sampled_from([*samples()]), st.sampled_from(OTHER_SPELLINGS), st.data())
def test_whatever_is_read_fast_is_read_as_it_would_be_thoroughly(
    sample: tuple[str, bytes], spelling: str, data: st.DataObject
) -> None:
    topic, line = sample
    fields = inner = json.loads(line)
    *outside, name = data.draw(st.sampled_from([*_places(fields)]))
    for each in outside:
        inner = inner[each]
    inner[name] = "HERE"
    _is_read_alike(topic, json.dumps(fields, separators=(",", ":")).replace('"HERE"', spelling).encode())
    place = data.draw(st.integers(0, len(line) - 1))
    _is_read_alike(topic, line[:place] + data.draw(st.binary(max_size=2)) + line[place + 1 :])


def _is_read_alike(topic: str, state: bytes) -> None:
    fast = codec._decoded_fast(stored(topic, state))
    assert fast is None or fast == codec._decoded_thoroughly(stored(topic, state))


@pytest.mark.parametrize(("name", "line"), [*samples()], ids=lambda part: part[:60] if isinstance(part, str) else "")
def test_every_event_that_was_ever_stored_is_read_fast(name: str, line: bytes) -> None:
    assert codec._decoded_fast(stored(name, line)) == codec._decoded_thoroughly(stored(name, line))


def test_nothing_that_a_row_names_is_ever_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hostile.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for topic in ("hostile:Event", "hostile", "hostile.Event.v1"):
        with pytest.raises(HistoryDamaged):
            decode(stored(topic, payload()))
    for name in ("hostile:Event", "decimal:Decimal", "builtins:eval"):
        marked: dict[str, Any] = {"_type_": name, "_data_": "1"}
        event = decode(stored("EntryRequested.v1", payload(metadata=marked)))
        assert event.metadata == marked
        with pytest.raises(HistoryDamaged):
            decode(stored("EntryRequested.v1", payload(quantity=marked)))
        with pytest.raises(HistoryDamaged):
            decode(stored("EntryRequested.v1", json.dumps(marked).encode()))
    assert "hostile" not in sys.modules


@pytest.mark.parametrize("place", ["metadata", "evidence"])
@pytest.mark.parametrize("depth", [1, 50, 120, 190, 197, 198, 199, 200, 201, 220, 253, 254, 255, 256, 300])
def test_however_deep_it_is_nested_what_is_accepted_can_be_read_back(place: str, depth: int) -> None:
    line = json.dumps(
        {"command": "roll_back", "position_id": "APTUSDT.binance#1", "evidence": {"closing_order_id": "x"}}
        | {place: {"closing_order_id": "x", "deep": "HERE"}}
    )
    try:
        command = command_from_json(line.replace('"HERE"', "[" * depth + '"x"' + "]" * depth))
    except InvalidCommand:
        assert depth >= 50, "that is not deep"
        return
    story = given(*ENTERED, on(StartRollback, reason="x"))
    event = story.when(command).events[0]
    assert encode(decode(encode(event))) == encode(event)


@pytest.mark.parametrize("number", [0, -1, 2**63, -(2**64), 10**400, 10**4_299, 10**4_300, 10**20_000], ids=_bits)
def test_however_large_a_whole_number_is_what_is_accepted_can_be_read_back(number: int) -> None:
    try:
        event = given(request(metadata={"n": number})).history[0]
    except InvalidCommand:
        assert number >= 10**400, "that is not large"
        return
    assert decode(encode(event)) == event


def test_two_orders_of_the_same_evidence_are_the_same_command() -> None:
    answers = [{"b": 1, "a": {"y": 1, "x": 2}}, {"a": {"x": 2, "y": 1}, "b": 1}]
    sent: list[Command] = [on(RollBack, evidence=answer) for answer in answers]
    assert sent[0].digest == sent[1].digest


# -- what was shipped -------------------------------------------------------------------------------------------


def test_there_is_a_sample_of_every_event() -> None:
    assert {stored_name(event) for event in EVENTS} <= {name for name, _ in samples()}


@pytest.mark.parametrize(("name", "line"), [*samples()], ids=lambda part: part[:60] if isinstance(part, str) else "")
def test_every_event_that_was_ever_stored_is_read_and_written_back_byte_for_byte(name: str, line: bytes) -> None:
    event = decode(stored(name, line))
    event_again = encode(event)
    if event_again.topic == name:
        assert event_again.state == line


def test_no_event_changes_its_shape_without_a_new_version() -> None:
    shipped = json.loads(SHAPES.read_text(encoding="utf-8"))
    today = shapes()
    changed = {
        name: {"shipped": shape, "today": today.get(name)}
        for name, shape in shipped.items()
        if today.get(name) != shape
    }
    assert not changed, f"stored rows have the shape that was shipped; give the event a new version: {changed}"
    assert [*today] == [*shipped], "a new shape: add it to shapes.json, and a sample of it"


# -- several threads --------------------------------------------------------------------------------------------

FIRST_READ: Final = """
import sys
from threading import Barrier, Thread
from eventsourcing.persistence import StoredEvent
from infrastructure.event_store.codec import decode
from tests.samples import samples

THREADS = 8
start, known = Barrier(THREADS), [*samples()]

def read_all(first):
    start.wait()
    for name, state in known[first:] + known[:first]:
        decode(StoredEvent(originator_id="APTUSDT.binance", originator_version=1, topic=name, state=state))

sys.setswitchinterval(1e-6)
threads = [Thread(target=read_all, args=(number * len(known) // THREADS,)) for number in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("number", range(4))
def test_threads_that_read_the_first_events_at_once_do_not_crash(number: int) -> None:
    """In a process of its own, for a crash is one of the process."""
    del number
    ran = subprocess.run([sys.executable, "-c", FIRST_READ], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
