"""Snapshots of exchanges in few words, for the tests of reconciliation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from domain.commands.base import Command
from domain.identifiers import PositionKey
from domain.values import Leg, Side
from projections.account_snapshot import AccountSnapshot, OrderKind, OrderReport, PositionReport
from projections.positions import PositionRow
from projections.reconciliation.compare import reconcile
from projections.reconciliation.result import Reconciliation, ReconciliationRules
from tests.spec import given, second

LATER = 600
"""The second at which snapshots are taken, unless said otherwise: every deadline is over."""


def rows_of(*commands: Command) -> list[PositionRow]:
    """The rows that these commands lead to; every key has a history of its own."""
    streams: dict[str, list[Command]] = {}
    for command in commands:
        streams.setdefault(command.key.stream, []).append(command)
    return [row for sent in streams.values() for row in given(*sent).rows.values()]


def key(symbol: str, leg: Leg = Leg.BOTH, account: str | None = None) -> PositionKey:
    return PositionKey(symbol, "binance", account, leg)


def held(symbol: str, side: str, quantity: str, price: str | None = None, **fields: Any) -> PositionReport:
    leg = fields.pop("leg", Leg.BOTH)
    numbers: dict[str, Any] = {name: Decimal(value) for name, value in fields.items()}
    return PositionReport(
        key=key(symbol, leg),
        side=Side(side),
        quantity=Decimal(quantity),
        avg_px_open=(price and Decimal(price)) or None,
        **numbers,
    )


def stop(
    symbol: str, side: str, order_id: str, price: str | None = None, quantity: str | None = None, **fields: Any
) -> OrderReport:
    known = {"kind": OrderKind.STOP, "reduce_only": True, **fields}
    leg = known.pop("leg", Leg.BOTH)
    return OrderReport(
        key=key(symbol, leg),
        side=side,
        order_id=order_id,
        trigger_price=(price and Decimal(price)) or None,
        quantity=(quantity and Decimal(quantity)) or None,
        **known,
    )


def limit(symbol: str, side: str, order_id: str, **fields: Any) -> OrderReport:
    return stop(symbol, side, order_id, **{"kind": OrderKind.OTHER, "reduce_only": False, **fields})


def seen(
    *positions: PositionReport, orders: Sequence[OrderReport] | None = (), at: float | None = LATER, **fields: Any
) -> AccountSnapshot:
    known: dict[str, Any] = {"exchange": "binance", "positions": positions, "digest": f"seen at {at}"}
    known["has_conditional"] = True
    return AccountSnapshot(
        **{**known, "taken_at": None if at is None else second(at), **fields},
        orders=None if orders is None else tuple(orders),
    )


def compared(
    rows: Sequence[PositionRow], *snapshots: AccountSnapshot, now: float | None = None, **rules: Any
) -> Reconciliation:
    """Compared just after the last of the snapshots was taken."""
    times = [each.taken_at for each in snapshots if each.taken_at is not None]
    moment = second(now) if now is not None else max(times, default=second(LATER)) + timedelta(seconds=1)
    strays = [row for row in rows if row.stray]
    return reconcile(rows, snapshots, now=moment, rules=ReconciliationRules(**rules), strays=strays)


def told(found: Reconciliation) -> list[tuple[str, str]]:
    """Kind and position (or key) of everything that was found."""
    return [(each.kind.value, each.row.position_id if each.row else each.key.stream) for each in found.findings]
