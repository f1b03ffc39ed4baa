"""Objects are read one by one, whatever stands around them, and wherever a read of the file ends."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest

from infrastructure.transfer.statements.sources import json_rows as module
from infrastructure.transfer.statements.sources.json_rows import json_rows
from infrastructure.transfer.transfer_errors import StatementRefused

ROWS = [{"a": n, "text": '{[\\",é', "number": 0.1} for n in range(7)]


def read(text: str) -> list[Any]:
    return [row.named for row in json_rows(io.StringIO(text))]


def numbers(text: str) -> list[int]:
    return [row.line for row in json_rows(io.StringIO(text))]


def refusal(text: str) -> str:
    with pytest.raises(StatementRefused) as refused:
        read(text)
    return refused.value.message


@pytest.mark.parametrize("chunk", [1, 2, 7, 64, 1 << 20])
@pytest.mark.parametrize("indent", [None, 1])
def test_a_list_lines_and_answers_are_the_same_rows(
    chunk: int, indent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK", chunk)
    expected = [{**row, "number": Decimal("0.1")} for row in ROWS]
    as_list = json.dumps(ROWS, indent=indent)
    assert read(as_list) == expected
    assert read("\n".join(json.dumps(row) for row in ROWS)) == expected
    assert read(json.dumps({"code": "0", "data": ROWS}, indent=indent)) == expected
    pages = [json.dumps({"retCode": 0, "result": {"list": page}}) for page in (ROWS[:3], ROWS[3:])]
    assert read("\n".join(pages)) == expected
    assert numbers(as_list) == list(range(1, 8))


def test_what_is_said_beside_a_list_is_said_of_all_of_it() -> None:
    assert read('{"result": {"category": "spot", "list": [{"a": 1}, {"category": "x"}]}}') == [
        {"category": "spot", "a": 1},
        {"category": "x"},
    ]


def test_the_fill_in_a_slice_of_hyperliquid_is_a_row() -> None:
    assert read('[{"fill": {"a": 1}, "twapId": 7}, {"fill": {"a": 2}, "twapId": 7}]') == [{"a": 1}, {"a": 2}]
    assert read('{"data": {"user": "0", "twapSliceFills": [{"fill": {"a": 1}, "twapId": 7}]}}') == [{"a": 1}]
    assert read('[{"fill": {"a": 1}}]') == [{"fill": {"a": 1}}]


def test_lists_by_symbol_are_all_of_their_rows() -> None:
    one, other, third = {"s": "BTCUSDT", "a": 1}, {"s": "BTCUSDT", "a": 2}, {"s": "S-USDT-SWAP", "side": "B"}
    for symbol in ("BTCUSDT", "BTC/USDT:USDT", "btc"):
        assert read(json.dumps({symbol: [one, other], "XRP": [], "S": [third]})) == [one, other, third]
    by_account = {"main": [one], "sub": [other]}
    for row in (
        by_account,
        {"a": 1, "fees": [{"b": 2}]},
        {"a": [1, 2]},
        {"tokens": [{"b": 2}], "universe": [{"c": 3}]},
    ):
        assert read(json.dumps(row)) == [row]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[{"a": 1},\n {"a": }]', "line 2: is no JSON: Expecting value (line 2 of the text)"),
        ('[{"a": 1},\n {"a": 1}', "line 3: the file ends in the middle of a list (line 2 of the text)"),
        ('{"a": 1}\n3', "line 2: '3' is no JSON object"),
        ('{"a": "x', "line 1: is no JSON: Unterminated string starting at (line 1 of the text)"),
        (
            '{"code": "50011", "msg": "Too Many Requests", "data": []}',
            "line 1: it is of a call that failed: code '50011'",
        ),
        ("[" * 100_000, "line 1: is no JSON that can be read"),
        ('{"a": 1e99999999999999999999}', "line 1: is no JSON that can be read"),
        ('[{"qty": 1}, {"qty": 1, "qty": 10}]', "line 2: is no JSON that can be read: 'qty' is there twice"),
    ],
)
def test_what_is_no_json_is_named_with_its_place(text: str, says: str) -> None:
    assert refusal(text).startswith(says)


def test_what_is_wrong_early_is_refused_before_the_rest_is_read() -> None:
    text = io.StringIO('{"a" 1' + " " * (1 << 22))
    with pytest.raises(StatementRefused):
        list(json_rows(text))
    assert text.tell() <= 1 << 21


@pytest.mark.parametrize(
    "answer",
    [
        '{"result": null, "id": 3}',
        '{"success": true, "ret_msg": "", "conn_id": "x", "req_id": "", "op": "auth"}',
        '{"req_id": "", "op": "pong", "args": ["1"], "conn_id": "x"}',
        '{"event": "subscribe", "arg": {"channel": "orders", "instType": "ANY"}, "connId": "x"}',
        '{"channel": "subscriptionResponse", "data": {"method": "subscribe", "subscription": {"type": "userFills"}}}',
        '{"channel": "pong"}',
    ],
)
def test_answers_of_a_connection_are_left_out(answer: str) -> None:
    text = f'{answer}\n{{"channel": "userFills", "data": {{"fills": [{{"a": 1}}]}}}}\n{answer}\n'
    assert [(row.line, row.named) for row in json_rows(io.StringIO(text))] == [(2, {"a": 1})]
