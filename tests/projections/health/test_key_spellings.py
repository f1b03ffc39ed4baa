"""Keys that mean others today, and names of exchanges that are probably misspelled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.commands.requests import FailEntry
from domain.symbols.venues import KNOWN
from projections.health.checks import Check, Section
from projections.health.key_spellings import spelling
from projections.positions import PositionRow
from tests.spec import ENTERED, given, on, request


def row(stream: str, exchange: str = "bybit", *, is_over: bool = False) -> PositionRow:
    """A row of a stream as an earlier version opened it."""
    (known,) = (
        given(request(), on(FailEntry, outcome="rejected", reason="30208")).rows.values()
        if is_over
        else (given(*ENTERED).rows.values())
    )
    return replace(known, position_id=f"{stream}#1", symbol=stream.partition(".")[0], exchange=exchange)


def found(*rows: PositionRow) -> list[tuple[str, str]]:
    section = spelling(rows)
    return [] if section is None else [(each.severity.value, each.subject) for each in section.symptoms]


def test_a_key_that_is_read_as_another_is_named_with_what_to_do() -> None:
    section = spelling([row("BTCUSD.bybit"), row("APTUSDT.bybit")])
    assert isinstance(section, Section) and section.check is Check.SPELLING
    (symptom,) = section.symptoms
    assert symptom.message == (
        "BTCUSD.bybit was opened under a spelling that means BTC/USD:BTC.bybit today, whose slot is free while this "
        "one is open: send its commands by position id, and no entry for BTC/USD:BTC.bybit until it is over"
    )
    assert symptom.advice == "position-ledger history 'BTCUSD.bybit#1'"


def test_both_of_them_open_are_critical() -> None:
    assert found(row("BTCUSD.bybit"), row("BTC/USD:BTC.bybit")) == [("critical", "BTCUSD.bybit#1")]


def test_another_spelling_of_a_known_exchange_is_named_once() -> None:
    section = spelling([row("APTUSDT.hyper-liquid", "hyper-liquid")])
    assert section is not None
    (symptom,) = section.symptoms
    assert "was opened under a spelling that means APTUSDT.hyperliquid today" in symptom.message


@pytest.mark.parametrize("name", ["binnace", "hyperliqid", "bybitt"])
def test_an_unknown_exchange_beside_a_near_one_is_named(name: str) -> None:
    assert found(row(f"APTUSDT.{name}", name)) == [("warning", f"APTUSDT.{name}#1")]


def test_an_unknown_exchange_near_one_that_is_used_is_named() -> None:
    assert found(row("APTUSDT.homebrew", "homebrew"), row("APTUSDT.homebrow", "homebrow"))
    assert not found(row("APTUSDT.homebrew", "homebrew"))


def test_what_is_over_or_known_or_like_nothing_is_no_symptom() -> None:
    assert found(row("BTCUSD.bybit", is_over=True), row("BTC/USD:BTC.bybit"), row("ES.paper", "paper")) == []
    assert found(*(row(f"APTUSDT.{name}", name) for name in KNOWN)) == []
