from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from domain.commands.base import Command
from domain.commands.content import ENVELOPE, content_of
from domain.commands.requests import Close, RecordEntryFill, RequestEntry, RollBack
from domain.writing import written
from tests.strategies import conversations

WRITABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


def by_pydantic(command: Command) -> bytes:
    return written(command.__pydantic_serializer__, command, exclude=ENVELOPE, exclude_defaults=True)


@given(conversations(defines=True))
def test_the_content_is_written_as_pydantic_writes_it(sent: list[Command]) -> None:
    assert [content_of(command) for command in sent] == [by_pydantic(command) for command in sent]


@given(WRITABLE.filter(lambda text: bool(text.strip())))
def test_a_text_is_written_as_pydantic_writes_it(text: str) -> None:
    command = Close.of(position_id="APTUSDT.binance#1", exit_reason=text, dust=False)
    assert content_of(command) == by_pydantic(command)


def test_neither_the_envelope_nor_a_default_is_content() -> None:
    fill = RecordEntryFill.of(
        position_id="APTUSDT.binance#1", trade_id="7", last_qty="1.50", last_px="1e2", command_id="c", fee=None
    )
    assert content_of(fill) == b'{"position_id":"APTUSDT.binance#1","trade_id":"7","last_qty":"1.5","last_px":"100"}'


def test_a_copy_of_other_values_has_their_content() -> None:
    fields = {"position_id": "APTUSDT.binance#1", "trade_id": "7", "last_qty": Decimal(2), "last_px": Decimal(3)}
    first = RecordEntryFill.of(**fields, fee="1", fee_currency="BNB")
    copied = first.with_known({**fields, "last_qty": Decimal("2.50"), "fee": None, "fee_currency": None})
    assert content_of(copied) == content_of(RecordEntryFill.of(**{**fields, "last_qty": "2.5"}))


def test_a_key_is_written_by_its_spelling_and_what_is_nested_by_pydantic() -> None:
    asked = RequestEntry.of(symbol="apt/usdt:usdt", exchange="Binance", side="buy", quantity="1", intent_id="i")
    assert content_of(asked) == by_pydantic(asked)
    fill = {"trade_id": "1", "last_qty": "2", "last_px": "3"}
    proof = RollBack.of(
        position_id="APTUSDT.binance#1", evidence={"observed_at": "2025-10-22T18:50:40Z", "fills": [fill]}
    )
    assert content_of(proof) == by_pydantic(proof)
