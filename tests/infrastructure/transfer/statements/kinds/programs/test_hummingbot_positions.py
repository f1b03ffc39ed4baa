"""What hummingbot holds: compared where there are fills, what a cycle begins with where there are none."""

from __future__ import annotations

import pytest

from infrastructure.transfer.statements.kinds.programs.hummingbot_fills import HUMMINGBOT_CSV
from infrastructure.transfer.statements.kinds.programs.hummingbot_positions import HUMMINGBOT_POSITIONS
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.statements.statement_report import StatementReport
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.statement_text import file_of, words

HEADER = (
    "id,controller_id,connector_name,trading_pair,side,timestamp,volume_traded_quote,amount,breakeven_price,"
    "unrealized_pnl_quote,cum_fees_quote\n"
)
TRADES = (
    "market,symbol,base_asset,quote_asset,timestamp,order_id,trade_type,order_type,price,amount,trade_fee,"
    "exchange_trade_id,position,age\n"
)
UNTOLD = "held, as the file says, and no fill of it is known; what was earned and paid before is not"


def row(controller: str, side: str, numbers: str, pair: str = "ETH-USDT", market: str = "binance_perpetual") -> str:
    return f"{controller},{controller},{market},{pair},{side},1773739452000,{numbers},0,0\n"


def trade(number: int, side: str, amount: str, market: str = "binance_perpetual") -> str:
    return (
        f"{market},ETH-USDT,ETH,USDT,{1773739452000 + number},o{number},{side},LIMIT,2000,{amount},"
        f"\"{{'percent': '0.001', 'fee_type': 'DeductedFromReturns', 'flat_fees': []}}\",{number},NIL,n/a\n"
    )


def held(*rows: str) -> list[str]:
    return [words(fact) for fact in HUMMINGBOT_POSITIONS.facts(file_of(HEADER + "".join(rows)), Whose())]


def taken(positions: str, trades: str) -> StatementReport:
    with memory_ledger() as ledger:
        files = ((HUMMINGBOT_CSV, TRADES + trades), (HUMMINGBOT_POSITIONS, HEADER + positions))
        statements = [Statement(kind.name, kind.name, kind.facts(file_of(text), Whose())) for kind, text in files]
        report = import_statements(ledger, statements, confirm=True)
        assert_sound(ledger)
    return report


def test_what_no_fill_tells_of_begins_a_cycle_and_is_found() -> None:
    assert booked(HEADER + row("a", "SELL", "600,0.3,2000"), HUMMINGBOT_POSITIONS, Whose()) == [
        "ETHUSDT.binance#1 short active holds 0.3: earned 0, net 0, fees 0",
        f"ETHUSDT.binance#1: {UNTOLD}",
    ]


def test_what_fills_come_to_is_compared_and_not_recorded_again() -> None:
    short = row("a", "SELL", "600,0.3,2000")
    assert taken(short, trade(-1, "SELL", "0.3")).findings == []
    assert taken(short, trade(-1, "SELL", "0.2")).findings == [
        "ETHUSDT.binance: the file says that -0.3 was held at 2026-03-17T09:24:12.000000Z, its fills come to -0.2"
    ]


def test_fills_go_on_from_what_was_held() -> None:
    report = taken(row("a", "SELL", "600,0.3,2000"), trade(5, "BUY", "0.3"))
    assert (report.cycles, report.open, report.findings) == (1, 0, [f"ETHUSDT.binance#1: {UNTOLD}"])


def test_on_spot_fills_say_what_was_paid_in_the_base() -> None:
    assert (
        taken(row("a", "BUY", "600,0.3,2000", market="kucoin"), trade(-1, "BUY", "0.3", market="kucoin")).findings == []
    )


def test_twice_it_is_what_it_was() -> None:
    text = HEADER + row("a", "SELL", "600,0.3,2000")
    with memory_ledger() as ledger:
        for cycles in (1, 0):
            facts = HUMMINGBOT_POSITIONS.facts(file_of(text), Whose())
            report = import_statements(ledger, [Statement("a", "a", facts)], confirm=True)
            assert report.cycles == cycles
        assert [(row.side, f"{row.quantity}") for row in ledger.positions()] == [("short", "0.3")]
        assert report.findings == []


def test_what_controllers_hold_of_a_pair_is_added_up() -> None:
    at = "2026-03-17T09:24:12.000000Z ETHUSDT.binance holds"
    assert held(row("a", "BUY", "600,0.3,2000"), row("b", "BUY", "210,0.1,2100")) == [f"2: {at} 0.4 at 2025"]
    assert held(row("a", "BUY", "600,0.3,2000"), row("b", "SELL", "210,0.1,2100")) == [f"2: {at} 0.2 at unknown"]
    assert held(row("a", "BUY", "600,0,0")) == [f"2: {at} 0 at unknown"]


def test_a_row_is_taken_once_and_its_side_agrees_with_its_amount() -> None:
    at = "2026-03-17T09:24:12.000000Z ETHUSDT.binance holds"
    assert held(row("a", "SELL", "600,0.3,2000"), row("a", "SELL", "600,0.3,2000")) == [f"2: {at} -0.3 at 2000"]
    with pytest.raises(StatementRefused, match=r"line 2: amount '-0\.3' of side 'BUY' is below zero"):
        held(row("a", "BUY", "600,-0.3,2000"))
    with pytest.raises(StatementRefused, match="line 2: side is missing"):
        held(row("a", "", "600,0.3,2000"))
    with pytest.raises(StatementRefused, match="line 2: amount is missing"):
        held(row("a", "BUY", "600,,2000"))


def test_a_table_that_counts_millionths_is_read_for_what_it_means() -> None:
    at = "2026-03-17T09:24:12.000000Z ETHUSDT.binance holds"
    assert held(row("a", "BUY", "600000000,300000,2000000000")) == [f"2: {at} 0.3 at 2000"]
    assert held(row("a", "BUY", "4000,2,2000")) == [f"2: {at} 2 at 2000"]
    assert held(row("a", "BUY", "0,0.5,2000.5")) == [f"2: {at} 0.5 at 2000.5"]
    with pytest.raises(StatementRefused, match="line 2: amount '300000' at '2000000000' was not traded by a volume"):
        held(row("a", "BUY", "0,300000,2000000000"))


def test_fills_that_may_count_millionths_are_refused() -> None:
    table = TRADES.replace(",age", "")
    line = trade(1, "BUY", "300000").replace(",n/a", "").replace(",2000,", ",2000500000,")
    with pytest.raises(StatementRefused, match="line 2: price '2000500000' and amount '300000' may count millionths"):
        list(HUMMINGBOT_CSV.facts(file_of(table + line), Whose()))
    assert list(HUMMINGBOT_CSV.facts(file_of(table + line.replace("300000", "0.3")), Whose()))
