"""The list of defined instruments, and of open positions whose instrument needs a definition and has none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from domain.events import InstrumentDefined
from domain.identifiers import PositionKey
from domain.instrument import ONE, Instrument
from domain.json_object import JsonObject
from domain.values import Source, plain
from infrastructure.event_store.codec import decode
from infrastructure.event_store.port import Store
from infrastructure.operations.instrument_changes import terms_as_json
from projections.account_snapshot import AccountSnapshot
from projections.positions import PositionRow


@dataclass(frozen=True, slots=True)
class DefinedInstrument(JsonObject):
    """The last definition of a key, its source and its time; `note` says when the open cycle counts in other terms."""

    key: PositionKey
    terms: Instrument
    source: Source
    reason: str | None
    defined_at: datetime
    note: str | None = None

    json_keys: ClassVar = (
        ("key", "key.stream"),
        ("**", lambda each: terms_as_json(each.terms)),
        "source",
        "reason",
        "defined_at",
        "note",
    )


@dataclass(frozen=True, slots=True)
class UndefinedInstrument(JsonObject):
    """A key with an open cycle whose terms are not known; `message` says why they are needed."""

    key: PositionKey
    position_id: str
    message: str

    json_keys: ClassVar = (("key", "key.stream"), "position_id", "message")


def defined_instruments(store: Store, rows: Iterable[PositionRow]) -> list[DefinedInstrument]:
    """The last definition of every key that has one, by key; `rows` are the open cycles.

    Refuses: HistoryDamaged for an event that cannot be read.
    """
    last: dict[str, InstrumentDefined] = {}
    for event in map(decode, store.of_no_cycle()):
        assert isinstance(event, InstrumentDefined), "nothing else is of no cycle"
        last[event.originator_id] = event
    held = {row.stream: row for row in rows if row.status.is_open}
    return [
        DefinedInstrument(
            PositionKey.parse(stream),
            event.terms,
            event.source,
            event.reason,
            event.ts_recorded,
            _note(event.terms, held.get(stream)),
        )
        for stream, event in sorted(last.items())
    ]


def _note(terms: Instrument, row: PositionRow | None) -> str | None:
    if row is None or (row.contract_size, row.inverse) == (terms.contract_size, terms.inverse):
        return None
    counts = f"{plain(row.contract_size)}{', inverse' if row.inverse else ''}"
    return f"{row.position_id} is open, and counts with a contract size of {counts} until it is over"


def undefined_instruments(
    defined: Iterable[DefinedInstrument], rows: Iterable[PositionRow], snapshots: Iterable[AccountSnapshot] = ()
) -> list[UndefinedInstrument]:
    """The open cycles that need a definition, by their symbol or by the exchange's contract size, and have none."""
    known = {each.key.stream for each in defined}
    shown = {seen.key.stream: seen.contract_size for each in snapshots for seen in each.positions or ()}
    found = []
    for row in rows:
        if not row.status.is_open or row.stream in known:
            continue
        key, size = PositionKey.parse(row.stream), shown.get(row.stream, ONE)
        why = [f"the exchange counts contracts of {plain(size)}"] if size != ONE else []
        why += ["its symbol says that it is inverse, and not of what size a contract is"] if key.is_inverse else []
        if why:
            counts = f"not known, and taken for a contract size of {plain(row.contract_size)}"
            settle = "" if key.settle is None else f" --settle {key.settle}"
            how = f"define it with --contract-size NUMBER{settle}, be it 1"
            found.append(UndefinedInstrument(key, row.position_id, f"{counts}: {'; '.join(why)}; {how}"))
    return found
