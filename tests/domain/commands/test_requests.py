from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands import order_requests as o
from domain.commands.base import NESTING_MAX, Command
from domain.commands.requests import (
    COMMANDS,
    Activate,
    Adjust,
    Adopt,
    Close,
    FailEntry,
    FailRollback,
    ImportPosition,
    RecordEntryFill,
    RecordEntryPlaced,
    RecordEntryUnknown,
    Reduce,
    RequestEntry,
    RollBack,
    SetStopLoss,
    command_from_json,
)
from domain.errors import InvalidCommand
from domain.identifiers import PositionKey
from tests.spec import CYCLE, on, request
from tests.strategies import NOT_NUMBERS

APT = {"symbol": "APTUSDT", "exchange": "binance"}
FILL = {"position_id": CYCLE, "trade_id": "t1", "last_qty": "61.8", "last_px": "3.2333"}

ONE_OF_EACH: dict[type[Command], dict[str, Any]] = {
    RequestEntry: APT | {"side": "short", "quantity": "61.8", "intent_id": "5483266"},
    RecordEntryPlaced: {"position_id": CYCLE, "exchange_order_id": "53190368"},
    RecordEntryFill: FILL,
    RecordEntryUnknown: {"position_id": CYCLE, "reason": "timed out"},
    FailEntry: {"position_id": CYCLE, "reason": "no margin", "outcome": "rejected"},
    SetStopLoss: {"position_id": CYCLE, "stop_price": "3.3"},
    COMMANDS["lose_stop_loss"]: {"position_id": CYCLE, "reason": "gone"},
    Activate: {"position_id": CYCLE},
    Reduce: FILL,
    Adjust: {"position_id": CYCLE, "quantity": "61", "reason": "the exchange says so"},
    Adopt: APT | {"side": "short", "quantity": "61", "avg_px_open": "3.2295", "reason": "no cycle explains it"},
    COMMANDS["start_rollback"]: {"position_id": CYCLE, "reason": "no stop"},
    RollBack: {"position_id": CYCLE},
    FailRollback: {"position_id": CYCLE, "reason": "rejected", "residual_qty": "20"},
    Close: {"position_id": CYCLE, "exit_reason": "stop"},
    o.RequestIncrease: {"position_id": CYCLE, "quantity": "1", "intent_id": "dca1"},
    o.ReplaceOrder: {"position_id": CYCLE, "exchange_order_id": "1", "new_exchange_order_id": "2"},
    o.EndOrder: {"position_id": CYCLE, "exchange_order_id": "1", "outcome": "canceled"},
    o.SetTakeProfit: {"position_id": CYCLE, "price": "3"},
    o.LoseTakeProfit: {"position_id": CYCLE, "reason": "gone"},
    o.RequestExit: {"position_id": CYCLE, "reason": "signal"},
    o.RecordCash: {"position_id": CYCLE, "kind": "funding", "amount": "-0.35", "cash_id": "f1"},
    o.CorrectFill: {"position_id": CYCLE, "trade_id": "t1", "last_px": "3.2", "reason": "busted"},
    o.DefineInstrument: {"symbol": "APTUSDT", "exchange": "binance", "contract_size": "10"},
}
"""Every verb with only what it needs."""

