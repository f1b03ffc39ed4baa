"""Trades of Deribit and its transaction log: units of dollars or of the base, and what is no position."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.exchanges.deribit.deribit_log import DERIBIT_LOG
from infrastructure.transfer.statements.kinds.exchanges.deribit.deribit_trades import DERIBIT_TRADES
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.intake.told import cash_of
from tests.infrastructure.transfer.statements.statement_text import facts_of, file_of, words


def trade(**more: Any) -> dict[str, Any]:
    return {
        "trade_seq": 3,
        "trade_id": "BTC-34066",
        "timestamp": 1773739452000,
        "state": "filled",
        "price": 50000.5,
        "order_type": "limit",
        "order_id": "BTC-334607",
        "liquidity": "M",
        "instrument_name": "BTC-PERPETUAL",
        "fee_currency": "BTC",
        "fee": 0.00001,
        "direction": "buy",
        "amount": 10000.0,
        **more,
    }


def logged(**more: Any) -> dict[str, Any]:
    return {
        "id": 80,
        "type": "trade",
        "timestamp": 1773739452001,
        "user_seq": 1773739452001000,
        "currency": "BTC",
        "instrument_name": "BTC-PERPETUAL",
        "side": "open buy",
        "amount": 10000.0,
        "price": 50000.5,
        "position": 10000.0,
        "commission": 0.00001,
        "interest_pl": 0.0,
        "change": -0.00001,
        "cashflow": 0.0,
        "trade_id": "BTC-34066",
        "order_id": "BTC-334607",
        **more,
    }


def told(kind: StatementKind, row: dict[str, Any]) -> list[str]:
    return [words(fact).partition("Z ")[2] for fact in facts_of(json.dumps([row]), kind, Whose("deribit"))]


FILL = "buys 10000 at 50000.5, fee 0.00001 BTC, profit unknown, trade BTC-34066 of order BTC-334607"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("BTC-PERPETUAL", "BTC/USD:BTC.deribit"),
        ("ETH-27MAR26", "ETH/USD:ETH-260327.deribit"),
        ("BTC_USDC-PERPETUAL", "BTCUSDC.deribit"),
        ("ETH_USDC-3APR26", "ETHUSDC-260403.deribit"),
        ("BTC_USDC", "BTCUSDC.deribit:SPOT"),
    ],
)
def test_an_amount_is_in_units_of_the_instrument(name: str, key: str) -> None:
    assert told(DERIBIT_TRADES, trade(instrument_name=name)) == [f"{key} {FILL}"]


@pytest.mark.parametrize(
    "name", ["ETH-22FEB19-120-C", "BTC-27MAR26-60000-P", "XRP_USDC-26DEC25-0d625-C", "BTC_USDC-3APR26-100000-C"]
)
def test_options_are_left_out(name: str) -> None:
    assert told(DERIBIT_TRADES, trade(instrument_name=name)) == []
    for kind in ("trade", "settlement", "delivery", "expiry"):
        assert told(DERIBIT_LOG, logged(instrument_name=name, type=kind)) == []


def test_a_combination_is_refused() -> None:
    for kind, row in ((DERIBIT_TRADES, trade), (DERIBIT_LOG, logged)):
        with pytest.raises(StatementRefused, match="line 1: instrument_name 'BTC-FS-27MAR26_PERP' is no future"):
            told(kind, row(instrument_name="BTC-FS-27MAR26_PERP"))


@pytest.mark.parametrize(
    ("liquidity", "liquidation", "is_forced"), [("M", "T", False), ("T", "T", True), ("M", "MT", True)]
)
def test_who_was_liquidated_is_said_by_his_side(liquidity: str, liquidation: str, *, is_forced: bool) -> None:
    (fact,) = told(DERIBIT_TRADES, trade(liquidity=liquidity, liquidation=liquidation))
    assert fact.endswith(", by liquidation") is is_forced


def test_a_trade_of_the_log_says_what_was_held_and_its_funding() -> None:
    assert told(DERIBIT_LOG, logged(interest_pl=-0.00002)) == [
        f"BTC/USD:BTC.deribit {FILL}, held 0",
        "BTC/USD:BTC.deribit funding -0.00002 BTC, id funding:80",
    ]
    short = logged(side="close sell", amount=4000.0, position=-1000.0)
    assert told(DERIBIT_LOG, short)[0].endswith(", held 3000")


def test_a_settlement_pays_its_funding_alone() -> None:
    row = logged(type="settlement", side="long", interest_pl=0.00003, change=0.5, session_rpl=0.49997)
    assert told(DERIBIT_LOG, row) == ["BTC/USD:BTC.deribit funding 0.00003 BTC, id funding:80"]


def test_a_delivery_closes_what_is_held() -> None:
    row = logged(type="delivery", side="close sell", position=0.0, trade_id=None, order_id=None)
    (fact,) = told(DERIBIT_LOG, row)
    assert fact.endswith("trade delivery-80 of order delivery-80, by settlement, closes 10000, held 10000")


def test_what_is_of_no_position_is_left_out_or_cash_or_refused() -> None:
    bare = {"instrument_name": None, "amount": None, "side": "-", "change": -2.5}
    assert told(DERIBIT_LOG, logged(type="transfer", **bare)) == []
    assert told(DERIBIT_LOG, logged(type="bonus", **bare | {"change": 0.0})) == []
    assert told(DERIBIT_LOG, logged(type="correction", **bare)) == ["no symbol correction -2.5 BTC, id correction:80"]
    with pytest.raises(StatementRefused, match="line 1: type 'bonus' of no instrument is unknown; known are: trade, d"):
        told(DERIBIT_LOG, logged(type="bonus", **bare))
    with pytest.raises(StatementRefused, match="line 1: type 'move' of BTC-PERPETUAL is unknown"):
        told(DERIBIT_LOG, logged(type="move", change=0.0))
    with pytest.raises(StatementRefused, match="line 1: side 'long' is unknown; known are: open buy, close buy"):
        told(DERIBIT_LOG, logged(side="long"))


def test_trades_on_spot_are_left_out_of_the_log_with_where_to_find_them() -> None:
    line = json.dumps([logged(instrument_name="BTC_USDC")])
    (left_out,) = DERIBIT_LOG.facts(file_of(line), Whose("deribit"))
    assert words(left_out) == "1: left out: trades on spot; import deribit-trades"


def test_trades_and_the_log_are_of_the_same_fills() -> None:
    later = {"trade_id": "BTC-9", "side": "close sell", "position": 0.0, "timestamp": 1773739459001}
    trades = [trade(), trade(trade_id="BTC-9", direction="sell", timestamp=1773739459000)]
    log = [logged(), logged(id=81, interest_pl=-0.1, **later)]
    files = ((DERIBIT_TRADES, trades), (DERIBIT_LOG, log))
    with memory_ledger() as ledger:
        said = [
            Statement(kind.name, kind.name, facts_of(json.dumps(rows), kind, Whose("deribit"))) for kind, rows in files
        ]
        report = import_statements(ledger, said, confirm=True)
        assert_sound(ledger)
        assert cash_of(ledger) == {"1": {"funding": "-0.1"}}
    assert (report.fills, report.repeated, report.findings) == (2, 2, [])
