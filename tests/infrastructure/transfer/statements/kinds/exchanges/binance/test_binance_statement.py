"""Lines of one second of Binance's statement are a trade where they can be no other; else they are refused."""

from __future__ import annotations

from datetime import UTC

import pytest

from infrastructure.transfer.statements.kind_recognition import recognised, telling_the_same
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_spot import BINANCE_SPOT_CSV
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_statement import BINANCE_STATEMENT
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import facts_of, file_of, words

HEADER = "User_ID,UTC_Time,Account,Operation,Coin,Change,Remark"


BEFORE, BEHIND = "10,Deposit,BTC,1", "50,Deposit,BTC,1"
"""A file may be cut within the trade with which it begins or ends."""


def told(*lines: str, header: str = HEADER, before: str = BEFORE, behind: str = BEHIND) -> list[str]:
    """The facts of lines, each the second, the account where it is not spot, and the change."""
    lines = tuple(filter(None, (before, *lines, behind)))
    rows = (f"7,2026-03-17 09:24:{line if line.count(',') > 3 else line.replace(',', ',Spot,', 1)}," for line in lines)
    facts = facts_of("\n".join([header, *rows]), BINANCE_STATEMENT, Whose(exchange="binance", zone=UTC))
    said = (words(fact).partition("T09:24:")[2].replace(".000000Z", "") for fact in facts)
    return [fact.partition(", profit")[0].partition(", id")[0] for fact in said]


@pytest.mark.parametrize(
    ("lines", "fill"),
    [
        (
            ["12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-500", "12,Transaction Fee,BTC,-0.00001"],
            "12 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0.00001 BTC",
        ),
        (
            ["12,Transaction Sold,EUR,-300", "12,Transaction Revenue,USDC,354", "12,Transaction Fee,USDC,-0.3"],
            "12 EURUSDC.binance:SPOT sells 300 at 1.18, fee 0.3 USDC",
        ),
        (
            [
                *("12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-500"),
                *("12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-510"),
            ],
            "12 BTCUSDT.binance:SPOT buys 0.02 at 50500, fee 0",
        ),
        (
            ["12,Transaction Related,DOGE,-100", "12,Fee,EUR,-0.1", "12,Buy,EUR,36"],
            "12 DOGEEUR.binance:SPOT sells 100 at 0.36, fee 0.1 EUR",
        ),
        (["12,Sell,ETH,20", "12,Sell,BTC,-1"], "12 ETHBTC.binance:SPOT buys 20 at 0.05, fee 0"),
        (["12,Buy,USDT,10", "12,Buy,TRY,-400"], "12 USDTTRY.binance:SPOT buys 10 at 40, fee 0"),
        (
            ["12,Transaction Buy,BTC,0.01", "13,Transaction Spend,USDT,-500", "13,Transaction Fee,BNB,-0.001"],
            "13 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0.001 BNB",
        ),
        (
            ["12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-500", "13,Fee,BNB,-0.001"],
            "12 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0.001 BNB",
        ),
    ],
)
def test_lines_of_one_second_are_a_trade_in_any_order(lines: list[str], fill: str) -> None:
    assert told(*lines) == told(*reversed(lines)) == [fill]


def test_what_is_bought_and_sold_in_one_second_are_two_trades() -> None:
    lines = ["12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-500", "12,Transaction Fee,BTC,-0.00001"]
    lines += ["12,Transaction Sold,SOL,-1", "12,Transaction Revenue,USDT,150", "12,Transaction Fee,USDT,-0.15"]
    assert told(*lines) == [
        "12 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0.00001 BTC",
        "12 SOLUSDT.binance:SPOT sells 1 at 150, fee 0.15 USDT",
    ]


def test_a_fee_is_of_the_trade_of_its_own_account() -> None:
    trade = ["Transaction Buy,BTC,0.01", "Transaction Spend,USDT,-500"]
    lines = [f"12,{account},{change}" for account in ("Spot", "Cross Margin") for change in trade]
    assert told(*lines, "12,Cross Margin,Transaction Fee,BTC,-0.00002", "12,Spot,Transaction Fee,BTC,-0.00001") == [
        "12 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0.00001 BTC",
        "12 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0.00002 BTC",
    ]


def test_a_trade_of_the_next_second_is_one_of_its_own() -> None:
    lines = ["12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-500"]
    lines += ["13,Transaction Buy,ETH,1", "13,Transaction Spend,USDT,-3000"]
    assert [fact.partition(",")[0] for fact in told(*lines)] == [
        "12 BTCUSDT.binance:SPOT buys 0.01 at 50000",
        "13 ETHUSDT.binance:SPOT buys 1 at 3000",
    ]


def test_a_trade_whose_lines_are_in_two_seconds_takes_none_of_the_second_before() -> None:
    lines = ["11,Transaction Buy,ETH,1", "11,Transaction Spend,USDT,-3000", "12,Transaction Buy,BTC,0.01"]
    fills = ["11 ETHUSDT.binance:SPOT buys 1 at 3000, fee 0", "13 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0"]
    lines += ["13,Transaction Spend,USDT,-500"]
    assert told(*lines) == told(*reversed(lines))[::-1] == fills


def test_two_trades_whose_lines_are_in_two_seconds_are_not_mixed_up() -> None:
    lines = ["12,Transaction Sold,ETH,-1", "12,Transaction Revenue,USDT,3000", "12,Transaction Sold,ETH,-1"]
    lines += ["13,Transaction Revenue,USDT,3000"]
    assert told(*lines) == ["13 ETHUSDT.binance:SPOT sells 2 at 3000, fee 0"]
    lines += ["13,Transaction Sold,SOL,-1", "13,Transaction Revenue,USDT,150"]
    with pytest.raises(StatementRefused, match="USDT were received for ETH, SOL within a second"):
        told(*lines)