NUMBERS: list[tuple[type[Command], str]] = [
    (RequestEntry, "quantity"),
    (RequestEntry, "signal_price"),
    (RequestEntry, "stop_loss_percent"),
    (RequestEntry, "stop_price"),
    (RecordEntryPlaced, "quantity"),
    (RecordEntryPlaced, "signal_price"),
    (RecordEntryPlaced, "filled_qty"),
    (RecordEntryPlaced, "avg_px"),
    (RecordEntryFill, "last_qty"),
    (RecordEntryFill, "last_px"),
    (RecordEntryFill, "fee"),
    (SetStopLoss, "stop_price"),
    (SetStopLoss, "quantity"),
    (Reduce, "last_qty"),
    (Reduce, "last_px"),
    (Reduce, "fee"),
    (Adjust, "quantity"),
    (Adjust, "avg_px_open"),
    (Adopt, "quantity"),
    (Adopt, "avg_px_open"),
    (FailRollback, "residual_qty"),
    (Close, "avg_px_close"),
    (Close, "fee"),
    (o.RequestIncrease, "quantity"),
    (o.RequestIncrease, "signal_price"),
    (o.ReplaceOrder, "quantity"),
    (o.ReplaceOrder, "price"),
    (o.EndOrder, "filled_qty"),
    (o.EndOrder, "avg_px"),
    (o.SetTakeProfit, "price"),
    (o.SetTakeProfit, "quantity"),
    (o.RequestExit, "quantity"),
    (o.CorrectFill, "last_qty"),
    (o.CorrectFill, "last_px"),
]
SIGNED = {
    *((RecordEntryFill, "last_px"), (Reduce, "last_px"), (Adopt, "avg_px_open"), (Close, "avg_px_close")),
    *((o.EndOrder, "avg_px"), (o.CorrectFill, "last_px")),
}
"""Prices that may be zero or less where the instrument allows, which is decided and not read."""
POSITIVE = [each for each in NUMBERS if each[1] not in ("fee", "filled_qty") and each not in SIGNED]
"""Every number that a bot may send."""


def test_there_is_one_command_a_verb() -> None:
    assert set(ONE_OF_EACH) == set(COMMANDS.values())
    assert [*COMMANDS] == [
        "request_entry",
        "record_entry_placed",
        "record_entry_fill",
        "record_entry_unknown",
        "fail_entry",
        "set_stop_loss",
        "lose_stop_loss",
        "activate",
        "reduce",
        "adjust",
        "adopt",
        "start_rollback",
        "roll_back",
        "fail_rollback",
        "close",
        "request_increase",
        "replace_order",
        "end_order",
        "set_take_profit",
        "lose_take_profit",
        "request_exit",
        "record_cash",
        "correct_fill",
        "define_instrument",
    ]


@pytest.mark.parametrize("verb", ONE_OF_EACH, ids=lambda verb: verb.verb)
def test_a_command_needs_no_more_than_what_the_contract_says(verb: type[Command]) -> None:
    assert command_from_json(json.dumps({"command": verb.verb, **ONE_OF_EACH[verb]})) == verb.of(**ONE_OF_EACH[verb])


@pytest.mark.parametrize(
    ("verb", "left_out"),
    [(verb, name) for verb, sent in ONE_OF_EACH.items() for name in sent if verb is not RecordEntryPlaced],
    ids=lambda part: getattr(part, "verb", part),
)
def test_a_missing_field_is_named(verb: type[Command], left_out: str) -> None:
    sent = {name: value for name, value in ONE_OF_EACH[verb].items() if name != left_out}
    with pytest.raises(InvalidCommand) as refused:
        verb.of(**sent)
    assert str(refused.value).startswith(f"{verb.verb}: ")
    assert f"{left_out} is missing" in str(refused.value) or ": send " in str(refused.value)


def test_a_field_that_a_fill_does_not_have_is_to_be_left_out() -> None:
    fill = {"trade_id": "1", "last_qty": "1", "last_px": "3", "side": "buy"}
    with pytest.raises(InvalidCommand, match=r"evidence\.fills\.0\.side is not a field of it; leave it out"):
        RollBack.of(position_id="APTUSDT.binance#1", evidence={"fills": [fill]})


@pytest.mark.parametrize("verb", ONE_OF_EACH, ids=lambda verb: verb.verb)
def test_a_field_of_another_command_is_refused_by_name(verb: type[Command]) -> None:
    with pytest.raises(InvalidCommand, match="leverage is not a field of it; it has command_id"):
        verb.of(**ONE_OF_EACH[verb], leverage="10")


