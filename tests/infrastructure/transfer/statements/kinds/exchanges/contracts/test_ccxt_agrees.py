"""What ccxt makes of an exchange's trades comes to the same fills as the answer itself: key, way, units, money, ids."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import ccxt  # type: ignore[import-untyped]  # it has no types
import pytest

from infrastructure.transfer.statements.kinds.exchanges.contracts.deribit_trades import DERIBIT_TRADES
from infrastructure.transfer.statements.kinds.programs.ccxt_saved import CCXT_TRADES
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from tests.infrastructure.transfer.statements.statement_text import file_of, fills_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER


class Answers(NamedTuple):
    """A sample, what reads it, and the markets that ccxt has to know: by its name of each the id and contract size."""

    sample: str
    kind: StatementKind
    markets: dict[str, tuple[str, str]]


ANSWERS = [
    Answers(
        "deribit-trades.json",
        DERIBIT_TRADES,
        {
            "BTC/USD:BTC": ("BTC-PERPETUAL", "10"),
            "BTC/USDC:USDC": ("BTC_USDC-PERPETUAL", "0.0001"),
            "ETH/USD:ETH-260327": ("ETH-27MAR26", "1"),
            "SOL/USDC": ("SOL_USDC", "1"),
        },
    ),
]


def market(symbol: str, market_id: str, size: str, scales: dict[str, Any]) -> dict[str, Any]:
    """As ccxt has it."""
    pair, _, settle = symbol.partition("-")[0].partition(":")
    base, quote = pair.split("/")
    kind = "future" if "-" in symbol else "swap" if settle else "spot"
    return {
        "id": market_id,
        "symbol": symbol,
        "base": base,
        "quote": quote,
        "settle": settle or None,
        "type": kind,
        "spot": kind == "spot",
        "swap": kind == "swap",
        "future": kind == "future",
        "option": False,
        "contract": kind != "spot",
        "inverse": settle == base,
        "linear": settle == quote,
        "contractSize": float(size),
        "baseId": base,
        "quoteId": quote,
        "settleId": settle,
        "info": scales,
        "precision": {"amount": 1e-8, "price": 1e-8},
        "limits": {},
        **scales,
    }


def told(fills: Iterable[StatementFill]) -> list[tuple[object, ...]]:
    """What both say; ccxt leaves out a fee of zero."""
    return [
        (
            *(fill.key.stream, fill.buys, fill.quantity, fill.price, fill.trade_id, fill.order_id),
            *((fill.fee, fill.fee_currency) if fill.fee else ()),
        )
        for fill in fills
    ]


@pytest.mark.parametrize("answers", ANSWERS, ids=[answers.sample for answers in ANSWERS])
def test_ccxt_makes_the_same_of_it(answers: Answers) -> None:
    data = (FOLDER / answers.sample).read_bytes()
    exchange = answers.kind.exchange
    client = getattr(ccxt, exchange or "")()
    client.set_markets([market(symbol, *said, {}) for symbol, said in answers.markets.items()])
    rows = [json.loads(json.dumps(row.named, default=float)) for row in file_of(data).rows()]
    known = {market_id for market_id, _ in answers.markets.values()}
    saved = [client.parse_trade(row) for row in rows if known & set(map(str, row.values()))]
    assert saved
    own = told(fills_of(data, answers.kind, Whose(exchange)))
    assert told(fills_of(json.dumps(saved), CCXT_TRADES, Whose(exchange))) == own
