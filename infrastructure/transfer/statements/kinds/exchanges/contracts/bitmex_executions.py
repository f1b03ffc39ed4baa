"""BitMEX: executions, as `GET /api/v1/execution/tradeHistory` answers them in JSON or CSV, and as its website exports.

A quantity counts contracts. What they are worth, and what is paid, is in the smallest part of what settles: `XBt` are
satoshis, `USDt` millionths. A fee that is paid is above zero, and so is funding. How much a contract is follows from
what so many are worth at a price. A quanto pays bitcoin for a price in something else, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, timestamp_text
from infrastructure.exchanges.contract_units import size_by_worth, units_worth
from infrastructure.transfer.statements.kinds.exchanges.contracts.orderless import order_or
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, each
from infrastructure.transfer.statements.statement_cash import StatementCash
from infrastructure.transfer.statements.statement_fill import StatementFill
from infrastructure.transfer.statements.statement_kind import StatementFact, StatementKind, Whose


class _Currency(NamedTuple):
    """What settles, and how far the smallest part of it lies behind the point."""

    name: str
    decimals: int


_CURRENCIES: Final = MappingProxyType({"XBt": _Currency("BTC", 8), "USDt": _Currency("USDT", 6)})
_BY_NAME: Final = MappingProxyType({currency.name: currency for currency in _CURRENCIES.values()})
_LEGS: Final = MappingProxyType({"oneway": Leg.BOTH, "long": Leg.LONG, "short": Leg.SHORT})
"""Of a `strategy`, which is said since October 2025; there was no hedge mode before."""
_FUNDING: Final = "funding"
_REASONS: Final = MappingProxyType({"trade": None, "settlement": "settlement"})
_LIQUIDATION: Final = "liquidation"
"""What stands in `text` of an order that the account did not give."""
_OF_SPOT: Final = "_"
_RENAMED: Final = datetime(2021, 11, 3, tzinfo=UTC)
"""What was quoted in USDT before was settled in bitcoin, under names that are of other contracts since."""


class _Executions:
    """The reader of one file."""

    def __init__(self, whose: Whose) -> None:
        self._whose, self._ids = whose, RowIds()

    def facts(self, row: StatementRow) -> Iterator[StatementFact]:
        said = row.needed("execType")
        if said.lower() not in (*_REASONS, _FUNDING):
            if row.some("lastQty") or row.some("execComm"):
                raise ValueError(f"execType {said!r:.60} is none that is known: Trade, Settlement, Funding")
            return  # an order that was made, changed or cancelled
        key, time = self._whose.key(row.needed("symbol"), _leg(row)), row.time("transactTime", zone=self._whose.zone)
        settles = _settles(row, key, time)
        if said.lower() != _FUNDING:
            yield self._fill(row, key, time, settles)
            return
        currency = _currency(row, "execCommCcy") or settles
        if paid := row.known("execComm"):
            yield StatementCash(
                line=row.line,
                time=time,
                key=key,
                amount=-_in_whole(paid, currency),
                currency=currency.name,
                kind="funding",
                cash_id=f"{key.symbol}:{key.leg}:{timestamp_text(time)}",
            )

    def _fill(self, row: StatementRow, key: PositionKey, time: datetime, settles: _Currency) -> StatementFill:
        quantity, price, fee, currency = row.above_zero("lastQty"), row.above_zero("lastPx"), *_paid(row, settles)
        size = size_by_worth(quantity, _units(row, key, price, settles))
        trade_id = row.text("execID") or self._ids.of(row, row.needed("transactTime"))
        reason = _REASONS[row.word("execType")]
        return StatementFill(
            line=row.line,
            time=time,
            key=key,
            buys=row.buys("side"),
            quantity=quantity,
            price=price,
            fee=fee,
            fee_currency=currency,
            profit=None,
            trade_id=trade_id,
            order_id=order_or(row, trade_id),
            in_contracts=size != 1,
            contract_size=size,
            reason=reason or (_LIQUIDATION if row.word("text") == _LIQUIDATION else None),
            closes=quantity if reason else None,
            names_leg=row.text("strategy") is not None,
        )


def _leg(row: StatementRow) -> Leg:
    said = row.text("strategy")
    if said is not None and said.lower() not in _LEGS:
        raise ValueError(f"strategy {said!r:.60} is none that is known: OneWay, Long, Short")
    return _LEGS[said.lower()] if said else Leg.BOTH


def _settles(row: StatementRow, key: PositionKey, time: datetime) -> _Currency:
    """What it is settled in, by the row or by its symbol. Refuses: ValueError for what is no contract, and a quanto."""
    symbol, said = row.needed("symbol"), _currency(row, "settlCurrency")
    settles = said or _BY_NAME.get(key.settle or "")
    if settles is None or _OF_SPOT in symbol:
        raise ValueError(
            f"symbol {symbol!r:.60} is no contract that is settled in bitcoin or USDT, and that is not read"
        )
    is_renamed = said is None and settles.name == "USDT" and time < _RENAMED
    if settles.name != key.settle or is_renamed or (":" in key.symbol and not key.is_inverse):
        raise ValueError(
            f"symbol {symbol!r:.60} is settled in {'BTC' if is_renamed else settles.name}, and is about and quoted in "
            "something else: a quanto, and that is not read; ask for the other symbols one by one"
        )
    return settles


def _currency(row: StatementRow, name: str) -> _Currency | None:
    said = row.text(name)
    if said is not None and said not in _CURRENCIES:
        raise ValueError(f"{name} {said!r:.60} is none that is known: {', '.join(_CURRENCIES)}")
    return None if said is None else _CURRENCIES[said]


def _paid(row: StatementRow, settles: _Currency) -> tuple[Decimal | None, str]:
    """A fee, above zero, or what was received below it, and its currency."""
    paid, currency = row.number("execComm"), _currency(row, "execCommCcy") or settles
    return None if paid is None else _in_whole(paid, currency), currency.name


def _units(row: StatementRow, key: PositionKey, price: Decimal, settles: _Currency) -> Decimal | None:
    """How many units a fill is of, by what it is worth."""
    cost = row.some("execCost")
    if cost is None:
        return None
    return units_worth(_in_whole(cost, settles), price, is_inverse=key.is_inverse)


def _in_whole(amount: Decimal, currency: _Currency) -> Decimal:
    return amount.scaleb(-currency.decimals, EXACT)


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return each(of_one_account(file.rows(), "account"), _Executions(whose).facts)


BITMEX_EXECUTIONS: Final = StatementKind(
    name="bitmex-executions",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=(
        "transactTime",
        "symbol",
        "execType",
        "side",
        "lastQty",
        "lastPx",
        "execCost",
        "execComm",
        "orderID",
    ),
    exchange="bitmex",
    read=_read,
    source="BitMEX, what `GET /api/v1/execution/tradeHistory` answers in JSON or CSV, or the trade history of its "
    "website in CSV",
    lacks="what was earned. Of the website ids of trades, and the leg. A file with a quanto, or with spot, is refused: "
    "ask for the other symbols one by one",
    becomes="a cycle from flat to flat, on its leg in hedge mode; funding as cash; settlements and liquidations with "
    "their reason. A contract size follows from `execCost`, and has to be "
    "[defined](money.md#contract-size-and-inverse)",
)
