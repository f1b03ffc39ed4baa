"""Commands that are made like another one are what the command itself would make of the same fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands.base import Command
from domain.commands.requests import Close, RecordEntryFill, RecordEntryPlaced, Reduce
from domain.errors import InvalidCommand
from domain.identifiers import PositionKey
from domain.values import Side, Source
from infrastructure.transfer.statements.intake.command_ids import CLOSES, OPENS, command_id_of
from infrastructure.transfer.statements.intake.key_fold import is_plain
from infrastructure.transfer.statements.statement_facts import StatementFill
from tests.infrastructure.transfer.statements.intake.told import BTC, fill
from tests.strategies import numbers

NAMES = st.text(st.characters(codec="ascii"), min_size=1, max_size=12) | st.text(min_size=1, max_size=5)
MONEY = numbers() | st.sampled_from(["1e-5", "-1E-7", "1E+3", "1.50", "0", "-0", "1e-19", "1e18"]).map(Decimal)
FILLS = st.builds(
    lambda signed, price, **known: fill(0, f"{signed:f}", f"{price:f}", **known),
    MONEY,
    MONEY,
    trade_id=NAMES,
    order_id=NAMES,
    fee=st.none() | MONEY,
    fee_currency=st.none() | NAMES,
    reason=st.sampled_from([None, None, None, "adl"]),
)


def fields_of(kind: type[Command], told: StatementFill, number: int = 1) -> dict[str, Any]:
    """What is filled in anew for each fill, as the import does."""
    command_id, position_id = command_id_of(told), f"{told.key.stream}#{number}"
    if kind is RecordEntryPlaced:
        side = Side.LONG if told.buys else Side.SHORT
        known = {"side": side, "quantity": told.quantity, "exchange_order_id": told.order_id}
        return known | {"at": told.time, "command_id": command_id + OPENS}
    if kind is Close:
        known = {"position_id": position_id, "exit_reason": "its fills closed all of it"}
        return known | {"at": told.time, "command_id": command_id + CLOSES}
    return {
        "position_id": position_id,
        "trade_id": told.trade_id,
        "exchange_order_id": told.order_id,
        "last_qty": told.quantity,
        "last_px": told.price,
        "fee": told.fee,
        "fee_currency": told.fee_currency,
        "at": told.time,
        "command_id": command_id,
    }


def slot_of(kind: type[Command], key: PositionKey) -> dict[str, Any]:
    if kind is not RecordEntryPlaced:
        return {}
    return {"symbol": key.symbol, "exchange": key.exchange, "account": key.account, "leg": key.leg}


@pytest.mark.parametrize("kind", [RecordEntryPlaced, RecordEntryFill, Reduce, Close])
@given(first=FILLS, other=FILLS)
def test_a_command_like_another_is_the_command_that_was_looked_at(
    kind: type[Command], first: StatementFill, other: StatementFill
) -> None:
    if not is_plain(other):
        return
    slot = slot_of(kind, BTC)
    try:
        alike = kind.of(**slot, **fields_of(kind, first), source=Source.IMPORT)
    except InvalidCommand:
        alike = kind.of(**slot, **fields_of(kind, fill(0, "1")), source=Source.IMPORT)
    assert alike.digest  # what was worked out of one command is not that of the other
    looked_at = kind.of(**slot, **fields_of(kind, other, 7), source=Source.IMPORT)
    made = alike.with_known(fields_of(kind, other, 7))
    assert made == looked_at
    assert (made.digest, made.key, made.cycle) == (looked_at.digest, looked_at.key, looked_at.cycle)
    assert (made.former_keys, made.model_fields_set) == (looked_at.former_keys, looked_at.model_fields_set)


@pytest.mark.parametrize("odd", [{"trade_id": " t"}, {"order_id": "é"}, {"fee": Decimal("1e-7")}, {"reason": "adl"}])
def test_what_a_command_would_spell_otherwise_or_refuse_is_looked_at(odd: dict[str, Any]) -> None:
    assert is_plain(fill(0, "1"))
    assert not is_plain(fill(0, "1", **odd))
