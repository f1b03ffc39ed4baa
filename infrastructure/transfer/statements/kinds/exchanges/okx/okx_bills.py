"""OKX: bills, as `GET /api/v5/account/bills` and `/bills-archive` answer them.

The amount of a payment is `balChg`, or `pnl` where it went to the margin of an isolated position; it is above zero when
received. A fee that is paid is below zero; `pnl` of a trade is before fees. A bill of a trade in contracts is a fill. A
trade on spot has two bills, one of each currency, and the side of a bill is that of its currency.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from domain.values import CashKind, Leg
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_fills import IN_CONTRACTS, reason_of
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_sides import SideNames, SpotSides
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_OF_FILLS: Final = ("2", "3", "5", "9", "13", "14")
"""Types of bills: trade, delivery, liquidation, ADL, delta-hedging, block trade."""
_ON_SPOT: Final = frozenset({"SPOT", "MARGIN"})
_OF_MARGIN: Final = "6"
_MOVED: Final = frozenset({"110", "111"})
"""Subtypes of a liquidation that transfer margin in or out."""
_CLAWBACK: Final = "117"
_OF_LONG, _OF_SHORT = "112", "113"
"""Subtypes of the delivery of a long and of a short position, in either position mode."""
_OF_CASH: Final[MappingProxyType[str, CashKind]] = MappingProxyType(
    {"8": "funding", "7": "interest", "10": "insurance"}
)
_OF_THE_OTHERS: Final = (
    "ask for the bills of the other products one by one, with instType SWAP, FUTURES, MARGIN and SPOT"
)
_EXPIRIES: Final = frozenset({"170", "171", "172"})
"""Subtypes of an option that was exercised, by either side, or that expired out of the money."""
_BUYS: Final = MappingProxyType(
    {
        **dict.fromkeys(("1", "102", "106", "127", "131", "204", _OF_SHORT), (True, Leg.BOTH)),
        **dict.fromkeys(("2", "103", "107", "128", "132", "205", _OF_LONG), (False, Leg.BOTH)),
        **dict.fromkeys(("3", "206"), (True, Leg.LONG)),
        **dict.fromkeys(("4", "207"), (False, Leg.SHORT)),
        **dict.fromkeys(("5", "100", "104", "125", "208"), (False, Leg.LONG)),
        **dict.fromkeys(("6", "101", "105", "126", "209"), (True, Leg.SHORT)),
    }
)
"""Subtypes: buy and sell in net mode, and to open and close a leg in long/short mode."""

_SIDES: Final = SideNames(
    pair=("instId",),
    unit=("ccy",),
    side=("subType",),
    amount=("sz",),
    price=("px",),
    fee=("fee",),
    fee_unit=("ccy",),
    trade=("tradeId", "ordId"),
    receives="1",
    pays="2",
)


def _is_on_spot(row: StatementRow) -> bool:
    return row.word("instType").upper() in _ON_SPOT and row.word("type") in _OF_FILLS


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    kind, sub = row.needed("type"), row.text("subType")
    if kind in _OF_CASH:
        yield from _cash(whose, row, _OF_CASH[kind])
    elif _is_on_spot(row):
        yield from _fill(whose, row)
    elif row.word("instType").upper() not in IN_CONTRACTS:
        if kind in _OF_FILLS:
            raise ValueError(
                f"instType {row.text('instType') or ''!r:.60} of a trade is unknown; known are: "
                f"{', '.join(sorted((*_ON_SPOT, *IN_CONTRACTS)))}; {_OF_THE_OTHERS}"
            )
    elif kind == _OF_MARGIN or sub in _MOVED:
        return
    elif sub == _CLAWBACK:
        yield from _cash(whose, row, "insurance")
    elif kind in _OF_FILLS:
        yield from _fill(whose, row)
    elif row.known("balChg") or row.some("pnl") or row.some("fee") or row.text("tradeId"):
        raise ValueError(
            f"type {kind!r:.60} of a bill of contracts is unknown; known are: {', '.join((*_OF_FILLS, *_OF_CASH))}"
        )


def _cash(whose: Whose, row: StatementRow, kind: CashKind) -> Iterator[StatementCash]:
    symbol = row.text("instId")
    if amount := row.known("balChg") or row.known("pnl"):
        yield StatementCash(
            line=row.line,
            time=row.time("ts", zone=whose.zone),
            key=None if symbol is None else whose.key(symbol),
            amount=amount,
            currency=row.needed("ccy"),
            kind=kind,
            cash_id=row.needed("billId"),
        )


def _fill(whose: Whose, row: StatementRow) -> Iterator[StatementFill]:
    sub_type = row.needed("subType")
    if sub_type in _EXPIRIES:
        raise ValueError(
            f"subType {sub_type!r} is the expiry of an option, {row.text('instId')}, and its bill has no price at "
            f"which that was closed; {_OF_THE_OTHERS}"
        )
    if sub_type not in _BUYS:
        raise ValueError(f"subType {sub_type!r:.60} of a trade is unknown; known are: {', '.join(_BUYS)}")
    (buys, leg), is_delivery = _BUYS[sub_type], sub_type in (_OF_LONG, _OF_SHORT)
    quantity, on_spot = row.above_zero("sz"), _is_on_spot(row)
    yield StatementFill(
        line=row.line,
        time=row.time("fillTime", "ts", zone=whose.zone),
        key=whose.key(row.needed("instId"), Leg.SPOT if on_spot else leg),
        buys=buys,
        quantity=quantity,
        price=row.above_zero("px"),
        fee=row.minus("fee"),
        fee_currency=row.text("ccy"),
        profit=None if on_spot else row.number("pnl"),
        trade_id=row.text("tradeId") or row.needed("billId"),
        order_id=row.text("ordId") or row.needed("billId"),
        in_contracts=not on_spot,
        reason=reason_of(sub_type),
        closes=quantity if is_delivery else None,
        names_leg=not is_delivery,
        on_margin=row.word("instType") == "margin",
    )


OKX_BILLS: Final = StatementKind(
    name="okx-bills",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("billId", "balChg", "bal", "ccy", "type", "subType", "ts", "instId"),
    exchange="okx",
    read=row_by_row(_facts, lambda rows: SpotSides(_SIDES, _is_on_spot).joined(rows)),
)
