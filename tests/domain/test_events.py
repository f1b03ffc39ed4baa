"""An event is compared, hashed and shown with all of its fields."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.events import Activated, EntryOutcomeUnknown
from domain.values import Source

AT = datetime(2025, 10, 22, 18, 50, 40, tzinfo=UTC)
SAID: dict[str, Any] = {
    "originator_id": "APTUSDT.binance",
    "originator_version": 3,
    "command_id": "command-1",
    "request": "digest",
    "cycle": 1,
    "ts_event": AT,
    "ts_recorded": AT,
    "source": Source.SIGNAL,
}


def test_events_that_say_the_same_are_one() -> None:
    active, again = Activated(**SAID), Activated(**SAID)
    assert active == again and hash(active) == hash(again) and len({active, again}) == 1


def test_events_that_say_something_else_or_are_another_kind_are_two() -> None:
    active = Activated(**SAID)
    assert active != replace(active, cycle=2)
    others: list[object] = [EntryOutcomeUnknown(**SAID, reason="no answer"), "Activated"]
    assert active not in others


def test_an_event_shows_all_that_it_says() -> None:
    shown = repr(EntryOutcomeUnknown(**SAID, reason="no answer"))
    assert shown.startswith("EntryOutcomeUnknown(originator_id='APTUSDT.binance', originator_version=3, command_id=")
    assert shown.endswith("metadata=None, time_was_said=None, reason='no answer')")


def test_an_event_with_metadata_cannot_be_counted() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Activated(**SAID, metadata={"owner": "bot-1"}))