def test_what_was_paid_in_two_lines_is_one_trade() -> None:
    lines = ["12,Transaction Buy,EUR,720", "12,Transaction Spend,USDC,-500", "12,Transaction Spend,USDC,-400"]
    next_one = ["13,Transaction Buy,ETH,1", "13,Transaction Spend,USDC,-3000"]
    assert [fact.partition(",")[0] for fact in told(*lines, *next_one)] == [
        "12 EURUSDC.binance:SPOT buys 720 at 1.25",
        "13 ETHUSDC.binance:SPOT buys 1 at 3000",
    ]


def test_a_fee_between_two_seconds_is_of_the_trade_that_lacks_one() -> None:
    bought = ["12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-500", "12,Transaction Fee,BNB,-0.001"]
    sold = ["14,Transaction Sold,SOL,-1", "14,Transaction Revenue,USDT,150"]
    assert told(*bought, "13,Transaction Fee,BNB,-0.002", *sold) == [
        "12 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0.001 BNB",
        "14 SOLUSDT.binance:SPOT sells 1 at 150, fee 0.002 BNB",
    ]
    assert told(*bought, "13,Transaction Fee,BNB,-0.002") == [
        "12 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0.001 BNB",
        "13 no symbol commission -0.002 BNB",
    ]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (
            [
                *("12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-500"),
                *("12,Transaction Buy,ETH,1", "12,Transaction Spend,USDT,-3000"),
            ],
            "line 3: BTC, ETH were received for USDT within a second, and which of them for which is not in the file",
        ),
        (["12,Transaction Buy,BTC,0.01"], "line 3: operation 'transaction buy' of BTC lacks the line of what was paid"),
        (["12,Transaction Buy,BTC,1", "14,Transaction Spend,USDT,-5"], "line 3: .* lacks the line of what was paid"),
        (["12,Buy,ADA,10", "12,Buy,SOL,-1"], "line 3: SOL was exchanged for ADA, and which of them is the quote"),
        (["12,Transaction Buy,BTC,1", "12,Transaction Spend,BTC,-1"], "line 3: BTC were received for BTC"),
        (["12,Transaction Rebate,BTC,1"], "line 3: operation 'transaction rebate' is unknown; known are: transaction"),
        (["12,Transaction Buy,BTC,"], "line 3: change is empty, so how much it was is not known"),
        (
            [
                *("12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-500"),
                *("12,Transaction Sold,SOL,-1", "12,Transaction Revenue,USDT,150", "12,Transaction Fee,BNB,-0.1"),
            ],
            "line 7: transaction fee -0.1 BNB may be of several trades within a second; import the spot trade history",
        ),
    ],
)
def test_what_may_be_another_trade_is_refused(lines: list[str], why: str) -> None:
    with pytest.raises(StatementRefused, match=why):
        told(*lines)


@pytest.mark.parametrize("operation", ["Deposit", "Withdraw", "Binance Convert", "Simple Earn Flexible Interest"])
def test_what_is_no_trade_is_left_out(operation: str) -> None:
    assert told(f"12,{operation},BTC,1") == []


@pytest.mark.parametrize("ends", [{"before": ""}, {"behind": ""}, {"before": "12,Deposit,BTC,1"}])
def test_a_file_may_be_cut_within_its_first_and_its_last_second(ends: dict[str, str]) -> None:
    bought = ["12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-500"]
    fee = "12,Transaction Fee,BNB,-0.001"
    assert told(*bought, fee, **ends) == ["12 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0.001 BNB"]
    assert told(*bought, **ends) == ["12 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee unknown"]
    with pytest.raises(StatementRefused, match="not as many lines were received as paid in the second with which"):
        told("12,Transaction Buy,BTC,0.01", *bought, **ends)


def test_payments_of_futures_name_no_symbol_and_come_between_the_lines_of_a_trade() -> None:
    lines = ["12,Transaction Buy,BTC,0.01", "12,USD-M Futures,Funding Fee,USDT,-0.3"]
    lines += ["12,USD-M Futures,Transfer,USDT,-9", "12,USDT-Futures,Fee,USDT,-0.2", "12,Transaction Spend,USDT,-500"]
    assert told(*lines) == [
        *("12 no symbol funding -0.3 USDT", "12 no symbol commission -0.2 USDT"),
        "12 BTCUSDT.binance:SPOT buys 0.01 at 50000, fee 0",
    ]


@pytest.mark.parametrize(
    "header",
    [
        "User ID,Time,Account,Operation,Coin,Change,Remark",
        "ID de usuario,Tiempo,Cuenta,Operación,Moneda,Cambio,Observación",
        "ID de usuario,Hora,Cuenta,Operación,Moneda,Cambiar,Comentario",
        "Identifiant utilisateur,Durée,Compte,Opération,Jeton,Change,Remarque",
        "ID do Usuário,Tempo,Conta,Operação,Moeda,Alterar,Observação",
        "ユーザーID,時間,アカウント,操作,コイン,変更,備考",
    ],
)
def test_the_header_is_in_several_languages(header: str) -> None:
    assert recognised(file_of(header).start) is BINANCE_STATEMENT
    lines = ["12,Transaction Buy,BTC,0.01", "12,Transaction Spend,USDT,-500"]
    assert told(*lines, header=header) == told(*lines)
    with pytest.raises(StatementRefused, match="'8' is another account than '7' before"):
        told("12,Deposit,BTC,1", "12,Spot,Deposit,BTC,1,x\n8,2026-03-17 09:24:12,Spot,Deposit,BTC,1", header=header)


def test_it_is_not_taken_with_the_trade_history() -> None:
    assert telling_the_same([BINANCE_STATEMENT, BINANCE_SPOT_CSV]) is not None