@pytest.mark.parametrize("verb", ONE_OF_EACH, ids=lambda verb: verb.verb)
def test_every_command_may_carry_an_envelope(verb: type[Command]) -> None:
    envelope = {
        "command_id": 17,
        "expected_version": 3,
        "at": "2025-10-22T22:50:40.981819+04:00",
        "source": "operator",
        "metadata": {"host": "bot-1", "tries": [1, {"last": None}]},
    }
    command = verb.of(**ONE_OF_EACH[verb], **envelope)
    assert command.model_dump(mode="json", include=set(envelope)) == envelope | {
        "command_id": "17",
        "at": "2025-10-22T18:50:40.981819Z",
    }


@pytest.mark.parametrize(
    ("envelope", "words"),
    [
        ({"command_id": ""}, "command_id: is empty"),
        ({"command_id": "x" * 201}, "command_id: is 201 characters long; 200 are allowed"),
        ({"command_id": "a\nb"}, "control character"),
        ({"command_id": "a\x00b"}, "cannot be stored"),
        ({"command_id": True}, "command_id"),
        ({"expected_version": -1}, "expected_version"),
        ({"expected_version": "1"}, "expected_version"),
        ({"expected_version": True}, "expected_version"),
        ({"at": "2025-10-22T18:50:40"}, "names no zone"),
        ({"at": 1761159040}, "at: 1761159040 is not a time"),
        ({"at": "0001-01-01T00:00:00+04:00"}, "at: "),
        ({"source": "me"}, "source"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"latency": 0.1}}, "float"),
        ({"metadata": {"deep": [{"nan": float("nan")}]}}, "not a finite number"),
        ({"metadata": {"text": "\ud800"}}, "cannot be stored"),
        ({"metadata": {"\x00": 1}}, "cannot be stored"),
    ],
    ids=str,
)
def test_a_bad_envelope_is_refused(envelope: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        on(Activate, **envelope)
    assert words in str(refused.value)


def test_every_number_of_every_command_is_tried_here() -> None:
    numeric = {"quantity", "price", "px", "percent", "qty", "fee", "open", "close"}
    fields = [(verb, name) for verb in ONE_OF_EACH for name in verb.model_fields]
    assert [(verb, name) for verb, name in fields if name.rpartition("_")[2] in numeric] == NUMBERS


@given(st.sampled_from(NUMBERS), NOT_NUMBERS.filter(lambda value: value is not None))
def test_no_float_no_nan_and_nothing_absurd_gets_in(field: tuple[type[Command], str], value: object) -> None:
    verb, name = field
    with pytest.raises(InvalidCommand, match=name):
        verb.of(**ONE_OF_EACH[verb] | {name: value})


ZEROS = ["0", "-0", "0.000", 0]
BELOW_ZERO = ["-1", "-0.000000000000000001"]


def is_price(verb: type[Command], name: str) -> bool:
    """Whether it may be below zero where the instrument says so: the command alone does not know."""
    return verb is not ImportPosition and name.rpartition("_")[2] in ("price", "px", "open")


@pytest.mark.parametrize(
    ("verb", "name", "value"),
    [(*each, value) for each in POSITIVE for value in [*ZEROS, *([] if is_price(*each) else BELOW_ZERO)]],
)
def test_no_price_and_no_quantity_is_zero_or_less(verb: type[Command], name: str, value: object) -> None:
    what = "the command cannot do without it" if verb.model_fields[name].is_required() else "leave the field out when"
    with pytest.raises(InvalidCommand, match=f"{name}: .*is not greater than zero; {what}"):
        verb.of(**ONE_OF_EACH[verb] | {name: value})


@pytest.mark.parametrize("milliseconds", [1761159040981, "1761159040981"])
def test_a_time_in_milliseconds_is_told_where_its_text_is(milliseconds: object) -> None:
    with pytest.raises(InvalidCommand, match=r'is not a time; .* order\["datetime"\], not its milliseconds'):
        on(Activate, at=milliseconds)


def test_a_fee_may_be_a_rebate() -> None:
    assert on(RecordEntryFill, trade_id="t1", last_qty="1", last_px="1", fee="-0.02").fee is not None


def test_nothing_filled_yet_is_a_quantity_but_less_than_nothing_is_not() -> None:
    assert on(RecordEntryPlaced, exchange_order_id="1", filled_qty="0").filled_qty == 0
    with pytest.raises(InvalidCommand, match="filled_qty: -1 is negative"):
        on(RecordEntryPlaced, exchange_order_id="1", filled_qty="-1")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("buy", "long"), ("sell", "short"), ("LONG", "long"), (" Short ", "short"), ("Buy", "long")],
)
def test_buy_is_long_and_sell_is_short(sent: str, kept: str) -> None:
    assert request(side=sent).side.value == kept


