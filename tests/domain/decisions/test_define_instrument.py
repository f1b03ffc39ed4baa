"""The terms of an instrument: what is said of them, what stays as it was, and which cycle they are for."""

from __future__ import annotations

import pytest

from domain.commands.base import Command
from domain.commands.order_requests import DefineInstrument
from domain.commands.requests import Adopt, Close, FailEntry, RecordEntryPlaced
from domain.errors import InstrumentInUse
from domain.events import InstrumentDefined
from tests.spec import ENTERED, given, on, request


def defined(**terms: object) -> DefineInstrument:
    return DefineInstrument.of(symbol="APTUSDT", exchange="binance", **terms)


def test_what_is_said_anew_replaces_what_was_said_and_the_rest_stays() -> None:
    story = given(defined(contract_size="10")).when(defined(price_tick="0.1")).then(InstrumentDefined)
    (event,) = story.events
    assert isinstance(event, InstrumentDefined)
    assert (str(event.terms.contract_size), str(event.terms.price_tick)) == ("10", "0.1")
    story.when(defined(contract_size="10")).no_news().when(defined(contract_size="100")).then(InstrumentDefined)
    (event,) = story.events
    assert isinstance(event, InstrumentDefined)
    assert (str(event.terms.contract_size), str(event.terms.price_tick)) == ("100", "0.1")


def test_a_position_keeps_the_terms_with_which_it_was_opened() -> None:
    story = given(*ENTERED).when(defined(contract_size="10")).refused(InstrumentInUse, "contract size of 1")
    forced = defined(contract_size="10", force=True, reason="contracts")
    story.when(forced).then(InstrumentDefined).leaves(contract_size="1")
    story.when(on(Close, exit_reason="x")).when(request(intent_id="next")).leaves(contract_size="10")


def test_terms_may_be_defined_as_soon_as_the_entry_has_failed() -> None:
    given(request(), on(FailEntry, reason="refused", outcome="rejected")).when(defined(contract_size="10")).then(
        InstrumentDefined
    )


INVERSE = {"symbol": "BTC/USD:BTC", "exchange": "okx", "side": "long", "quantity": "100"}


@pytest.mark.parametrize(
    "told",
    [
        RecordEntryPlaced.of(**INVERSE, exchange_order_id="1", filled_qty="100", avg_px="50000"),
        Adopt.of(**INVERSE, avg_px_open="50000", reason="seen"),
    ],
    ids=["an entry", "a position"],
)
def test_what_is_told_after_the_fact_is_counted_as_its_symbol_pays(told: Command) -> None:
    story = given(told)
    (row,) = story.rows.values()
    story.leaves(row.position_id, inverse=True, quantity="100", avg_px_open="50000")
    story.when(on(Close, row.position_id, exit_reason="x", avg_px_close="40000"))
    story.leaves(row.position_id, realized_pnl="-0.0005")
