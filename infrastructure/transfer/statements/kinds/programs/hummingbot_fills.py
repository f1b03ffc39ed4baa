"""hummingbot: the fills of a strategy, its `trades_….csv` and the tables of its database.

Fills are in `TradeFill`, and what its connectors heard of funding in `FundingPayment`, above zero for what was
received. `Position` and `Executors` are sums over fills of one controller, and are not read.

In `TradeFill` numbers are integers, a million to one; before 2022 they were floats. A fee is a share of the trade or
amounts of tokens, or both, and paid above zero. A share is one of the quote; one of spot that is deducted from returns
is of what was received. One that a third token was paid for is counted in the quote: how much of it that was is not
said. Connectors of a gateway are called `name/kind`, and markets of builders on Hyperliquid `xyz:TSLA-USD`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from domain.identifiers import PositionKey
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
_FROM_RETURNS: Final = "deductedfromreturns"


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    market, position = row.needed("market"), row.word("position")
    is_derivative = "perpetual" in market.lower() or position in {"open", "close"}
    key = _key(whose, row, Leg.BOTH if is_derivative else Leg.SPOT)
    time, buys = row.time("timestamp"), row.buys("trade_type")
    quantity, price = row.above_zero("amount"), row.above_zero("price")
    fees = list(_fees(row, quantity, price, may_be_in_base=buys and not is_derivative))
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


def _key(whose: Whose, row: StatementRow, leg: Leg) -> PositionKey:
    symbol, market = row.needed("symbol"), row.needed("market").replace("/", "_")
    return whose.key(symbol.rpartition("-")[0] if ":" in symbol else symbol, leg, market)


def _funding(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    market, symbol = row.needed("market"), row.needed("symbol")
    if amount := row.some("amount"):
        yield StatementCash(
            line=row.line,
            time=row.time("timestamp"),
            key=_key(whose, row, Leg.BOTH),
            amount=amount,
            currency=None,
            kind="funding",
            cash_id=f"funding-{market}:{symbol}:{row.needed('timestamp')}",
        )


def _fees(
    row: StatementRow, quantity: Decimal, price: Decimal, *, may_be_in_base: bool
) -> Iterator[tuple[Decimal, str | None]]:
    said, base, quote = StatementRow(row.line, _said_of_fee(row)), row.text("base_asset"), row.text("quote_asset")
    paid: dict[str | None, Decimal] = {}
    if share := said.some("percent"):
        in_base = may_be_in_base and said.word("fee_type") == _FROM_RETURNS
        in_base = in_base or (base is not None and said.text("percent_token") == base)
        of = quantity if in_base else EXACT.multiply(quantity, price)
        paid[base if in_base else quote] = rounded(EXACT.multiply(share, of))
    for flat in said.listed("flat_fees"):
        if amount := flat.some("amount"):
            token = flat.needed("token", "asset")
            paid[token] = EXACT.add(paid.get(token, Decimal(0)), amount)
    yield from ((amount, token) for token, amount in paid.items() if amount)


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


_LACKS: Final = "what was earned; the leg in hedge mode; how much of a third token was a share that was paid in it"
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
