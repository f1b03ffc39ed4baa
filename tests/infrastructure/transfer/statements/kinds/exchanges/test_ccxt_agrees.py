"""What ccxt makes of an exchange's trades comes to the same fills as the answer itself: key, way, units, money, ids."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import ccxt
import pytest

from infrastructure.transfer.statements.kinds.exchanges.cryptocom_trades import CRYPTOCOM_TRADES
from infrastructure.transfer.statements.kinds.exchanges.deribit.deribit_trades import DERIBIT_TRADES
from infrastructure.transfer.statements.kinds.exchanges.phemex_trades import PHEMEX_FUNDING, PHEMEX_LIST, PHEMEX_SCALED
from infrastructure.transfer.statements.kinds.programs.ccxt_saved import CCXT_FUNDING, CCXT_TRADES
from infrastructure.transfer.statements.sources.statement_row import MADE_UP
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from tests.infrastructure.transfer.statements.statement_text import facts_of, file_of, fills_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER


class Answers(NamedTuple):
    """A sample, what reads it, and the markets that ccxt has to know: by its name of each the id and contract size."""

    sample: str
    kind: StatementKind
    markets: dict[str, tuple[str, str]]


ANSWERS = [
    Answers(
        "cryptocom-trades.json",
        CRYPTOCOM_TRADES,
        {
            "BTC/USD:USD": ("BTCUSD-PERP", "1"),
            "ETH/USD:USD": ("ETHUSD-PERP", "1"),
            "ETH/USD": ("ETH_USD", "1"),
        },
    ),
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
    Answers("phemex-trading-list.json", PHEMEX_LIST, {"ETH/USDT:USDT": ("ETHUSDT", "1")}),
    Answers(
        "phemex-contract-trades.json", PHEMEX_SCALED, {"BTC/USD:BTC": ("BTCUSD", "1"), "ETH/USD:ETH": ("cETHUSD", "1")}
    ),
]
SCALES = {"priceScale": 4, "valueScale": 8, "ratioScale": 8}
"""Of Phemex; of what is settled in dollars ccxt takes that of a ratio for that of a value."""


def market(symbol: str, market_id: str, size: str) -> dict[str, Any]:
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
        "precision": {"amount": 1e-8, "price": 1e-8},
        "limits": {},
        "info": {"settlementCurrency": settle},
        **SCALES,
    }


def told(fills: Iterable[StatementFill]) -> list[tuple[object, ...]]:
    """What both say; ccxt leaves out a fee of zero, and each makes up an order in its own way where none is said."""
    return [
        (
            *(fill.key.stream, fill.buys, fill.quantity, fill.price, fill.trade_id),
            *(() if fill.order_id.startswith(MADE_UP) else (fill.order_id,)),
            *((fill.fee, fill.fee_currency) if fill.fee else ()),
        )
        for fill in fills
    ]


@pytest.mark.parametrize("answers", ANSWERS, ids=[answers.sample for answers in ANSWERS])
def test_ccxt_makes_the_same_of_it(answers: Answers) -> None:
    exchange = answers.kind.exchange
    client = getattr(ccxt, exchange or "")()
    client.set_markets([market(symbol, *said) for symbol, said in answers.markets.items()])
    known = {market_id for market_id, _ in answers.markets.values()}
    rows = [
        json.loads(json.dumps(row.named, default=float))
        for row in file_of((FOLDER / answers.sample).read_bytes()).rows()
        if known & set(map(str, row.named.values())) and row.word("tradeType") != "funding"
    ]
    saved = [client.parse_trade(row) for row in rows]
    own = told(fills_of(json.dumps(rows), answers.kind, Whose(exchange)))
    assert told(fills_of(json.dumps(saved), CCXT_TRADES, Whose(exchange))) == own != []


def test_ccxt_hands_on_what_phemex_says_was_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it turns the sign itself, this fails, and what reads it has to follow."""
    rows = [row.named for row in file_of((FOLDER / "phemex-funding-fees.json").read_bytes()).rows()]
    client = ccxt.phemex()
    client.set_markets([market("ETH/USDT:USDT", "ETHUSDT", "1"), market("BTC/USD:BTC", "BTCUSD", "1")])
    client.currencies["BTC"]["info"] = {"valueScale": "8"}
    saved = []
    for call, fee, symbol in (("GFutures", "execFeeRv", "ETH/USDT:USDT"), ("Futures", "execFeeEv", "BTC/USD:BTC")):
        answer = {"data": {"rows": [json.loads(json.dumps(row, default=float)) for row in rows if fee in row]}}
        monkeypatch.setattr(client, f"privateGetApiData{call}FundingFees", lambda _, answer=answer: answer)
        saved += client.fetch_funding_history(symbol)
    said = [payments_of(json.dumps(told), kind) for told, kind in ((saved, CCXT_FUNDING), (rows, PHEMEX_FUNDING))]
    assert said[0] == said[1] != []


def payments_of(text: str, kind: StatementKind) -> list[tuple[object, ...]]:
    facts = facts_of(text, kind, Whose("phemex"))
    return [(fact.time, fact.key, fact.amount, fact.currency) for fact in facts if isinstance(fact, StatementCash)]
