"""The sentences for commands that correct or end a cycle."""

from __future__ import annotations

import pytest

from domain.commands.base import Command
from domain.commands.requests import (
    Activate,
    Adjust,
    Close,
    FailEntry,
    LoseStopLoss,
    RecordEntryPlaced,
    RollBack,
    SetStopLoss,
)
from projections.reconciliation.command_text import in_words
from tests.spec import STOP, on, request


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (on(FailEntry, outcome="expired", reason="x"), "end APTUSDT.binance#1 as failed: its entry came to nothing"),
        (on(RollBack), "end APTUSDT.binance#1 as rolled back: the exchange holds nothing"),
        (on(Close, exit_reason="x"), "close APTUSDT.binance#1 without a price"),
        (on(RecordEntryPlaced, exchange_order_id="7"), "note that the entry of APTUSDT.binance#1 is order 7"),
        (on(Adjust, quantity="61", reason="x"), "adjust APTUSDT.binance#1 to 61"),
        (STOP, "note the stop of APTUSDT.binance#1: 3.298, order s1"),
        (
            on(SetStopLoss, stop_price="3.3", exchange_order_id="s2", activate=True),
            "activate APTUSDT.binance#1 under the stop at 3.3, order s2",
        ),
        (on(LoseStopLoss, reason="x"), "note that the stop of APTUSDT.binance#1 is lost"),
        (on(Activate), "activate APTUSDT.binance#1 under the stop that is on record"),
    ],
)
def test_every_command_that_corrects_or_ends_a_cycle_has_its_words(command: Command, words: str) -> None:
    assert in_words(command) == words


def test_a_command_that_begins_one_has_none() -> None:
    with pytest.raises(AssertionError, match="request_entry"):
        in_words(request())
