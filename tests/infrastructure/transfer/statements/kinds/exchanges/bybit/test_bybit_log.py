"""The log of Bybit's website says how much is held after a trade: so a position that was turned over is seen."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from domain.values import plain
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_log import BYBIT_LOG, BYBIT_LOG_CSV
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import facts_of, file_of, words

HEADER = (
    "Currency,Contract,Type,Direction,Quantity,Position,Filled Price,Cash Flow,Change,Action,Time(UTC),Funding,Fee Paid"
)


def line(second: int, what: str) -> str:
    return f"USDT,BTCUSDT,TRADE,{what},2026-03-17 09:00:0{second},0,-0.1"


@pytest.mark.parametrize(
    ("side", "quantity", "position", "action", "closes"),
    [
        ("BUY", "3", "3", "OPEN", "0"),
        ("BUY", "3", "5", "OPEN", "0"),
        ("SELL", "3", "-1", "OPEN", "2"),
        ("SELL", "3", "1", "OPEN", "2"),
        ("SELL", "3", "0", "CLOSE", "3"),
        ("SELL", "3", "1", "CLOSE", "3"),
        ("SELL", "3", "", "OPEN", None),
    ],
)
def test_what_is_held_after_it_says_how_much_it_closed(
    side: str, quantity: str, position: str, action: str, closes: str | None
) -> None:
    text = f"{HEADER}\n{line(1, f'{side},{quantity},{position},100,0,0,{action}')}\n"
    (fill,) = facts_of(text, BYBIT_LOG_CSV, Whose("bybit"))
    assert isinstance(fill, StatementFill)
    assert closes == (None if fill.closes is None else plain(fill.closes))


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_position_that_is_turned_over_is_two_cycles_of_one_leg(sign: str) -> None:
    lines = [
        line(1, "BUY,2,2,100,0,0,OPEN"),
        line(2, f"SELL,3,{sign}1,110,20,20,OPEN"),
        line(3, "BUY,1,0,100,10,10,CLOSE"),
    ]
    facts = facts_of("\n".join([HEADER, *lines]), BYBIT_LOG_CSV, Whose("bybit"))
    with memory_ledger() as ledger:
        report = import_statement(ledger, BYBIT_LOG_CSV.name, facts, confirm=True)
        cycles = [f"{row.position_id} {row.side} {plain(row.realized_pnl or Decimal(0))}" for row in ledger.positions()]
    assert (cycles, report.findings) == (["BTCUSDT.bybit#1 long 20", "BTCUSDT.bybit#2 short 10"], [])


def test_a_log_of_the_website_that_begins_in_the_middle_says_what_was_held() -> None:
    """A short of 14 at 100 before, of which the first trade opened 3 more; 12 of 17 are closed."""
    lines = [line(1, "SELL,3,17,117,0,0,OPEN"), line(2, "BUY,12,5,93,120,120,CLOSE")]
    facts = facts_of("\n".join([HEADER, *lines]), BYBIT_LOG_CSV, Whose("bybit"))
    with memory_ledger() as ledger:
        import_statement(ledger, BYBIT_LOG_CSV.name, facts, confirm=True)
        (row,) = ledger.positions()
    assert f"{row.side} {row.quantity} at {row.avg_px_open}, earned {row.realized_pnl}" == "short 5 at 103, earned 120"


def test_a_fee_that_is_given_back_is_of_a_position_where_the_category_says_so() -> None:
    text = f"{HEADER}\n{line(1, '--,--,--,--,0,0.05,--').replace('TRADE', 'FEE_REFUND')}\n"
    answer = (
        '{"symbol": "BTCUSDT", "category": "%s", "type": "FEE_REFUND", "side": "None", "qty": "0", "size": "0",'
        ' "transactionTime": "1773739452000", "funding": "", "cashFlow": "0", "change": "0.05", "currency": "USDT",'
        ' "tradeId": "", "id": "r1"}'
    )
    told = [
        words(fact).partition("Z ")[2].partition(", id")[0]
        for data, kind in ((text, BYBIT_LOG_CSV), (answer % "linear", BYBIT_LOG), (answer % "spot", BYBIT_LOG))
        for fact in facts_of(data, kind, Whose("bybit"))
    ]
    assert told == ["no symbol rebate 0.05 USDT", "BTCUSDT.bybit rebate 0.05 USDT", "no symbol rebate 0.05 USDT"]


@pytest.mark.parametrize("symbol", ["BTC-27MAR26-60000-C", "BTC-27MAR26-60000-P-USDT", "XRP-27MAR26-0.5-C-USDT"])
def test_options_are_left_out(symbol: str) -> None:
    """One was bought for 100 and delivered at 60500, the price of what it is of, for 500: it did not earn 60400."""
    bought = line(1, "BUY,1,1,100,-100,-100.1,OPEN").replace("BTCUSDT", symbol)
    delivered = line(2, "SELL,1,0,60500,500,499.9,CLOSE").replace("BTCUSDT,TRADE", f"{symbol},DELIVERY")
    assert facts_of(f"{HEADER}\n{bought}\n{delivered}\n", BYBIT_LOG_CSV, Whose("bybit")) == []


@pytest.mark.parametrize("symbol", ["BTC-27MAR26", "BTCPERP", "BTCUSDT-27MAR26"])
def test_futures_are_no_options(symbol: str) -> None:
    bought = line(1, "BUY,1,1,100,0,-0.1,OPEN").replace("BTCUSDT", symbol, 1)
    assert len(facts_of(f"{HEADER}\n{bought}\n", BYBIT_LOG_CSV, Whose("bybit"))) == 1


def test_what_is_left_out_of_trades_is_a_finding_that_says_what_to_import() -> None:
    linear, spot, coin = (line(second, "BUY,1,1,100,0,0,OPEN") for second in (1, 2, 2))
    spot, coin = (each.replace("OPEN", "--") for each in (spot, coin.replace("USDT,", "BTC,", 1)))
    option = line(3, "BUY,1,1,100,-100,-100.1,OPEN").replace("BTCUSDT", "BTC-27MAR26-60000-C")
    moved = line(4, "--,--,--,--,0,5,--").replace("TRADE", "TRANSFER_IN").replace("BTCUSDT", "")
    with memory_ledger() as ledger:
        for lines, findings in (
            ([linear, moved], []),
            (
                [linear, spot, coin, option, moved],
                [
                    (
                        "left out: 2 lines of trades on spot, two for each; for them import bybit-spot-trades-csv, or "
                        "bybit-executions of the category spot"
                    ),
                    "left out: 1 line of trades of options; for them import bybit-executions of the category option",
                ],
            ),
        ):
            facts = BYBIT_LOG_CSV.facts(file_of("\n".join([HEADER, *lines])), Whose("bybit"))
            report = import_statement(ledger, BYBIT_LOG_CSV.name, facts, confirm=True)
            assert (report.fills, report.findings) == (1, findings)


def logged(**more: str) -> str:
    row = {
        "id": "i1",
        "symbol": "TSLAUSDT",
        "category": "linear",
        "side": "Buy",
        "type": "SETTLEMENT",
        "transactionTime": "1773763200000",
        "qty": "1",
        "size": "1",
        "currency": "USDT",
        "funding": "0.6",
        "fee": "0",
        "cashFlow": "0",
        "change": "0.6",
        "tradePrice": "300",
        "tradeId": "t1",
    }
    return json.dumps([row | more])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({}, "funding 0.6 USDT"),
        ({"change": "-0.6"}, "funding -0.6 USDT"),  # the log of an account of derivatives
        ({"change": "-0.60000001"}, "funding -0.6 USDT"),  # the same, rounded
        ({"change": "0.2"}, "funding 0.6 USDT"),  # it has other parts, and says nothing
        ({"cashFlow": "-2", "change": "-1.4"}, "funding 0.6 USDT"),  # and what a session earned
        ({"type": "DIVIDEND_SETTLEMENT", "funding": "", "cashFlow": "-1.5", "change": "-1.5"}, "funding -1.5 USDT"),
        ({"type": "FIXED_INTEREST", "symbol": "", "change": "-0.2"}, "no symbol interest -0.2 USDT"),
    ],
)
def test_a_payment_has_the_sign_of_what_it_changed(row: dict[str, str], says: str) -> None:
    (fact,) = facts_of(logged(**row), BYBIT_LOG, Whose("bybit"))
    assert says in words(fact)


@pytest.mark.parametrize("change", ["-3.5", "-3.50000001", "-3.4999999999999996"])
def test_a_fee_above_zero_that_lowers_the_balance_is_paid_also_where_the_change_is_rounded(change: str) -> None:
    row = f"USDT,ETHUSDT,trade,Open Long,3,3,2050,0.0,{change},,2026-03-17 07:24:12,0.0,3.5"
    (fill,) = facts_of(f"{HEADER}\n{row}\n", BYBIT_LOG_CSV, Whose("bybit"))
    assert isinstance(fill, StatementFill)
    assert fill.fee == Decimal("3.5")


@pytest.mark.parametrize("kind", ["SPOT_REPAYMENT_SELL", "CURRENCY_BUY", "exchangeOut", "TRANSFER_IN", "AIRDROP"])
def test_what_is_of_no_position_is_left_out_where_it_names_a_pair(kind: str) -> None:
    assert facts_of(logged(type=kind), BYBIT_LOG, Whose("bybit")) == []


@pytest.mark.parametrize("change", ["0.6", "0"])
def test_a_split_is_refused_also_where_it_pays_nothing(change: str) -> None:
    with pytest.raises(StatementRefused, match=r"type 'forward_split_settle' settles .* no line says how much"):
        facts_of(logged(type="FORWARD_SPLIT_SETTLE", change=change), BYBIT_LOG, Whose("bybit"))


def test_a_trade_that_may_be_on_spot_is_refused() -> None:
    text = f"{HEADER.replace(',Action', '')}\n{line(1, 'BUY,2,2,100,0,-0.1')}\n"
    with pytest.raises(StatementRefused, match="direction 'buy' does not say whether this opens or closes"):
        facts_of(text, BYBIT_LOG_CSV, Whose("bybit"))
