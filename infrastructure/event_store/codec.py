"""Encoding and decoding of events, byte for byte.

A row names its event by a stored name and a schema version (`EntryPlaced.v1`), looked up in a closed registry:
nothing in a row decides what is imported. The payload is JSON in one spelling: fields in declared order without
blanks, numbers as plain text, times in UTC at fixed width; a field that has its default is left out.
"""

from __future__ import annotations

from datetime import UTC
from functools import cache, lru_cache
from typing import Any, Final, Protocol

import msgspec
from pydantic import TypeAdapter, ValidationError

from domain.errors import HistoryDamaged
from domain.events import EVENTS, PLACE_MARK, InstrumentDefined, PositionEvent, PositionImported
from domain.faults import faults
from domain.identifiers import CYCLE_MAX
from domain.values import timestamp_text
from infrastructure.event_store.records import EventRecord, IndexColumns, LoadMarker, made
from infrastructure.event_store.upcasting import UPCASTS, Fields, upcast
from infrastructure.struct_json.json_writer import JsonWriter
from infrastructure.struct_json.typed_json import TypedJson, has_float, without_floats

_COLUMNS: Final = frozenset({"originator_id", "originator_version"})
_VERSIONS: Final[dict[type[PositionEvent], int]] = {}
"""The schema version of events whose shape has changed; see `infrastructure.event_store.upcasting`."""
_STORED_NAMES: Final = {event: f"{event.__name__}.v{_VERSIONS.get(event, 1)}" for event in EVENTS}
_EVENTS: Final = {name: event for event, name in _STORED_NAMES.items()}
_WRITER: Final = JsonWriter(defaults=False)


class StoredPayload(Protocol):
    """What is needed to decode an event: its place, its stored name and its bytes."""

    @property
    def originator_id(self) -> Any:
        """The stream."""

    @property
    def originator_version(self) -> int:
        """Its version in the stream."""

    @property
    def topic(self) -> str:
        """Its stored name."""

    @property
    def state(self) -> bytes:
        """Its payload."""


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    """The pydantic adapter of one stored name, built when the first such event is read."""
    return TypeAdapter(_EVENTS[name])


def encode(event: PositionEvent) -> EventRecord:
    """Encode an event; the store adds its hash."""
    name = _STORED_NAMES[type(event)]
    return EventRecord(
        event.originator_id,
        event.originator_version,
        name,
        _WRITER.write(event),
        columns(event),
    )


def columns(event: PositionEvent) -> IndexColumns:
    """The columns by which a store queries an event."""
    intent_id, mark = _opening(event) if event.opens_cycle else (None, _mark_inside(event))
    return made(IndexColumns, (event.command_id, intent_id, event.cycle, mark, timestamp_text(event.ts_recorded)))


def stored_names(*kinds: type[PositionEvent]) -> tuple[str, ...]:
    """Every stored name of some kinds of events, of today and of earlier schema versions."""
    return tuple(name for name in (*_EVENTS, *UPCASTS) if _EVENTS[_today(name)] in kinds)


def _today(name: str) -> str:
    while name in UPCASTS:
        name = UPCASTS[name].becomes
    return name


def is_known(topic: str) -> bool:
    """Whether this is the stored name of an event, of today or of an earlier schema version."""
    return topic in _EVENTS or topic in UPCASTS


@cache
def _reader(name: str) -> TypedJson[PositionEvent]:
    """The fast reader of one stored name of today, built when the first such event is read."""
    return TypedJson(_EVENTS[name])


def decode(stored: StoredPayload) -> PositionEvent:
    """Decode an event.

    Refuses: HistoryDamaged for a name that is not registered, a payload that does not fit the event, or a cycle that
             can be none.
    """
    event = _decoded_fast(stored) or _decoded_thoroughly(stored)
    if not 0 < event.cycle <= CYCLE_MAX and (event.cycle or type(event) is not InstrumentDefined):
        raise HistoryDamaged(
            f"{stored.originator_id} version {stored.originator_version} cannot be read as {stored.topic}: it says "
            f"that it is of cycle {event.cycle}, and cycles are numbered from 1 to {CYCLE_MAX}"
        )
    return event


def _decoded_fast(stored: StoredPayload) -> PositionEvent | None:
    """Decode an event that is spelled as we write it, with its place put before its JSON; None where pydantic must."""
    topic, state = stored.topic, stored.state
    if topic not in _EVENTS or state[:1] != b"{" or _MARK in state or (_ESCAPE in state and b"\\u" in state):
        return None
    placed = b"%b%d,%b" % (_place(stored.originator_id), stored.originator_version, state[1:])
    event = _reader(topic).read(placed)
    if event is None or not (event.ts_event.tzinfo is event.ts_recorded.tzinfo is UTC):
        return None
    if type(event) is PositionImported and event.closed_at is not None and event.closed_at.tzinfo is not UTC:
        return None
    return None if event.metadata and has_float(event.metadata) else event


_MARK: Final = ord(PLACE_MARK)
_ESCAPE: Final = ord("\\")
"""Begins an escape, which may hide the mark. Both are numbers, for `in` raises and drops an exception for bytes."""


@lru_cache(maxsize=4096)
def _place(stream: str) -> bytes:
    """The beginning of the JSON of an event of a stream, up to its version."""
    return b'{"%cstream":%b,"%cversion":' % (_MARK, msgspec.json.encode(stream), _MARK)


def _decoded_thoroughly(stored: StoredPayload) -> PositionEvent:
    if not is_known(stored.topic):
        raise HistoryDamaged(
            f"{stored.originator_id} version {stored.originator_version} is a {stored.topic!r:.80}, which this version "
            "of the software does not know; read it with the version that wrote it, or a later one"
        )
    try:
        name, fields = upcast(stored.topic, _fields(stored))
        fields["originator_id"], fields["originator_version"] = stored.originator_id, stored.originator_version
        event: PositionEvent = _adapter(name).validate_python(fields)
    except (ValidationError, ValueError, TypeError, KeyError, RecursionError) as cause:
        why = faults(cause) if isinstance(cause, ValidationError) else cause
        raise HistoryDamaged(
            f"{stored.originator_id} version {stored.originator_version} cannot be read as {stored.topic}: {why}"
        ) from cause
    return event


def _fields(stored: StoredPayload) -> Fields:
    """The fields of a payload, which must not have the stream and the version: those are columns only."""
    fields = without_floats(stored.state.decode())
    if not isinstance(fields, dict):
        raise ValueError("the payload is no JSON object")
    if own := _COLUMNS & fields.keys():
        raise ValueError(f"the payload has {', '.join(sorted(own))}, which may stand in columns only")
    return fields


def _opening(event: PositionEvent) -> tuple[str | None, LoadMarker]:
    """The intent that an event which opens a cycle claims, and its load marker."""
    if type(event) is not PositionImported:
        return getattr(event, "intent_id", None), LoadMarker.FLAT
    claimed = event.intent_id if event.claims_intent else None
    return claimed, LoadMarker.BESIDE if event.beside else LoadMarker.FLAT


def _mark_inside(event: PositionEvent) -> LoadMarker | None:
    if getattr(event, "late", False):
        return LoadMarker.LATE
    return LoadMarker.FLAT if type(event) is InstrumentDefined and event.is_first else None
