"""Kraken, spot: the trades that its website exports in CSV, and those that `TradesHistory` answers.

A fee is in the quote currency, and above zero when it is paid. Pairs are called `XXBTZEUR`, `XBTEUR` or `XBT/EUR`. A
trade on margin has an amount in `margin`, or `closing` in `misc`, or settles a position. Times are in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from types import MappingProxyType
from typing import Final

from domain.values import Leg
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_PAIRS: Final = MappingProxyType(
    {
        "USDTZUSD": "USDT/USD",
        "ZEURZUSD": "EUR/USD",
        "ZGBPZUSD": "GBP/USD",
        "ZUSDZCAD": "USD/CAD",
        "ZUSDZJPY": "USD/JPY",
    }
)
"""Pairs of currencies in which the `Z` could also be the last letter of the first name."""
_CLOSING: Final = "closing"
_SETTLED: Final = "settle"


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    pair = row.needed("pair")
    key = whose.key(_PAIRS.get(pair.upper(), pair), Leg.SPOT)
    yield StatementFill(
        line=row.line,
        time=row.time("time", zone=UTC),
        key=key,
        buys=row.buys("type"),
        quantity=row.above_zero("vol"),
        price=row.above_zero("price"),
        fee=row.number("fee"),
        fee_currency=key.settle,
        trade_id=row.needed("txid"),
        order_id=row.needed("ordertxid"),
        on_margin=row.some("margin") is not None
        or _CLOSING in row.word("misc")
        or row.word("ordertype").startswith(_SETTLED),
    )


def _trades(answer: StatementRow) -> Iterator[StatementRow]:
    """The trades of an answer, in which the ids are the keys."""
    trades = answer.inside("trades")
    for name in trades.named:
        yield StatementRow(answer.line, {**trades.inside(name).named, "txid": name})


def _numbered(rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
    """The same rows; their lines are numbered across all answers."""
    for number, row in enumerate(rows, start=1):
        yield StatementRow(number, row.named)


KRAKEN_TRADES_API: Final = StatementKind(
    name="kraken-trades",
    form=FileForm.JSON,
    needs=("trades", "ordertxid", "pair", "ordertype", "cost", "fee", "vol", "misc"),
    exchange="kraken",
    read=row_by_row(_facts, lambda rows: _numbered(each(rows, _trades))),
)
KRAKEN_TRADES: Final = StatementKind(
    name="kraken-trades-csv",
    form=FileForm.CSV,
    needs=("txid", "ordertxid", "pair", "time", "type", "price", "cost", "fee", "vol"),
    exchange="kraken",
    read=row_by_row(_facts),
)
