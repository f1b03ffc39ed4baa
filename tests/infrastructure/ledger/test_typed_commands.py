"""The methods of the ledger are generated from the commands, and take exactly their fields."""

from __future__ import annotations

import inspect
from enum import StrEnum
from typing import Any, get_args

import pytest

from domain.commands import field_types
from domain.commands.requests import COMMANDS
from domain.errors import InvalidCommand
from domain.values import Leg, Side, Source
from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import memory_ledger
from tests.typed_commands import WRITTEN, written

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}


def test_the_methods_are_those_that_the_commands_and_their_page_call_for() -> None:
    assert WRITTEN.read_text(encoding="utf-8") == written(), "run `make generate`"


@pytest.mark.parametrize("ledger", [PositionLedger, AsyncPositionLedger])
@pytest.mark.parametrize("verb", COMMANDS)
def test_a_method_has_the_fields_of_its_command_and_their_defaults(ledger: type[object], verb: str) -> None:
    _, *parameters = inspect.signature(getattr(ledger, verb)).parameters.values()
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters)
    assert {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty} == {
        name: field.default for name, field in COMMANDS[verb].model_fields.items() if not field.is_required()
    }
    assert {each.name for each in parameters} == set(COMMANDS[verb].model_fields)


@pytest.mark.parametrize(
    ("words", "enum", "understood"),
    [
        (field_types.AnySide, Side, {"buy", "sell"}),
        (field_types.AnyLeg, Leg, set()),
        (field_types.AnySource, Source, set()),
    ],
)
def test_every_word_of_a_vocabulary_may_be_written(words: object, enum: type[StrEnum], understood: set[str]) -> None:
    itself, literals = get_args(words)
    assert itself is enum
    assert set(get_args(literals)) == {word.value for word in enum} | understood


def test_a_field_that_is_left_out_is_no_other_content_than_its_default() -> None:
    with memory_ledger() as ledger:
        first = ledger.handle(COMMANDS["request_entry"].of(**ENTRY, intent_id="1"))
        again = ledger.request_entry(**ENTRY, intent_id="1")
        assert (again.outcome, again.client_order_id) == ("replayed", first.client_order_id)


def test_a_field_that_a_command_has_not_reaches_no_book() -> None:
    with memory_ledger() as ledger:
        with pytest.raises(TypeError, match="quantitty"):
            ledger.request_entry(**ENTRY | {"quantitty": "61.8"}, intent_id="1")
        with pytest.raises(TypeError, match="intent_id"):
            ledger.request_entry(**ENTRY)
        with pytest.raises(InvalidCommand, match=r'send the text "61\.8"'):
            ledger.request_entry(**ENTRY | {"quantity": 61.8}, intent_id="1")
        assert ledger.positions() == []


def test_a_method_that_is_told_nothing_of_an_instrument_defines_none() -> None:
    with memory_ledger() as ledger:
        with pytest.raises(InvalidCommand, match="send at least one of contract_size"):
            ledger.define_instrument(symbol="APTUSDT", exchange="binance")
        assert ledger.define_instrument(symbol="APTUSDT", exchange="binance", contract_size="10").ok
