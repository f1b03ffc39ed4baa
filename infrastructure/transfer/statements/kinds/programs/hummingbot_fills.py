"""hummingbot: the fills of a strategy, as its `trades_….csv` has them and the table `TradeFill` of its database.

A fee is a share of the trade, or amounts of tokens, or both, and above zero when paid. A share is of the value in
quote; on spot, a share that is deducted from returns is of what was received. A share that was paid in a third token is
counted in quote, because the amount of that token is not stated. The quote of a perpetual that is settled in USDC may
be called USD. Connectors of a gateway are called `name/kind`, and markets of builders on Hyperliquid `xyz:TSLA-USD`.
The command `export trades` writes neither fees nor orders.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, rounded
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_pairs import symbol_of
from infrastructure.transfer.statements.kinds.other_fees import Fee, by_currency, with_fees
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, made_up
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_AGE: Final = "age"
"""A column that hummingbot adds in its CSV file; the table does not have it."""
_FROM_RETURNS: Final = "deductedfromreturns"
_TRADE: Final = "exchange_trade_id"
_MATCH: Final = ("market", "symbol", "trade_type", _TRADE)
_MATCHES_MAX: Final = 1_000
"""How many matches are remembered: the fills of one match are next to each other, or nearly so."""


def told_apart(rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
    """The same fills, with trade ids that are unique for each side: one match may fill several orders of the bot.

    The first fill keeps the id of the match, so that it is the same when hummingbot appends to the file; the others get
    the id of their order appended.
    """
    orders: dict[tuple[object, ...], object] = {}
    for row in rows:
        match, order = tuple(row.named.get(name) for name in _MATCH), row.named.get("order_id")
        first = orders.setdefault(match, order)
        if len(orders) > _MATCHES_MAX:
            del orders[next(iter(orders))]
        yield row if order == first else StatementRow(row.line, {**row.named, _TRADE: f"{row.named[_TRADE]}:{order}"})


def fills_of(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    """A fill, and its fees in other currencies as cash."""
    market = row.needed("market")
    leg = _leg(row, market)
    key, is_derivative = key_of(whose, market, row.needed("symbol"), leg), leg is not Leg.SPOT
    time, buys = row.time("timestamp", zone=whose.zone), row.buys("trade_type")
    quantity, price = row.above_zero("amount"), row.above_zero("price")
    fees = by_currency(_fees(row, quantity, price, may_be_in_base=buys and not is_derivative))
    if is_derivative and not key.is_inverse:
        fees = [(fee, key.settle if token == row.text("quote_asset") else token) for fee, token in fees]
    trade_id = row.needed(_TRADE)
    fill = StatementFill(
        line=row.line,
        time=time,
        key=key,
        buys=buys,
        quantity=quantity,
        price=price,
        trade_id=trade_id,
        order_id=row.needed("order_id"),
        meant_to_close=row.word("position") == "close",
    )
    yield from with_fees(fill, fees)


def key_of(whose: Whose, market: str, symbol: str, leg: Leg) -> PositionKey:
    """The key of a trading pair of a connector."""
    pair = symbol_of(symbol.rpartition("-")[0]) if ":" in symbol else symbol
    return whose.key(pair, leg, market.replace("/", "_"))


def _fees(row: StatementRow, quantity: Decimal, price: Decimal, *, may_be_in_base: bool) -> Iterator[Fee]:
    fee, base, quote = StatementRow(row.line, _fee_object(row)), row.text("base_asset"), row.text("quote_asset")
    if share := fee.some("percent"):
        in_base = may_be_in_base and fee.word("fee_type") == _FROM_RETURNS
        in_base = in_base or (base is not None and fee.text("percent_token") == base)
        whole = quantity if in_base else EXACT.multiply(quantity, price)
        yield rounded(EXACT.multiply(share, whole)), base if in_base else quote
    for flat in fee.listed("flat_fees"):
        if (amount := flat.number("amount")) is not None:
            yield amount, flat.needed("token", "asset")


def _fee_object(row: StatementRow) -> Mapping[str, Any]:
    """The fee as an object: the database has JSON, and the CSV file a Python literal."""
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


def _leg(row: StatementRow, market: str) -> Leg:
    is_derivative = "perpetual" in market.lower() or row.word("position") in {"open", "close"}
    return Leg.BOTH if is_derivative else Leg.SPOT


def _exported(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    market, symbol, time, side = (row.needed(name) for name in ("exchange", "market", "timestamp", "side"))
    yield StatementFill(
        line=row.line,
        time=row.time("timestamp", zone=whose.zone),
        key=key_of(whose, market, symbol, _leg(row, market)),
        buys=row.buys("side"),
        quantity=row.above_zero("amount"),
        price=row.above_zero("price"),
        trade_id=row.needed("id"),
        order_id=made_up(time, symbol, side),
    )


def _own_fills(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    if _AGE not in row.named and all(row.needed(name).isdecimal() for name in ("price", "amount")):
        raise ValueError(
            f"price {row.needed('price')!r:.60} and amount {row.needed('amount')!r:.60} may count millionths, as the "
            "table TradeFill does, for there is no column age; import the database itself"
        )
    return fills_of(whose, row)


HUMMINGBOT_CSV: Final = StatementKind(
    name="hummingbot-trades",
    form=FileForm.CSV,
    needs=("market", "symbol", "timestamp", "order_id", "trade_type", "price", "amount", "exchange_trade_id"),
    read=row_by_row(_own_fills, told_apart),
)
HUMMINGBOT_EXPORT: Final = StatementKind(
    name="hummingbot-export",
    form=FileForm.CSV,
    needs=("id", "timestamp", "exchange", "market", "order_type", "side", "price", "amount", "age"),
    read=row_by_row(_exported),
)