@pytest.mark.parametrize("side", ["", "flat", "both", None, 1])
def test_any_other_side_is_refused(side: object) -> None:
    with pytest.raises(InvalidCommand, match="side"):
        request(side=side)


@pytest.mark.parametrize("verb", [RequestEntry, Adopt])
def test_a_long_is_not_held_on_the_short_leg(verb: type[Command]) -> None:
    with pytest.raises(InvalidCommand, match="side short cannot be held on leg LONG"):
        verb.of(**ONE_OF_EACH[verb], leg="long")


def test_an_entry_after_the_fact_is_not_placed_on_the_other_leg_either() -> None:
    with pytest.raises(InvalidCommand, match="side short cannot be held on leg LONG"):
        RecordEntryPlaced.of(**APT, leg="LONG", side="short", quantity="61.8", exchange_order_id="53190368")


def test_two_stop_plans_are_refused() -> None:
    with pytest.raises(InvalidCommand, match="are two plans; send one of them"):
        request(stop_loss_percent="2", stop_price="3.3")


@pytest.mark.parametrize("percent", ["100", "250"])
def test_a_stop_loss_is_less_than_all_of_it(percent: str) -> None:
    with pytest.raises(InvalidCommand, match="stop_loss_percent"):
        request(stop_loss_percent=percent)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"exchange_order_id": "1"}, "missing: send position_id, or symbol, exchange, side and quantity"),
        (APT | {"exchange_order_id": "1"}, "side missing"),
        (APT | {"side": "buy", "exchange_order_id": "1"}, "quantity (or filled_qty) missing"),
        (APT | {"side": "buy", "exchange_order_id": "1", "filled_qty": "0"}, "quantity (or filled_qty) missing"),
        ({"position_id": CYCLE, "side": "buy", "exchange_order_id": "1"}, "leave out side"),
        ({"position_id": CYCLE, "exchange_order_id": "1", "avg_px": "3"}, "avg_px needs filled_qty"),
        ({"position_id": CYCLE, "exchange_order_id": "1", "filled_qty": "0", "avg_px": "3"}, "avg_px needs filled_qty"),
        ({"position_id": CYCLE}, "exchange_order_id is missing"),
    ],
    ids=str,
)
def test_an_acknowledgement_names_its_cycle_or_all_that_opens_one(sent: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        RecordEntryPlaced.of(**sent)
    assert words in str(refused.value)


def test_an_acknowledgement_by_key_may_say_what_was_filled_instead_of_what_was_asked() -> None:
    placed = RecordEntryPlaced.of(**APT, side="buy", exchange_order_id=1, filled_qty="5", avg_px="3")
    assert (placed.key, placed.cycle, placed.exchange_order_id) == (PositionKey("APTUSDT", "binance"), None, "1")


def test_an_adjustment_corrects_something() -> None:
    with pytest.raises(InvalidCommand, match="send quantity or avg_px_open, or both"):
        on(Adjust, reason="because")


@pytest.mark.parametrize("reason", ["", " \n"])
def test_a_reason_says_something(reason: str) -> None:
    with pytest.raises(InvalidCommand, match="a year later somebody will ask"):
        on(Close, exit_reason=reason)


def test_a_reason_has_no_limit() -> None:
    assert len(on(Close, exit_reason="x" * 100_000).exit_reason) == 100_000


@pytest.mark.parametrize("outcome", ["filled", "closed", "", None])
def test_an_entry_fails_in_one_of_three_ways(outcome: object) -> None:
    with pytest.raises(InvalidCommand, match="outcome"):
        on(FailEntry, reason="x", outcome=outcome)


def test_ids_may_be_numbers_and_are_trimmed() -> None:
    fill = on(RecordEntryFill, trade_id=24233906, last_qty="1", last_px="1", fee_currency=" BNB ")
    assert (fill.trade_id, fill.fee_currency) == ("24233906", "BNB")


def test_a_command_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        request().quantity = request(quantity="1").quantity  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    "again",
    [
        {"symbol": "apt/usdt:usdt", "exchange": " Binance "},
        {"side": "sell"},
        {"quantity": "61.80"},
        {"intent_id": 5483266},
        {"signal_price": "3.23330"},
        {"account": "", "leg": "both"},
        {"command_id": "other", "at": "2025-10-22T18:50:41Z", "metadata": {"try": 2}, "expected_version": 0},
        {"source": "operator"},
    ],
    ids=str,
)
def test_the_same_content_in_other_words_is_the_same_command(again: dict[str, Any]) -> None:
    assert request(**again).digest == request().digest


