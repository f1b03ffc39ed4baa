"""Facts in short, and what an import of them leads to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.statement_facts import (
    StatementCash,
    StatementFact,
    StatementFill,
    StatementPosition,
)
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from infrastructure.transfer.statements.statement_report import StatementReport

BTC = PositionKey.of("BTCUSDT", "binance")
START = datetime(2025, 10, 22, 18, 50, tzinfo=UTC)


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def fill(second: float, signed: str, price: str = "100", **more: Any) -> StatementFill:
    """Of plus a buy, of minus a sell; its trade is the line unless it is said, and so is its order."""
    line = more.pop("line", int(second) + 2)
    known: dict[str, Any] = {
        "fee": None,
        "fee_currency": None,
        "profit": None,
        "trade_id": f"{line}",
        "order_id": f"o{line}",
    }
    quantity = Decimal(signed)
    return StatementFill(
        line=line,
        time=at(second),
        key=more.pop("key", BTC),
        buys=quantity > 0,
        quantity=abs(quantity),
        price=Decimal(price),
        **known | more,
    )


def paid(second: float, amount: str, **more: Any) -> StatementCash:
    line = more.pop("line", int(second) + 1002)
    known: dict[str, Any] = {"key": BTC, "currency": "USDT", "kind": "funding", "cash_id": f"c{line}"}
    return StatementCash(line=line, time=at(second), amount=Decimal(amount), **known | more)


def held(second: float, quantity: str, key: PositionKey = BTC) -> StatementPosition:
    return StatementPosition(line=9, time=at(second), key=key, quantity=Decimal(quantity), avg_px=None)


def leg(name: Leg) -> PositionKey:
    return BTC.on(name)


def take(ledger: PositionLedger, *files: Sequence[StatementFact], confirm: bool = True) -> StatementReport:
    """Files called one.csv, two.csv …"""
    names = ("one.csv", "two.csv", "three.csv")
    statements = [Statement(name, name.partition(".")[0], facts) for name, facts in zip(names, files, strict=False)]
    return import_statements(ledger, statements, confirm=confirm)


def cash_of(ledger: PositionLedger) -> dict[str, dict[str, str]]:
    """What every cycle received without a fill."""
    return {
        row.position_id.partition("#")[2]: {kind: f"{amount:f}" for kind, amount in row.cash.items()}
        for row in ledger.positions()
    }
