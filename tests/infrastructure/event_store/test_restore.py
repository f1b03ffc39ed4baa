"""Events restored as another ledger recorded them: after the end of the log, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infrastructure.event_store.records import RecordedEvent
from infrastructure.event_store.vocabulary.append_conflicts import IntentTaken, VersionTaken
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import memory_ledger
from projections.positions import PositionRow

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "3"}


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger


def lived() -> tuple[list[RecordedEvent], list[PositionRow]]:
    """Two cycles of a key, of which the first one failed."""
    with memory_ledger() as other:
        failed = other.request_entry(**ENTRY, intent_id="1").position_id
        other.fail_entry(position_id=failed, reason="rejected", outcome="rejected")
        other.request_entry(**ENTRY, intent_id="2")
        return [*other.store.log()], [*other.store.rows()]


def test_they_stand_as_they_were_and_the_next_event_comes_after_them(ledger: PositionLedger) -> None:
    events, rows = lived()
    ledger.store.restore(events, after=0, rows=rows, rejections=())
    assert [*ledger.store.log()] == events
    assert ledger.request_entry(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="1").outcome == "recorded"
    assert [event.id for event in ledger.store.log()] == [1, 2, 3, 4]
    assert verify(ledger.store).ok


def test_where_the_log_ends_elsewhere_nothing_is_restored(ledger: PositionLedger) -> None:
    events, rows = lived()
    ledger.request_entry(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="1")
    with pytest.raises(VersionTaken, match="the log ends at nid 1, not at 0"):
        ledger.store.restore(events, after=0, rows=rows, rejections=())
    assert ledger.store.count_events() == 1


def test_an_intent_that_opened_a_cycle_of_the_stream_is_not_restored_for_another(ledger: PositionLedger) -> None:
    first, failed, second = lived()[0]
    again = second._replace(intent_id=first.intent_id)
    with pytest.raises(IntentTaken):
        ledger.store.restore([first, failed, again], after=0, rows=(), rejections=())
    assert ledger.store.count_events() == 0
