"""Binance, spot: trades of an account, as `GET /api/v3/myTrades` answers them, and the trade history of the website.

A commission that is paid is above zero. In the CSV a cell has an amount and its currency, `0.51INCH`; an older header
has a column for the currency of the fee. A comma may separate thousands. The header may be in Spanish.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Final

from domain.values import EXACT, Leg, plain
from infrastructure.transfer.statements.kinds.exchanges.binance.first_years import OF_SPOT
from infrastructure.transfer.statements.kinds.number_spelling import NumberSpelling
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, in_utc, made_up
from infrastructure.transfer.statements.statement_facts import StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, per_file, row_by_row

_NAMES: Final = MappingProxyType(
    {
        "time": in_utc("date", "time"),
        "pair": ("pair", "market"),
        "side": ("side", "type"),
        "quantity": ("executed", "total"),
        "price": ("price",),
        "amount": ("amount",),
        "fee": ("fee",),
    }
)
"""The older header has the quantity in `Amount`, and the value in `Total`."""
_SPANISH: Final = MappingProxyType(
    {
        "tiempo": "time",
        "par": "pair",
        "lado": "side",
        "ejecutado": "executed",
        "precio": "price",
        "cantidad": "amount",
        "tarifa": "fee",
    }
)
_SPELLING: Final = NumberSpelling(".", ",")
_BETWEEN: Final = "/-_"
_APART_MAX: Final = 10
"""By which factor a value may differ from that of its price, because files round it."""


def _trades(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    bought = row.named.get("isBuyer")
    if str(bought).lower() not in {"true", "false"}:
        raise ValueError(f"isBuyer {str(bought)!r:.60} is neither true nor false")
    yield StatementFill(
        line=row.line,
        time=row.time("time", zone=whose.zone),
        key=whose.key(row.needed("symbol"), Leg.SPOT),
        buys=str(bought).lower() == "true",
        quantity=row.above_zero("qty"),
        price=row.above_zero("price"),
        fee=row.number("commission"),
        fee_currency=row.text("commissionAsset"),
        trade_id=row.needed("id"),
        order_id=row.needed("orderId"),
        on_margin="isIsolated" in row.named,
    )


def _history(whose: Whose, ids: RowIds, row: StatementRow) -> Iterator[StatementFact]:
    time, pair, side = (row.needed(*_NAMES[name]) for name in ("time", "pair", "side"))
    is_older = row.text("executed") is None
    worth, quote = _amount(row, "total" if is_older else "amount")
    base = pair.upper().removesuffix(quote).rstrip(_BETWEEN) if quote else ""
    quantity, _ = _amount(row, "amount" if is_older else "executed", base)
    fee, currency = _amount(row, "fee", base, quote) if row.text("fee") else (None, "")
    if quantity <= 0:
        raise ValueError(f"{'amount' if is_older else 'executed'} {quantity!s:.60} is not above zero")
    price = StatementRow(row.line, {"price": _plain(row, "price")}).above_zero("price")
    by_price = EXACT.multiply(price, quantity)
    if worth and max(worth, by_price) > EXACT.multiply(_APART_MAX, min(worth, by_price)):
        raise ValueError(
            f"price {row.text('price')!r:.60} of {plain(quantity)} is not what {plain(worth)} was paid at; a comma in "
            "a number is between thousands: give the file as it was handed out"
        )
    yield StatementFill(
        line=row.line,
        time=row.time(*_NAMES["time"], zone=whose.zone, first_year=OF_SPOT),
        key=whose.key(f"{base}/{quote}" if base and quote else pair, Leg.SPOT),
        buys=row.buys(*_NAMES["side"]),
        quantity=quantity,
        price=price,
        fee=fee,
        fee_currency=row.text("fee coin") or currency or None,
        trade_id=ids.of(row, time),
        order_id=made_up(time, pair, side),
    )


def _in_english(rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
    for row in of_one_account(rows):
        is_spanish = not _SPANISH.keys().isdisjoint(row.named)
        named = {_SPANISH.get(name, name): value for name, value in row.named.items()} if is_spanish else row.named
        yield StatementRow(row.line, named)


def _amount(row: StatementRow, name: str, *units: str) -> tuple[Decimal, str]:
    """A number and the currency behind it; a currency that begins with a digit has to be one of the `units`."""
    text = row.needed(name)
    for unit in filter(None, units):
        rest = text.upper().removesuffix(unit).strip()
        if rest != text.upper() and rest[-1:].isdigit():
            return _amount(StatementRow(row.line, {name: rest}), name)[0], unit
    number, currency = StatementRow(row.line, {name: _plain(row, name)}).amount(name)
    return number or Decimal(0), (currency or "").upper()


def _plain(row: StatementRow, name: str) -> str:
    text = row.needed(name)
    try:
        return _SPELLING.plain(text)
    except ValueError as wrong:
        raise ValueError(f"{name} {text!r:.60} {wrong}") from None


BINANCE_SPOT: Final = StatementKind(
    name="binance-spot-trades",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("id", "orderId", "price", "qty", "commission", "commissionAsset", "isBuyer"),
    exchange="binance",
    read=row_by_row(_trades),
)
BINANCE_SPOT_CSV: Final = StatementKind(
    name="binance-spot-trades-csv",
    form=FileForm.CSV,
    needs=tuple((*names, *(said for said in _SPANISH if _SPANISH[said] in names)) for names in _NAMES.values()),
    exchange="binance",
    read=per_file(lambda whose: partial(_history, whose, RowIds()), _in_english),
)
