"""Bybit: executions, as `GET /v5/execution/list` answers them and as the stream `execution` sends them.

A fee that is paid is above zero, and one that is received below it, also where the execution is a funding payment. On
spot its currency is stated since 2024.
`execPnl`, which only the stream has, is the profit of what was closed, before fees. `seq` grows with each match of a
symbol.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, ZERO, Leg, total_of
from infrastructure.transfer.statements.kinds.exchanges.bybit.spot_fee_currency import spot_fee_currency
from infrastructure.transfer.statements.kinds.exchanges.bybit.stock_split import refuse_split
from infrastructure.transfer.statements.kinds.other_fees import Fee, with_fees
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_FUNDING: Final = "funding"
_DELIVERY: Final = "delivery"
"""The only fill that may have a price of zero: that of an option which expired worthless."""
_LEGS: Final = MappingProxyType({"1": Leg.LONG, "2": Leg.SHORT})
_REASONS: Final = MappingProxyType(
    {
        "trade": None,
        "blocktrade": None,
        "moveposition": None,
        "futurespread": None,
        "adltrade": "adl",
        "busttrade": "liquidation",
        _DELIVERY: "settlement",
        "settle": "settlement",
    }
)


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    exec_type = row.needed("execType")
    refuse_split("execType", exec_type)
    key, time = _key(whose, row), row.time("execTime", zone=whose.zone)
    currency = row.text("feeCurrency")
    if exec_type.lower() == _FUNDING:
        if paid := row.known("execFee"):
            yield StatementCash(
                line=row.line,
                time=time,
                key=key,
                amount=-paid,
                currency=currency or key.settle,
                kind="funding",
                cash_id=row.needed("execId"),
            )
        return
    if exec_type.lower() not in _REASONS:
        raise ValueError(f"execType {exec_type!r:.60} is unknown; known are: {', '.join(_REASONS)}, {_FUNDING}")
    fee, buys = row.number("execFee"), row.buys("side")
    is_worthless = key.is_option and exec_type.lower() == _DELIVERY and row.number("execPrice") == 0
    if currency is None and key.leg is Leg.SPOT:
        currency = spot_fee_currency(key, fee, buys=buys)
    fill = StatementFill(
        line=row.line,
        time=time,
        key=key,
        buys=buys,
        quantity=row.above_zero("execQty"),
        price=ZERO if is_worthless else row.above_zero("execPrice"),
        fee=fee,
        fee_currency=currency,
        profit=row.number("execPnl"),
        closes=row.number("closedSize") if key.leg is not Leg.SPOT else None,
        names_leg=key.leg is not Leg.BOTH,
        trade_id=row.needed("execId"),
        order_id=row.text("orderId") or row.needed("execId"),
        reason=_REASONS[exec_type.lower()],
        on_margin=row.word("isLeverage") == "1",
        sequence=row.sequence("seq"),
    )
    yield from with_fees(fill, _fees(fill, row))
    for more in row.listed("extraFees"):
        if (paid := more.known("fee")) and not _is_in_kind(fill, more):
            yield StatementCash(
                line=row.line,
                time=time,
                key=key,
                amount=-paid,
                currency=more.text("feeCoin"),
                kind="commission",
                cash_id=f"{row.needed('execId')}:{more.text('subFeeType', 'feeType')}",
                is_apart=True,
            )


def _is_in_kind(fill: StatementFill, extra: StatementRow) -> bool:
    """Whether a tax was taken of what was bought."""
    return fill.buys and fill.key.pays_from_position(extra.number("fee"), extra.text("feeCoin"))


def _fees(fill: StatementFill, row: StatementRow) -> list[Fee]:
    """The fee of a fill and the taxes that were taken of what it bought, by currency; none where no such tax was."""
    taxes = [(tax.known("fee"), tax.needed("feeCoin")) for tax in row.listed("extraFees") if _is_in_kind(fill, tax)]
    if not taxes:
        return []
    fee, tax, coin = row.known("execFee"), total_of(paid for paid, _ in taxes), taxes[0][1]
    if fee and fill.fee_currency != coin:
        return [(fee, fill.fee_currency), (tax, coin)]
    return [(EXACT.add(fee, tax), coin)]


def _key(whose: Whose, row: StatementRow) -> PositionKey:
    category, symbol = row.word("category"), row.needed("symbol")
    key = whose.key(symbol, Leg.SPOT if category == "spot" else _LEGS.get(row.word("positionIdx"), Leg.BOTH))
    currency = row.text("feeCurrency")
    if not category and currency is not None and key.is_base(currency) and not key.is_inverse:
        raise ValueError(
            f"feeCurrency {currency!r:.60} is the base of {symbol}, as on spot, but the category is missing; import "
            "the answer unchanged, with the category around its list"
        )
    return key


BYBIT_EXECUTIONS: Final = StatementKind(
    name="bybit-executions",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("symbol", "side", "execId", "execPrice", "execQty", "execFee", "execTime", "execType"),
    exchange="bybit",
    read=row_by_row(_facts),
)
