"""A prepared append: written later it has the same effect as `insert_events`, or is refused in the same way."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from infrastructure.event_store.codec import decode, encode
from infrastructure.event_store.port import Store
from infrastructure.event_store.records import EventRecord, ReadyAppend
from infrastructure.event_store.vocabulary.append_conflicts import IntentTaken, VersionTaken
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import memory_ledger
from projections.positions import PositionRow

ODD = 'a\\b\tc\nd\re\\N "f" \x7f é 😀'
ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "3"}


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger
        assert verify(ledger.store).ok
        assert ledger.rebuild().differences == 0


def lived(symbol: str = "APTUSDT", intent_id: str = "s\\1") -> tuple[list[EventRecord], list[PositionRow]]:
    """The events of a cycle, and its row at their end."""
    with memory_ledger() as other:
        entry = other.request_entry(**ENTRY | {"symbol": symbol}, intent_id=intent_id, metadata={"why": ODD})
        position = entry.position_id
        for number in (1, 2, 3):
            other.record_entry_fill(position_id=position, trade_id=f"t{number}", last_qty="1", last_px="10")
        other.set_stop_loss(position_id=position, stop_price="9", exchange_order_id="s\\top")
        for number in (4, 5, 6):
            other.reduce(position_id=position, trade_id=f"t{number}", last_qty="1", last_px="11", reason=ODD)
        other.close(position_id=position, exit_reason=ODD)
        return [encode(decode(event)) for event in other.store.streams()], list(other.positions())


def ready(store: Store, records: list[EventRecord], rows: list[PositionRow], heads: dict[str, str]) -> ReadyAppend:
    made = store.ready(records, rows=rows, before={}, heads=heads)
    read: ReadyAppend = pickle.loads(pickle.dumps(made))  # another process may have made it
    return read


def kept(store: Store) -> tuple[Any, ...]:
    return [event[1:] for event in store.streams()], list(store.rows())


def test_it_leaves_what_an_append_leaves(ledger: PositionLedger) -> None:
    records, rows = lived()
    with memory_ledger() as other:
        other.store.insert_events(records, rows=rows)
        at_once = kept(other.store)
    ledger.store.append_ready(ready(ledger.store, records, rows, {}))
    assert kept(ledger.store) == at_once
    assert ledger.positions()[0].exit_reason == ODD


def test_two_of_them_follow_each_other_also_within_a_cycle(ledger: PositionLedger) -> None:
    records, rows = lived()
    heads: dict[str, str] = {}
    first = ready(ledger.store, records[:4], rows, heads)
    second = ready(ledger.store, records[4:], rows, heads)
    assert [end.version for made in (first, second) for end in made.follows] == [0, 4]
    with pytest.raises(VersionTaken):
        ledger.store.append_ready(second)
    assert ledger.store.count_events() == 0
    ledger.store.append_ready(first)
    ledger.store.append_ready(second)
    assert ledger.store.count_events() == len(records)
    assert heads == {"APTUSDT.binance": [*ledger.store.streams()][-1].hash}


def test_what_somebody_else_wrote_meanwhile_is_met(ledger: PositionLedger) -> None:
    records, rows = lived()
    made = ready(ledger.store, records, rows, {})
    ledger.request_entry(**ENTRY, intent_id="rival")
    with pytest.raises(VersionTaken):
        ledger.store.append_ready(made)
    assert ledger.store.count_events() == 1


def test_an_intent_opens_one_cycle_of_a_stream(ledger: PositionLedger) -> None:
    records, rows = lived()
    heads: dict[str, str] = {}
    ledger.store.append_ready(ready(ledger.store, records, rows, heads))
    again = records[0]._replace(originator_version=len(records) + 1)
    with pytest.raises(IntentTaken):
        ledger.store.append_ready(ready(ledger.store, [again], [], heads))


def test_several_streams_are_one_transaction(ledger: PositionLedger) -> None:
    one, other = lived(), lived("FXSUSDT")
    ledger.store.append_ready(ready(ledger.store, one[0] + other[0], one[1] + other[1], {}))
    assert [row.symbol for row in ledger.positions()] == ["APTUSDT", "FXSUSDT"]


def test_a_refusal_names_the_stream_that_stands_in_the_way(ledger: PositionLedger) -> None:
    records = [record for symbol in ("APTUSDT", "FXSUSDT", "BTCUSDT") for record in lived(symbol)[0]]
    made = ready(ledger.store, records, [], {})
    ledger.request_entry(**ENTRY | {"symbol": "FXSUSDT"}, intent_id="rival")
    with pytest.raises(VersionTaken, match=r"FXSUSDT\.binance"):
        ledger.store.append_ready(made)
    assert ledger.store.count_events() == 1
