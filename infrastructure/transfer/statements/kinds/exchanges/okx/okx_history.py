"""OKX: the trading history that its website exports in CSV, one line per bill.

A line above the columns has the zone of all times. What is paid is below zero, and `PnL` is before fees. The amount of
a funding payment is `PnL` where it went to the margin of an isolated position, else the change of the balance. The unit
`cont` means contracts; any other is the base. A trade on spot has two lines, one of each currency, and the action of a
line is that of its currency.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from domain.values import CashKind, Leg
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_sides import SideNames, SpotSides
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_SYMBOL: Final = ("symbol", "instrument")
_ACTION: Final = ("action", "type")
_UNIT: Final = ("trading unit", "unit")
_PROFIT: Final = ("pnl", "pl")
_IN_CONTRACTS: Final = "cont"
_DERIVATIVE_MIN: Final = 2
"""Dashes in the symbol of a contract: BTC-USDT-SWAP, BTC-USD-260327-70000-C."""
_BUYS: Final = MappingProxyType(
    {
        **dict.fromkeys(("buy", "partial liquidation buy", "liquidation buy", "adl buy"), (True, Leg.BOTH)),
        **dict.fromkeys(("sell", "partial liquidation sell", "liquidation sell", "adl sell"), (False, Leg.BOTH)),
        "open long": (True, Leg.LONG),
        "open short": (False, Leg.SHORT),
        **dict.fromkeys(
            ("close long", "partial liquidation close long", "liquidation long", "adl close long"), (False, Leg.LONG)
        ),
        **dict.fromkeys(
            ("close short", "partial liquidation close short", "liquidation short", "adl close short"),
            (True, Leg.SHORT),
        ),
        "delivery long": (False, Leg.BOTH),
        "delivery short": (True, Leg.BOTH),
    }
)
_DELIVERY: Final = "delivery"
_REASONS: Final = MappingProxyType({"liquidation": "liquidation", "adl": "adl", _DELIVERY: "settlement"})
_CASH: Final[MappingProxyType[str, CashKind]] = MappingProxyType(
    {
        "funding fee expense": "funding",
        "funding fee income": "funding",
        "funding fee": "funding",
        "clawback": "insurance",
        "delivery/exercise clawback": "insurance",
    }
)

_SIDES: Final = SideNames(
    pair=_SYMBOL,
    unit=("balance unit",),
    side=_ACTION,
    amount=("amount",),
    price=("filled price",),
    fee=("fee",),
    fee_unit=("fee unit",),
    trade=("order id", "time", "filled price"),
    receives="buy",
    pays="sell",
)
_ON_SPOT: Final = ("spot", "margin")


def _is_on_spot(row: StatementRow) -> bool:
    return row.word("trade type") in _ON_SPOT and row.word(*_ACTION) in (_SIDES.receives, _SIDES.pays)


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    symbol, action = row.text(*_SYMBOL) or "", row.word(*_ACTION)
    if _is_on_spot(row):
        yield _fill(whose, row, action)
        return
    if symbol.count("-") < _DERIVATIVE_MIN:
        return
    if action in _CASH:
        yield from _cash(whose, row, _CASH[action])
    elif action in _BUYS:
        yield _fill(whose, row, action)
    elif row.known("balance change") or row.some(*_PROFIT) or row.some("fee") or row.some("position change"):
        raise ValueError(f"{row.find(*_ACTION)[0]} {action!r:.60} is unknown; known are: {', '.join((*_BUYS, *_CASH))}")


def _cash(whose: Whose, row: StatementRow, kind: CashKind) -> Iterator[StatementCash]:
    if amount := row.known("balance change") or row.known(*_PROFIT):
        yield StatementCash(
            line=row.line,
            time=row.time("time", zone=whose.zone),
            key=whose.key(row.needed(*_SYMBOL)),
            amount=amount,
            currency=row.text("balance unit", "fee unit"),
            kind=kind,
            cash_id=row.needed("id"),
        )


def _fill(whose: Whose, row: StatementRow, action: str) -> StatementFill:
    buys, leg = _BUYS[action]
    symbol, unit, is_delivery = row.needed(*_SYMBOL), row.needed(*_UNIT), action.startswith(_DELIVERY)
    on_spot = _is_on_spot(row)
    key, quantity = whose.key(symbol, Leg.SPOT if on_spot else leg), row.above_zero("amount")
    in_contracts = unit.lower() == _IN_CONTRACTS
    if not on_spot and not in_contracts and not (key.is_base(unit) and not key.is_inverse):
        raise ValueError(f"{row.find(*_UNIT)[0]} {unit!r:.60} of {symbol} is neither {_IN_CONTRACTS} nor what it buys")
    return StatementFill(
        line=row.line,
        time=row.time("time", zone=whose.zone),
        key=key,
        buys=buys,
        quantity=quantity,
        price=row.above_zero("filled price"),
        fee=row.minus("fee"),
        fee_currency=row.text("fee unit"),
        profit=None if on_spot else row.number(*_PROFIT),
        trade_id=row.needed("id"),
        order_id=row.text("order id") or row.needed("id"),
        in_contracts=in_contracts,
        reason=next((reason for word, reason in _REASONS.items() if word in action), None),
        closes=quantity if is_delivery else None,
        names_leg=not is_delivery,
        on_margin=row.word("trade type") == "margin",
    )


OKX_HISTORY: Final = StatementKind(
    name="okx-history-csv",
    form=FileForm.CSV,
    needs=(
        *("id", "order id", "time", "trade type", _SYMBOL, _ACTION, "amount", "filled price", "fee"),
        *("position change", "balance change"),
    ),
    exchange="okx",
    read=row_by_row(_facts, lambda rows: SpotSides(_SIDES, _is_on_spot).joined(rows)),
)
