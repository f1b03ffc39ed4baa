"""BitMEX: executions, as `GET /api/v1/execution/tradeHistory` answers them in JSON or CSV, and as its website exports.

A quantity counts contracts. Their value, and fees, are in the smallest unit of the settlement currency: `XBt` are
satoshis, `USDt` millionths. A fee that is paid is above zero, and so is funding that is paid. The contract size follows
from the value and the price of a fill. A quanto is settled in a currency other than its base and quote, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, timestamp_text
from infrastructure.exchanges.contract_units import size_by_worth, units_worth
from infrastructure.transfer.statements.kinds.exchanges.orderless import order_or
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, per_file


class _Currency(NamedTuple):
    """A settlement currency, and the decimals of its smallest unit."""

    name: str
    decimals: int


_CURRENCIES: Final = MappingProxyType({"XBt": _Currency("BTC", 8), "USDt": _Currency("USDT", 6)})
_BY_NAME: Final = MappingProxyType({currency.name: currency for currency in _CURRENCIES.values()})
_LEGS: Final = MappingProxyType({"oneway": Leg.BOTH, "long": Leg.LONG, "short": Leg.SHORT})
"""By `strategy`, a column since October 2025; there was no hedge mode before."""
_FUNDING: Final = "funding"
_REASONS: Final = MappingProxyType({"trade": None, "settlement": "settlement"})
_LIQUIDATION: Final = "liquidation"
"""The `text` of an order that liquidates, which the account did not place."""
_OF_SPOT: Final = "_"
_RENAMED: Final = datetime(2021, 11, 3, tzinfo=UTC)
"""Before that, contracts quoted in USDT were settled in bitcoin; today their names belong to other contracts."""


class _Executions:
    """The reader of one file."""

    def __init__(self, whose: Whose) -> None:
        self._whose, self._ids = whose, RowIds()

    def facts(self, row: StatementRow) -> Iterator[StatementFact]:
        exec_type = row.needed("execType")
        if exec_type.lower() not in (*_REASONS, _FUNDING):
            if row.some("lastQty") or row.some("execComm"):
                raise ValueError(f"execType {exec_type!r:.60} is unknown; known are: Trade, Settlement, Funding")
            return  # an order was placed, amended or cancelled
        key, time = self._whose.key(row.needed("symbol"), _leg(row)), row.time("transactTime", zone=self._whose.zone)
        settlement = _settlement(row, key, time)
        if exec_type.lower() != _FUNDING:
            yield self._fill(row, key, time, settlement)
            return
        currency = _currency(row, "execCommCcy") or settlement
        if paid := row.known("execComm"):
            yield StatementCash(
                line=row.line,
                time=time,
                key=key,
                amount=-_scaled(paid, currency),
                currency=currency.name,
                kind="funding",
                cash_id=f"{key.symbol}:{key.leg}:{timestamp_text(time)}",
            )

    def _fill(self, row: StatementRow, key: PositionKey, time: datetime, settlement: _Currency) -> StatementFill:
        quantity, price, fee, currency = row.above_zero("lastQty"), row.above_zero("lastPx"), *_fee(row, settlement)
        size = size_by_worth(quantity, _units(row, key, price, settlement))
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
            trade_id=trade_id,
            order_id=order_or(row, trade_id),
            in_contracts=size != 1,
            contract_size=size,
            reason=reason or (_LIQUIDATION if row.word("text") == _LIQUIDATION else None),
            closes=quantity if reason else None,
            names_leg=row.text("strategy") is not None,
        )


def _leg(row: StatementRow) -> Leg:
    strategy = row.text("strategy")
    if strategy is not None and strategy.lower() not in _LEGS:
        raise ValueError(f"strategy {strategy!r:.60} is unknown; known are: OneWay, Long, Short")
    return _LEGS[strategy.lower()] if strategy else Leg.BOTH


def _settlement(row: StatementRow, key: PositionKey, time: datetime) -> _Currency:
    """The settlement currency, from the row or the symbol.

    Refuses: ValueError for spot, for a currency other than bitcoin and USDT, and for a quanto.
    """
    symbol, stated = row.needed("symbol"), _currency(row, "settlCurrency")
    settlement = stated or _BY_NAME.get(key.settle or "")
    if settlement is None or _OF_SPOT in symbol:
        raise ValueError(
            f"symbol {symbol!r:.60} is not a contract that is settled in bitcoin or USDT, and cannot be read"
        )
    is_renamed = stated is None and settlement.name == "USDT" and time < _RENAMED
    if settlement.name != key.settle or is_renamed or (":" in key.symbol and not key.is_inverse):
        raise ValueError(
            f"symbol {symbol!r:.60} is settled in {'BTC' if is_renamed else settlement.name}, while its base and "
            "its quote are others: a quanto, which cannot be read; ask for the other symbols one by one"
        )
    return settlement


def _currency(row: StatementRow, name: str) -> _Currency | None:
    unit = row.text(name)
    if unit is not None and unit not in _CURRENCIES:
        raise ValueError(f"{name} {unit!r:.60} is unknown; known are: {', '.join(_CURRENCIES)}")
    return None if unit is None else _CURRENCIES[unit]


def _fee(row: StatementRow, settlement: _Currency) -> tuple[Decimal | None, str]:
    """The fee of a fill, below zero where it was received, and its currency."""
    fee, currency = row.number("execComm"), _currency(row, "execCommCcy") or settlement
    return None if fee is None else _scaled(fee, currency), currency.name


def _units(row: StatementRow, key: PositionKey, price: Decimal, settlement: _Currency) -> Decimal | None:
    """The quantity of a fill in units instead of contracts, by its value; None where the value is not stated."""
    cost = row.some("execCost")
    if cost is None:
        return None
    return units_worth(_scaled(cost, settlement), price, is_inverse=key.is_inverse)


def _scaled(amount: Decimal, currency: _Currency) -> Decimal:
    return amount.scaleb(-currency.decimals, EXACT)


BITMEX_EXECUTIONS: Final = StatementKind(
    name="bitmex-executions",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("transactTime", "symbol", "execType", "side", "lastQty", "lastPx", "execCost", "execComm", "orderID"),
    exchange="bitmex",
    read=per_file(lambda whose: _Executions(whose).facts, partial(of_one_account, column="account")),
)
