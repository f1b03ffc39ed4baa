"""A payment of which a file does not say how much it was is refused: left out, it would be as if it had not been."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.statement_fill import StatementRefused
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.statements.statement_kinds import KINDS
from tests.infrastructure.transfer.statements.statement_text import facts_of, file_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER

PAYMENTS = {
    "binance-futures-income": "income",
    "bitget-futures-bills": "amount",
    "bitmex-executions": "execComm",
    "ccxt-funding": "amount",
    "deribit-transaction-log": "interest_pl",
    "dydx-funding-payments": "payment",
    "hyperliquid-funding": "usdc",
    "kucoin-futures-funding": "funding",
    "phemex-contract-trades": "execFeeEv",
    "phemex-futures-trades": "execFeeRv",
}


def without(value: Any, name: str) -> Any:
    """The same with nothing under a name, wherever that stands."""
    if not isinstance(value, dict):
        return value
    return {key: None if key == name else without(inner, name) for key, inner in value.items()}


@pytest.mark.parametrize(("kind", "name"), PAYMENTS.items(), ids=list(PAYMENTS))
def test_an_unknown_amount_is_no_zero(kind: str, name: str) -> None:
    rows = [row.named for row in file_of((FOLDER / f"{kind}.json").read_bytes()).rows()]
    text = json.dumps([without(row, name) for row in rows], default=float)
    with pytest.raises(StatementRefused, match="is empty, so how much"):
        facts_of(text, KINDS[kind], Whose(KINDS[kind].exchange or "binance"))
