"""Binance counts contracts of what is settled in its base: they are refused until somebody said how much one is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.values import Leg
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_trades import BINANCE_TRADES
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.statements.statement_report import StatementReport
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import fills_of

HEADER = "Date(UTC),Symbol,Side,Price,Quantity,Amount,Fee,Realized Profit\n"
COIN = f"""{HEADER}2026-03-17 09:00:00,BTCUSD_PERP,BUY,50000,10,0.02,0.00001BTC,0
2026-03-17 10:00:00,BTCUSD_PERP,SELL,40000,10,0.025,0.00001BTC,-0.005
"""


def imported(ledger: PositionLedger, text: str) -> StatementReport:
    fills = fills_of(text, BINANCE_TRADES, Whose(exchange="binance"))
    return import_statement(ledger, BINANCE_TRADES.name, fills, confirm=True)


def test_contracts_of_no_known_size_are_refused() -> None:
    with memory_ledger() as ledger, pytest.raises(StatementRefused, match="line 2: its quantity 10 counts contracts"):
        imported(ledger, COIN)


def test_contracts_of_a_known_size_earn_what_the_file_says() -> None:
    with memory_ledger() as ledger:
        ledger.define_instrument(
            symbol="BTC/USD:BTC", exchange="binance", leg=Leg.BOTH, contract_size="100", inverse=True
        )
        report = imported(ledger, COIN)
        assert (report.profit_ledger, report.findings) == ({"BTC": Decimal("-0.005")}, [])
        assert report.fees == {"BTC": Decimal("0.00002")}
        assert_sound(ledger)


def test_what_is_settled_in_dollars_counts_units() -> None:
    with memory_ledger() as ledger:
        report = imported(ledger, f"{HEADER}2026-03-17 09:00:00,BTCUSDT,BUY,50000,10,500000,1USDT,0\n")
        assert (report.open, report.findings) == (1, [])