@pytest.mark.parametrize(
    "other",
    [
        {"symbol": "APT/USDC"},
        {"exchange": "bybit"},
        {"account": "sub1"},
        {"leg": "SHORT"},
        {"side": "long"},
        {"quantity": "61.9"},
        {"signal_price": None},
        {"stop_loss_percent": "2"},
        {"intent_id": "5483267"},
    ],
    ids=str,
)
def test_other_content_is_another_command(other: dict[str, Any]) -> None:
    assert request(**other).digest != request().digest


def test_the_same_fields_of_another_verb_are_another_command() -> None:
    assert RecordEntryFill.of(**FILL).digest != Reduce.of(**FILL).digest


def test_a_row_that_is_read_better_is_still_the_same_row() -> None:
    row = APT | {
        "status": "active",
        "side": "buy",
        "quantity": "1",
        "legacy_id": "1",
        "opened_at": "2025-10-22T18:50:40Z",
    }
    read = [ImportPosition.of(**row, row={"id": "1"}, findings=found) for found in ((), ("stop on the wrong side",))]
    assert read[0].digest == read[1].digest


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "not a JSON object"),
        ("hello", "not a JSON object"),
        ("[]", "not list"),
        ("null", "not NoneType"),
        ('"activate"', "not str"),
        ("{}", 'there is no "command" in it; there are request_entry'),
        ('{"command": null}', "command"),
        ('{"command": "open"}', "there is no command 'open'; there are request_entry, record_entry_placed"),
        ('{"command": ["activate"]}', "there is no command"),
        ('{"command": "import_position"}', "there is no command 'import_position'"),
        ('{"command": "__class__"}', "there is no command"),
        ('{"command": "activate", "position_id": "a", "position_id": "b"}', "'position_id' is there twice"),
        ('{"command": "activate", "position_id": NaN}', "NaN is not a finite number"),
        ('{"command": "activate", "position_id": "pending"}', "'pending' is not a position id like APTUSDT.binance#1"),
        ('{"command": "activate", "position_id": "APTUSDT.binance#1", "cls": 1}', "cls is not a field of it"),
        ('{"command": "activate"', "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('{"command": "activate", "expected_version": ' + "9" * 5_000 + "}", "not a JSON object"),
    ],
    ids=lambda text: text[:60],
)
def test_a_bad_line_is_answered(line: str, words: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        command_from_json(line)
    assert words in str(refused.value)


def test_a_number_written_as_a_float_is_refused_with_the_text_to_send() -> None:
    line = json.dumps({"command": "request_entry", **ONE_OF_EACH[RequestEntry]}).replace('"61.8"', "61.80")
    with pytest.raises(InvalidCommand, match=r'quantity: 61\.80 is a float, .* send the text "61\.80"'):
        command_from_json(line)


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(InvalidCommand) as refused:
        RequestEntry.of(symbol="APT USDT", exchange="binance", side="up", quantity="0")
    assert all(name in str(refused.value) for name in ("symbol", "side", "quantity", "intent_id is missing"))


@pytest.mark.parametrize("nothing", [{}, [], "", "  "])
def test_evidence_of_nothing_is_none(nothing: object) -> None:
    assert on(RollBack, evidence=nothing).evidence is None
    assert on(RollBack, evidence=nothing).digest == on(RollBack).digest


@pytest.mark.parametrize("evidence", [{1: 2}, {1: 2, "a": 3}, 7, True, ["x1"], [{"trade_id": "x1"}]], ids=repr)
def test_what_is_no_evidence_at_all_is_refused(evidence: object) -> None:
    with pytest.raises(InvalidCommand, match="evidence"):
        on(RollBack, evidence=evidence)


@pytest.mark.parametrize("position_id", [None, 2548, ["APTUSDT.binance#1"], "pending", b"APTUSDT.binance#1"], ids=repr)
def test_what_is_no_position_id_is_refused(position_id: object) -> None:
    with pytest.raises(InvalidCommand, match=r"is not a position id like APTUSDT\.binance#1"):
        Activate.of(position_id=position_id)


def nested(depth: int) -> dict[str, Any]:
    inner: list[Any] = []
    for _ in range(depth - 1):
        inner = [inner]
    return {"deep": inner}


@pytest.mark.parametrize("place", ["metadata", "evidence"])
@pytest.mark.parametrize("depth", [NESTING_MAX + 1, 300, 900, 20_000])
def test_what_is_nested_too_deeply_is_refused(place: str, depth: int) -> None:
    with pytest.raises(InvalidCommand, match=place):
        RollBack.of(position_id=CYCLE, **{place: nested(depth)})


@pytest.mark.parametrize("place", ["metadata", "evidence"])
def test_what_is_nested_no_deeper_than_that_is_taken(place: str) -> None:
    assert RollBack.of(position_id=CYCLE, **{place: nested(NESTING_MAX)}).digest


def test_the_keys_of_evidence_are_in_no_order() -> None:
    keys = {"note": "flat", "b": {"y": 1, "x": 2}, "a": 1}
    other = {"a": 1, "b": {"x": 2, "y": 1}, "note": "flat"}
    assert on(RollBack, evidence=keys).digest == on(RollBack, evidence=other).digest
    assert on(RollBack, evidence=keys).digest != on(RollBack, evidence=keys | {"a": 2}).digest


def test_a_copy_with_another_value_is_another_command() -> None:
    asked = request()
    other = asked.model_copy(update={"symbol": "BTCUSDT"})
    assert (asked.key.symbol, other.key.symbol) == ("APTUSDT", "BTCUSDT")
    assert asked.digest != other.digest
    assert asked.model_copy() == asked


def test_a_copy_is_checked_like_the_original() -> None:
    with pytest.raises(InvalidCommand, match=r'send the text "1\.5"'):
        request().model_copy(update={"quantity": 1.5})


@pytest.mark.parametrize("said", ["yes", "no", "true", 1, 0])
def test_true_and_false_are_said_as_such(said: object) -> None:
    told = {"position_id": "APTUSDT.binance#1", "trade_id": "x1", "last_qty": "1", "last_px": "3"}
    with pytest.raises(InvalidCommand, match=r"flip: .* is neither true nor false"):
        Reduce.of(**told, flip=said)
    assert Reduce.of(**told, flip=True).flip


REQUESTS = Path(__file__).parents[2] / "samples_ledger" / "requests.jsonl"


def test_a_command_that_an_earlier_version_recorded_is_the_same_command_when_it_is_sent_again() -> None:
    stored = [json.loads(line) for line in REQUESTS.read_text(encoding="utf-8").splitlines()]
    assert {each["sent"]["command"] for each in stored} == {*COMMANDS}
    for each in stored:
        assert command_from_json(json.dumps(each["sent"])).digest == each["request"], each["sent"]
