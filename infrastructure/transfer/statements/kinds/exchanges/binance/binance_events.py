"""Binance, futures: the events of a user data stream, saved line by line.

A commission `n` that is paid is above zero, and the key is missing where there is none; a profit `rp` is before fees.
`bc` is the change of a balance that is neither profit nor commission. A short position `pa` is below zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from domain.identifiers import PositionKey
from domain.values import CashKind
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, made_up
from infrastructure.transfer.statements.statement_facts import (
    StatementCash,
    StatementFact,
    StatementFill,
    StatementPosition,
)
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_FILLS: Final = frozenset({"TRADE", "CALCULATED"})
"""Execution types that filled something; the second is that of a liquidation."""
_CASH: Final[MappingProxyType[str, CashKind]] = MappingProxyType(
    {"FUNDING_FEE": "funding", "INSURANCE_CLEAR": "insurance"}
)
_REASONS: Final = MappingProxyType(
    {"autoclose-": "liquidation", "adl_autoclose": "adl", "settlement_autoclose-": "settlement"}
)
"""By prefix of the client order id that Binance gives to an order of its own."""


def _facts(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    event = row.needed("e")
    if event == "ORDER_TRADE_UPDATE":
        yield from _fill(whose, row, row.inside("o"))
    elif event == "ACCOUNT_UPDATE":
        account = row.inside("a")
        positions = [_position(whose, row, position) for position in account.listed("P")]
        yield from _cash(row, account, positions)
        yield from positions


def _fill(whose: Whose, event: StatementRow, order: StatementRow) -> Iterator[StatementFill]:
    if order.needed("x") not in _FILLS or not order.known("l"):
        return
    client_id, trade_id, key = order.text("c") or "", order.text("t"), _key(whose, order)
    yield StatementFill(
        line=event.line,
        time=order.time("T"),
        key=key,
        buys=order.buys("S"),
        quantity=order.above_zero("l"),
        price=order.above_zero("L"),
        fee=order.number("n") if "n" in order.named else Decimal(0),
        fee_currency=order.text("N"),
        profit=order.number("rp"),
        trade_id=trade_id if trade_id not in (None, "0", "-1") else made_up(*map(order.needed, ("s", "i", "T", "z"))),
        order_id=order.needed("i"),
        in_contracts=key.is_inverse,
        reason=next((reason for prefix, reason in _REASONS.items() if client_id.startswith(prefix)), None),
    )


def _position(whose: Whose, event: StatementRow, position: StatementRow) -> StatementPosition:
    quantity = position.number("pa")
    if quantity is None:
        raise ValueError("pa is missing")
    return StatementPosition(
        line=event.line,
        time=event.time("T", "E"),
        key=_key(whose, position),
        quantity=quantity,
        avg_px=position.some("ep"),
    )


def _cash(event: StatementRow, account: StatementRow, positions: list[StatementPosition]) -> Iterator[StatementCash]:
    kind = _CASH.get(account.needed("m"))
    for balance in account.listed("B") if kind else ():
        amount, currency = balance.known("bc"), balance.needed("a")
        if kind and amount:
            time = event.time("T", "E")
            yield StatementCash(
                line=event.line,
                time=time,
                key=positions[0].key if len(positions) == 1 else None,
                amount=amount,
                currency=currency,
                kind=kind,
                cash_id=made_up(
                    account.needed("m"), event.needed("T", "E"), currency, *(p.key.stream for p in positions)
                ),
            )


def _key(whose: Whose, row: StatementRow) -> PositionKey:
    return whose.key(row.needed("s"), row.leg("ps"))


BINANCE_EVENTS: Final = StatementKind(
    name="binance-futures-events",
    form=FileForm.JSON,
    needs=("e", "E", "T"),
    exchange="binance",
    read=row_by_row(_facts),
)
