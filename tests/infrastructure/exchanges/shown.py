"""Accounts as exchanges show them, beside what a ledger holds, for the tests of both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from domain.commands.base import Command
from domain.commands.requests import Adopt, SetStopLoss
from domain.values import timestamp_text
from infrastructure.exchanges.document import Given, read_snapshot
from projections.account_snapshot import AccountSnapshot
from projections.reconciliation.command_text import in_words
from projections.reconciliation.compare import reconcile
from projections.reconciliation.corrections import corrections
from projections.reconciliation.discrepancies import DiscrepancyKind
from projections.reconciliation.result import Reconciliation, ReconciliationRules
from tests.projections.seen import LATER, rows_of
from tests.spec import second

AT = second(LATER)


def shown(
    exchange: str, positions: Sequence[Any], orders: Sequence[Any] = (), ago: float = 0, **fields: Any
) -> AccountSnapshot:
    document = {
        "exchange": exchange,
        "timestamp": timestamp_text(AT - timedelta(seconds=ago)),
        "positions": positions,
        "orders": orders,
        **fields,
    }
    return read_snapshot(json.dumps(document).encode(), Given(exchange))


def beside(sent: Sequence[Command], *snapshots: AccountSnapshot) -> Reconciliation:
    return reconcile(rows_of(*sent), snapshots, now=AT + timedelta(seconds=1), rules=ReconciliationRules())


def told(found: Reconciliation) -> list[tuple[str, str]]:
    """But for how to define a unit, which is said of every contract here."""
    said = [each for each in found.findings if each.kind is not DiscrepancyKind.UNIT]
    return [(each.kind.value, each.key.stream) for each in said]


def planned(found: Reconciliation) -> list[str]:
    return [in_words(each.command) for each in corrections(found)]


def adopt(symbol: str, exchange: str, side: str, quantity: str, price: str, **fields: Any) -> Adopt:
    return Adopt.of(
        symbol=symbol,
        exchange=exchange,
        side=side,
        quantity=quantity,
        avg_px_open=price,
        reason="seen",
        at=second(0),
        **fields,
    )


def stop_of(position_id: str, price: str, order_id: str, **fields: Any) -> SetStopLoss:
    return SetStopLoss.of(position_id=position_id, stop_price=price, exchange_order_id=order_id, at=second(1), **fields)


def held(symbol: str, side: str | None, contracts: Any = None, price: Any = None, **fields: Any) -> dict[str, Any]:
    return {"symbol": symbol, "side": side, "contracts": contracts, "entryPrice": price} | fields


def order(order_id: str, symbol: str, side: str | None = None, amount: Any = None, **fields: Any) -> dict[str, Any]:
    return {"id": order_id, "symbol": symbol, "side": side, "amount": amount, "status": "open", **fields}


BTC = "BTC/USDT:USDT"


DOGE = "DOGE/USDT:USDT"
