"""Phemex, contracts: trades of an account, in plain numbers or scaled, and funding fees.

Contracts that are settled in USDT have plain numbers, and quantities in the base. Those that are settled in their base
or in dollars have integers, under names that end in `Ep` and `Ev`: prices in ten-thousandths, values in the smallest
unit of the currency; quantities count contracts, whose size follows from the value. Fees and funding that are paid are
above zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg
from infrastructure.exchanges.contract_units import units_worth
from infrastructure.transfer.statements.kinds.exchanges.orderless import order_or
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, made_up
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_REASONS: Final = MappingProxyType(
    {
        **dict.fromkeys(("trade", "1"), None),
        **dict.fromkeys(("liqtrade", "6"), "liquidation"),
        **dict.fromkeys(("adltrade", "7"), "adl"),
    }
)
_FUNDING: Final = ("funding", "4")
_LEGS: Final = MappingProxyType(
    {
        **dict.fromkeys(("long", "1"), Leg.LONG),
        **dict.fromkeys(("short", "2"), Leg.SHORT),
        **dict.fromkeys(("merged", "3"), Leg.BOTH),
    }
)
_BUYS: Final = MappingProxyType({"buy": True, "1": True, "sell": False, "2": False})
_PRICE_DECIMALS: Final = 4
_VALUE_DECIMALS: Final = MappingProxyType({"USD": 4})
"""By currency; every other one is a coin."""
_COIN_DECIMALS: Final = 8
_OWN_COIN: Final = "PT"
"""Phemex's own coin, in which a user may choose to pay fees."""
_FIRST_DIGIT: Final = Context(prec=1)
_OFF_MAX: Final = Decimal("0.01")


