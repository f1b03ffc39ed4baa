"""Queries and commands as lines of JSON, and the schema of both, which is made from the code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.commands.requests import COMMANDS
from domain.errors import CommandRefused, InvalidCommand, UnknownPosition
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.json_queries import QUERIES, protocol_schema, query_from_json
from position_ledger.testing import memory_ledger


def asked(ledger: PositionLedger, text: str) -> dict[str, object]:
    query = query_from_json(text)
    assert query is not None
    return query.answer(ledger)


def test_positions_are_found_in_any_spelling_and_only_those_that_are_wanted() -> None:
    with memory_ledger() as ledger:
        for symbol in ("SUIUSDT", "APTUSDT"):
            ledger.request_entry(symbol=symbol, exchange="binance", side="long", quantity="10", intent_id=f"i-{symbol}")
        found = asked(ledger, '{"query": "positions", "symbol": "sui/usdt", "open": true}')
        rows = found["positions"]
        assert isinstance(rows, list)
        (row,) = rows
        assert row["position_id"] == "SUIUSDT.binance#1"
        assert asked(ledger, '{"query": "positions", "exchange": "bybit"}') == {"positions": []}
        assert asked(ledger, '{"query": "position", "position_id": "SUIUSDT.binance#1"}') == {"position": row}
        with pytest.raises(UnknownPosition):
            asked(ledger, '{"query": "position", "position_id": "SUIUSDT.binance#2"}')


def test_pending_orders_are_what_a_bot_has_to_look_up_after_a_crash() -> None:
    with memory_ledger() as ledger:
        entry = ledger.request_entry(
            symbol="SUIUSDT", exchange="binance", side="long", quantity="10", intent_id="1", stop_loss_percent="2"
        )
        position_id = entry.position_id
        (pending,) = ledger.pending_orders()
        assert (pending.role, pending.side, pending.reduce_only) == ("entry", "buy", False)
        assert pending.client_order_id == entry.client_order_id
        ledger.record_entry_placed(position_id=position_id, exchange_order_id="7", filled_qty="10", avg_px="3.5")
        (missing,) = [each for each in ledger.pending_orders() if each.is_missing]
        assert (missing.role, missing.side, str(missing.stop_price)) == ("stop", "sell", "3.43")
        ledger.set_stop_loss(position_id=position_id, stop_price="3.43", exchange_order_id="8", activate=True)
        assert ledger.pending_orders() == []
        closing = ledger.request_exit(position_id=position_id, reason="target")
        (leaving,) = ledger.pending_orders()
        assert (leaving.role, leaving.client_order_id) == ("exit", closing.client_order_id)
        assert (leaving.reduce_only, leaving.reason) == (True, "target")
        ledger.end_order(position_id=position_id, client_order_id=leaving.client_order_id, outcome="expired")
        ledger.start_rollback(position_id=position_id, reason="the operator wants it")
        (undoing,) = ledger.pending_orders()
        assert (undoing.role, undoing.reason) == ("rollback", "the operator wants it")


def test_the_stop_that_is_missing_is_for_what_no_other_one_covers() -> None:
    with memory_ledger() as ledger:
        held = ledger.adopt(
            symbol="SUIUSDT", exchange="binance", side="long", quantity="10", avg_px_open="3.5", reason="found"
        )
        ledger.set_stop_loss(position_id=held.position_id, stop_price="3.4", exchange_order_id="7", quantity="4")
        (missing,) = ledger.pending_orders()
        assert (missing.name, str(missing.quantity)) == ("stop.2", "6")
        rest: dict[str, Any] = {"quantity": str(missing.quantity), "stop_price": "3.4", "exchange_order_id": "8"}
        ledger.set_stop_loss(position_id=held.position_id, **rest)
        assert ledger.pending_orders() == [] and ledger.position(held.position_id).protected


@pytest.mark.parametrize("text", ['{"command": "activate"}', "not JSON", "[1]", "1"])
def test_what_is_no_question_is_left_to_the_commands(text: str) -> None:
    assert query_from_json(text) is None


@pytest.mark.parametrize(
    "text",
    ['{"query": "no"}', '{"query": 1}', '{"query": "positions", "opn": true}', '{"query": "position"}'],
)
def test_a_question_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidCommand, match=r"there are positions|opn|position_id"):
        query_from_json(text)


def test_a_key_that_is_there_twice_is_refused_as_in_a_command() -> None:
    with pytest.raises(InvalidCommand, match="'symbol' is there twice"):
        query_from_json('{"query": "positions", "symbol": "APTUSDT", "symbol": "SUIUSDT"}')


def test_a_filter_that_cannot_be_read_is_refused() -> None:
    with memory_ledger() as ledger, pytest.raises(CommandRefused, match="leg"):
        asked(ledger, '{"query": "positions", "leg": "sideways"}')


VALUES = {"boolean": True, "string": "yes", "integer": 1, "number": 1.5, "null": None, "array": [], "object": {}}


def types_of(field: dict[str, Any]) -> set[str]:
    return {each["type"] for each in field.get("anyOf", [field])}


@pytest.mark.parametrize("name", QUERIES)
def test_a_question_takes_the_types_that_the_schema_says_and_no_others(name: str) -> None:
    (schema,) = [
        each for each in protocol_schema()["$defs"]["query"]["oneOf"] if each["properties"]["query"]["const"] == name
    ]
    assert schema["additionalProperties"] is False
    needed = {field: "APTUSDT.binance#1" for field in schema["required"] if field != "query"}
    for field, said in schema["properties"].items():
        if field == "query":
            continue
        for kind, value in VALUES.items():
            line = json.dumps({"query": name, **needed, field: value})
            if kind in types_of(said):
                assert query_from_json(line) is not None
            else:
                with pytest.raises(InvalidCommand, match=f"{name}: {field}: "):
                    query_from_json(line)


def test_the_schema_has_every_command_and_every_question() -> None:
    found = protocol_schema()["$defs"]
    assert [each["properties"]["command"]["const"] for each in found["command"]["oneOf"]] == list(COMMANDS)
    assert [each["properties"]["query"]["const"] for each in found["query"]["oneOf"]] == list(QUERIES)
    references = str(protocol_schema()).split("#/$defs/")[1:]
    assert {each.partition("'")[0] for each in references} <= found.keys()
