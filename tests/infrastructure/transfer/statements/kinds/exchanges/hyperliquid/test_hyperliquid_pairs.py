"""Pairs that fills call by a number have the names that follow from their fees, or that spotMeta says."""

from __future__ import annotations

import json

import pytest

from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_fills import HYPERLIQUID_FILLS
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_pairs import HYPERLIQUID_PAIRS
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.statement_text import file_of

HERE = Whose(exchange="hyperliquid")


def fill(number: int, side: str, quantity: str, price: str, fee: str) -> dict[str, str | int]:
    amount, token = fee.split()
    return {
        "coin": "@107",
        "side": side,
        "sz": quantity,
        "px": price,
        "fee": amount,
        "feeToken": token,
        "time": 1773739452105 + number,
        "startPosition": "0",
        "dir": "Buy" if side == "B" else "Sell",
        "closedPnl": "0",
        "oid": number,
        "tid": number,
    }


def books(*fills: dict[str, str | int], whose: Whose = HERE) -> list[str]:
    return booked(json.dumps(fills), HYPERLIQUID_FILLS, whose)


def test_both_sides_of_a_pair_say_what_it_is() -> None:
    bought, sold = fill(1, "B", "10", "25", "0.01 HYPE"), fill(2, "A", "9.99", "30", "0.3 USDC")
    told = ["HYPEUSDC.hyperliquid:SPOT#1 long closed holds 0: earned 49.7, net 49.4, fees 0.3"]
    assert books(bought, sold) == books(sold, bought) == told


def test_one_side_alone_is_refused_without_its_name() -> None:
    bought = fill(1, "B", "10", "25", "0.01 HYPE")
    with pytest.raises(StatementRefused, match="line 2: coin '@107' is the number of a pair on spot"):
        books(fill(0, "B", "1", "1", "0.1 PURR") | {"coin": "PURR/USDC"}, bought)
    assert books(bought, whose=Whose("hyperliquid", names={"@107": "HYPE/USDC"}))[0].startswith("HYPEUSDC.")


def test_tokens_that_are_none_are_refused() -> None:
    assert HYPERLIQUID_PAIRS.names is not None
    answer = {"tokens": [{"name": "USDC", "index": 0}], "universe": [{"name": "@1", "index": 1, "tokens": [7, 0]}]}
    with pytest.raises(StatementRefused, match=r"line 1: tokens '\[7, 0\]' of @1 are not two of its tokens"):
        HYPERLIQUID_PAIRS.names(file_of(json.dumps(answer)))


def test_the_answer_of_spot_meta_says_names() -> None:
    answer = {
        "tokens": [{"name": "USDC", "index": 0}, {"name": "HYPE", "index": 150}],
        "universe": [{"name": "@107", "index": 107, "tokens": [150, 0]}],
    }
    assert HYPERLIQUID_PAIRS.names is not None
    assert HYPERLIQUID_PAIRS.names(file_of(json.dumps(answer))) == {"@107": "HYPE/USDC"}
