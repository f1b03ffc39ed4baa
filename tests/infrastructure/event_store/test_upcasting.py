"""An event that was stored in an earlier shape is read as one of today, and its stored bytes do not change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.aggregate.position import Position
from domain.commands.requests import RequestEntry
from domain.decisions.decision import CommandContext
from domain.errors import HistoryDamaged
from infrastructure.event_store import codec
from infrastructure.event_store.codec import decode, encode
from infrastructure.event_store.records import EventRecord
from infrastructure.event_store.upcasting import UPCASTS, Fields, Upcast, upcast
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from projections.positions import project
from tests.samples import samples
from tests.spec import request

PAST = "EntryRequested.v0"
NOON = datetime(2025, 10, 22, 12, tzinfo=UTC)


def _renamed(fields: Fields) -> Fields:
    fields["quantity"] = fields.pop("qty")
    return fields


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> EventRecord:
    """A request to enter as it was stored when its quantity was called `qty`."""
    monkeypatch.setitem(UPCASTS, PAST, Upcast("EntryRequested.v1", _renamed))
    return _as_of_old(encode(_requested()))


def _requested() -> Any:
    position = Position.of_stream("APTUSDT.binance")
    position.decide(request(), CommandContext("c0", NOON, NOON))
    return position.collect_events()[0]


def _as_of_old(record: EventRecord) -> EventRecord:
    return record._replace(topic=PAST, state=record.state.replace(b'"quantity":', b'"qty":'))


@pytest.fixture
def ledger(ledger_url: str, past: EventRecord) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        ledger.store.insert_events([past], rows=[project(None, decode(past))])
        yield ledger


def test_an_event_of_the_past_is_read_as_one_of_today(past: EventRecord) -> None:
    assert decode(past) == _requested()


def test_an_event_of_today_is_left_alone(past: EventRecord) -> None:
    del past
    assert decode(encode(_requested())) == _requested()


def test_versions_follow_each_other_until_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(UPCASTS, "Old.v1", Upcast("Old.v2", lambda fields: fields | {"second": "2"}))
    monkeypatch.setitem(UPCASTS, "Old.v2", Upcast("Old.v3", lambda fields: fields | {"third": fields["second"] + "3"}))
    assert upcast("Old.v1", {}) == ("Old.v3", {"second": "2", "third": "23"})


def test_what_an_upcast_cannot_read_is_damage_under_the_name_that_was_stored(past: EventRecord) -> None:
    with pytest.raises(HistoryDamaged, match=r"cannot be read as EntryRequested\.v0: 'qty'"):
        decode(past._replace(state=past.state.replace(b'"qty":', b'"amount":')))


def test_without_its_upcast_the_past_is_refused_and_not_guessed(
    past: EventRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(UPCASTS, PAST)
    with pytest.raises(HistoryDamaged, match="does not know"):
        decode(past)


def test_a_ledger_goes_on_from_the_past_and_all_of_it_verifies(ledger: PositionLedger) -> None:
    same: RequestEntry = request()
    assert ledger.handle(same).outcome == "replayed"
    ledger.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="53190368")
    assert verify(ledger.store).ok
    assert ledger.rebuild().differences == 0
    assert ledger.position("APTUSDT.binance#1").requested_qty == same.quantity


def test_history_shows_what_was_stored(ledger: PositionLedger) -> None:
    (entry,) = ledger.history("APTUSDT.binance#1")
    shown = entry.as_json()
    assert (shown["type"], shown["stored_type"], shown["qty"]) == ("EntryRequested", PAST, "61.8")
    assert json.loads(entry.payload)["qty"] == "61.8"


def test_every_name_that_was_ever_shipped_is_one_of_today_or_becomes_one() -> None:
    for name, line in samples():
        assert upcast(name, json.loads(line))[0] in codec._EVENTS, name