def _trade(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    trade_type = row.needed("tradeType")
    key, time = whose.key(row.needed("symbol"), _leg(row)), row.time("transactTimeNs", "createdAt", zone=whose.zone)
    paid, in_own_coin, trade_id = row.number("execFeeRv"), row.some("ptFeeRv"), row.needed("execID", "execId")
    if trade_type.lower() in _FUNDING:
        yield from _funding(whose, row, key, paid, trade_id)
        return
    quantity, closed = row.above_zero("execQtyRq"), row.number("closedSizeRq")
    yield StatementFill(
        line=row.line,
        time=time,
        key=key,
        buys=_buys(row),
        quantity=quantity,
        price=row.above_zero("execPriceRp"),
        fee=paid or in_own_coin or paid,
        fee_currency=_OWN_COIN if in_own_coin and not paid else row.needed("currency"),
        trade_id=trade_id,
        order_id=order_or(row, trade_id) if "orderID" in row.named else _made_up_order(row, key),
        reason=_reason(trade_type),
        closes=None if closed is None else min(closed, quantity),
        names_leg=row.text("posSide") is not None,
    )


def _scaled_trade(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    trade_type, key, currency = row.needed("tradeType"), whose.key(row.needed("symbol")), row.needed("currency")
    if currency != key.settle:
        raise ValueError(
            f"symbol {row.text('symbol')!r:.60} is settled in {key.settle}, and its currency is {currency}"
        )
    paid, trade_id = _value(row, "execFeeEv"), row.needed("execID")
    if trade_type.lower() in _FUNDING:
        yield from _funding(whose, row, key, paid, trade_id)
        return
    quantity, closed = row.above_zero("execQty"), row.number("closedSize")
    price = row.above_zero("execPriceEp").scaleb(-_PRICE_DECIMALS, EXACT)
    size = _contract_size(key, quantity, price, _value(row, "execValueEv"))
    yield StatementFill(
        line=row.line,
        time=row.time("transactTimeNs", zone=whose.zone),
        key=key,
        buys=_buys(row),
        quantity=quantity,
        price=price,
        fee=paid,
        fee_currency=currency,
        trade_id=trade_id,
        order_id=order_or(row, trade_id),
        in_contracts=size != 1,
        contract_size=size,
        reason=_reason(trade_type),
        closes=None if closed is None else min(closed, quantity),
    )


def _fee(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    """A payment of the answer that has only funding, without ids."""
    key = whose.key(row.needed("symbol"))
    paid = _value(row, "execFeeEv") if row.text("execFeeRv") is None else row.number("execFeeRv")
    yield from _funding(whose, row, key, paid, f"{key.symbol}:{row.needed('createTime')}:{row.needed('side')}")


def _funding(
    whose: Whose, row: StatementRow, key: PositionKey, paid: Decimal | None, cash_id: str
) -> Iterator[StatementCash]:
    if paid is None:
        raise ValueError("its fee is empty, so how much was paid is not known")
    if paid:
        yield StatementCash(
            line=row.line,
            time=row.time("transactTimeNs", "createTime", "createdAt", zone=whose.zone),
            key=key,
            amount=-paid,
            currency=row.needed("currency"),
            kind="funding",
            cash_id=cash_id,
        )


def _made_up_order(row: StatementRow, key: PositionKey) -> str:
    return made_up(row.needed("createdAt"), key.stream, str(_buys(row)))


def _leg(row: StatementRow) -> Leg:
    leg = row.text("posSide")
    if leg is not None and leg.lower() not in _LEGS:
        raise ValueError(f"posSide {leg!r:.60} is unknown; known are: Long, Short, Merged")
    return Leg.BOTH if leg is None else _LEGS[leg.lower()]


def _buys(row: StatementRow) -> bool:
    side = row.needed("side")
    if side.lower() not in _BUYS:
        raise ValueError(f"side {side!r:.60} is unknown; known are: Buy, Sell")
    return _BUYS[side.lower()]


def _reason(trade_type: str) -> str | None:
    if trade_type.lower() not in _REASONS:
        raise ValueError(f"tradeType {trade_type!r:.60} is unknown; known are: Trade, Funding, LiqTrade, AdlTrade")
    return _REASONS[trade_type.lower()]


def _value(row: StatementRow, name: str) -> Decimal | None:
    """A value in whole units of its currency, from its smallest units."""
    value = row.number(name)
    decimals = _VALUE_DECIMALS.get(row.needed("currency"), _COIN_DECIMALS)
    return None if value is None else value.scaleb(-decimals, EXACT)


def _contract_size(key: PositionKey, quantity: Decimal, price: Decimal, value: Decimal | None) -> Decimal | None:
    """The contract size by the value of a fill, rounded to one digit; None where that changes it by more than 1 %."""
    if not value:
        return None
    ratio = EXACT.divide(units_worth(value, price, is_inverse=key.is_inverse), quantity)
    size = _FIRST_DIGIT.plus(ratio)
    return size if EXACT.subtract(ratio, size).copy_abs() <= size * _OFF_MAX else None


PHEMEX_TRADES: Final = StatementKind(
    name="phemex-futures-trades",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=(
        *("transactTimeNs", "symbol", "side", "posSide", "tradeType", "execQtyRq", "execPriceRp", "execFeeRv"),
        *("closedSizeRq", "execID", "orderID"),
    ),
    exchange="phemex",
    read=row_by_row(_trade),
)
PHEMEX_LIST: Final = StatementKind(
    name="phemex-trading-list",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=(
        *("createdAt", "symbol", "currency", "side", "tradeType", "execQtyRq", "execPriceRp", "execValueRv"),
        *("execFeeRv", "execId"),
    ),
    exchange="phemex",
    read=row_by_row(_trade),
)
PHEMEX_SCALED: Final = StatementKind(
    name="phemex-contract-trades",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=(
        *("transactTimeNs", "symbol", "currency", "side", "tradeType", "execQty", "execPriceEp", "execValueEv"),
        *("execFeeEv", "execID", "orderID"),
    ),
    exchange="phemex",
    read=row_by_row(_scaled_trade),
)
PHEMEX_FUNDING: Final = StatementKind(
    name="phemex-funding-fees",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=(
        *("createTime", "symbol", "currency", "side"),
        ("fundingRateRr", "fundingRateEr"),
        ("execFeeRv", "execFeeEv"),
        ("execQtyRq", "execQty"),
    ),
    exchange="phemex",
    read=row_by_row(_fee),
)
