"""hummingbot: the fills of a strategy, its `trades_….csv` and the tables of its database.

Fills are in `TradeFill`, and what its connectors heard of funding in `FundingPayment`, above zero for what was
received. `Position` and `Executors` are sums over fills of one controller, and are not read.

In `TradeFill` numbers are integers, a million to one. A fee is a share of the trade or amounts of tokens, or both, and
paid above zero; a share is one of the quote, but where it is deducted from returns: then it is of what was received.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from domain.values import EXACT, Leg, rounded
from infrastructure.transfer.statements.kinds.programs.other_fees import other_fees
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each
from infrastructure.transfer.statements.statement_cash import StatementCash
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementFact, StatementKind, Whose

_FILLS: Final = "SELECT * FROM TradeFill ORDER BY timestamp, exchange_trade_id"
_PAYMENTS: Final = "SELECT * FROM FundingPayment ORDER BY timestamp"
_SCALED: Final = ("price", "amount")
_DECIMALS: Final = 6


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    market, position = row.needed("market"), row.word("position")
    is_derivative = "perpetual" in market.lower() or position in {"open", "close"}
    key = whose.key(row.needed("symbol"), Leg.BOTH if is_derivative else Leg.SPOT, market)
    time, buys = row.time("timestamp"), row.buys("trade_type")
    quantity, price = row.above_zero("amount"), row.above_zero("price")
    received = row.text("base_asset") if buys else row.text("quote_asset")
    fees = list(_fees(row, EXACT.multiply(quantity, price), quantity if buys else None, received))
    fee, currency = fees[0] if fees else (None, None)
    trade_id = row.needed("exchange_trade_id")
    fill = StatementFill(
        line=row.line,
        time=time,
        key=key,
        buys=buys,
        quantity=quantity,
        price=price,
        fee=fee,
        fee_currency=currency,
        profit=None,
        trade_id=trade_id,
        order_id=row.needed("order_id"),
    )
    yield fill
    yield from other_fees(fill, fees[1:])


def _funding(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    market, symbol = row.needed("market"), row.needed("symbol")
    if amount := row.some("amount"):
        yield StatementCash(
            line=row.line,
            time=row.time("timestamp"),
            key=whose.key(symbol, exchange=market),
            amount=amount,
            currency=None,
            kind="funding",
            cash_id=f"funding-{market}:{symbol}:{row.needed('timestamp')}",
        )


def _fees(
    row: StatementRow, worth: Decimal, bought: Decimal | None, received: str | None
) -> Iterator[tuple[Decimal, str | None]]:
    said = StatementRow(row.line, _said_of_fee(row))
    paid: dict[str | None, Decimal] = {}
    if share := said.some("percent"):
        from_returns = said.word("fee_type") == "deductedfromreturns"
        of = bought if from_returns and bought is not None else worth
        token = received if from_returns else said.text("percent_token") or row.text("quote_asset")
        paid[token] = rounded(EXACT.multiply(share, of))
    for flat in said.listed("flat_fees"):
        token = flat.text("token")
        paid[token] = EXACT.add(paid.get(token, Decimal(0)), flat.number("amount") or Decimal(0))
    for token, amount in paid.items():
        if amount:
            yield amount, token


def _said_of_fee(row: StatementRow) -> Mapping[str, Any]:
    """The fee as an object: the database has JSON, and the CSV file what Python shows of it."""
    text = row.text("trade_fee")
    if text is None:
        return {}
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=str) if '"' in text else ast.literal_eval(text)
    except (ValueError, SyntaxError, ArithmeticError, RecursionError, MemoryError):
        raise ValueError(f"trade_fee {text!r:.60} is no fee that can be read") from None
    if not isinstance(found, Mapping):
        raise ValueError(f"trade_fee {text!r:.60} is no object")
    return found


def _unscaled(row: StatementRow) -> StatementRow:
    """A record of the database with its numbers as they were meant; older databases have them so."""
    return StatementRow(
        row.line,
        {
            name: Decimal(value).scaleb(-_DECIMALS) if name in _SCALED and isinstance(value, int) else value
            for name, value in row.named.items()
        },
    )


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return each(file.rows(), partial(_facts, whose))


def _read_database(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    yield from each(map(_unscaled, file.records(_FILLS)), partial(_facts, whose))
    if "fundingpayment" in file.start.names:
        yield from each(file.records(_PAYMENTS), partial(_funding, whose))


_LACKS: Final = "what was earned; the leg in hedge mode"
HUMMINGBOT_CSV: Final = StatementKind(
    name="hummingbot-trades",
    form=FileForm.CSV,
    needs=tuple(
        (name,)
        for name in ("market", "symbol", "timestamp", "order_id", "trade_type", "price", "amount", "exchange_trade_id")
    ),
    read=_read,
    source="hummingbot, `trades_….csv` of a strategy",
    lacks=f"{_LACKS}; funding",
    becomes="a cycle from flat to flat at the exchange of each fill; what is no perpetual is spot, on its leg",
)
HUMMINGBOT_DATABASE: Final = StatementKind(
    name="hummingbot-database",
    form=FileForm.SQLITE,
    needs=(("tradefill",), ("order",), ("orderstatus",)),
    read=_read_database,
    source="hummingbot, the database of a bot in SQLite",
    lacks=f"{_LACKS}. More than six decimals of a price or an amount, and all but one of the payments of one moment, "
    "which it does not keep",
    becomes="the same, under the same ids; funding as cash. Its tables `Position` and `Executors` are sums "
    "over fills, and are not read",
)
