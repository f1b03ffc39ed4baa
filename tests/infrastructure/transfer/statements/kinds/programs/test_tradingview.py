"""TradingView: the list of trades in the headers and regions that it is exported with, and alerts by their keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from infrastructure.transfer.statements.column_map import ColumnMap
from infrastructure.transfer.statements.kinds.mapped_csv import MAPPED_CSV
from infrastructure.transfer.statements.kinds.programs.tradingview import TRADINGVIEW_ALERTS, TRADINGVIEW_LIST
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.statement_text import facts_of, kind_of

WHOSE = Whose("bybit", zone=UTC, symbol="BTCUSDT.P")
HEADER = "Trade #,Type,Signal,Date/Time,Price USDT,Contracts,Profit USDT,Profit %\n"
EARNED = ["BTCUSDT.bybit#1 long closed holds 0: earned 20, net 19.5, fees 0.5"]


def books_of(text: str, whose: Whose = WHOSE) -> list[str]:
    assert kind_of(text) == "tradingview-trades"
    return booked(text, TRADINGVIEW_LIST, whose)


PROFIT = f"""{HEADER}1,Entry Long,L,2026-03-17 09:00,100,2,,
1,Exit Long,X,2026-03-17 10:00,110,2,19.5,9.75
"""
NET = """Trade #,Type,Date/Time,Signal,Price USD,Position size (qty),Position size (value),Net P&L USD,Net P&L %
1,Exit long,2026-03-17 10:00,X,110,2,200,19.5,9.75%
1,Entry long,2026-03-17 09:00,L,100,2,200,,
"""
SEMICOLONS = """Trade #;Type;Signal;Date/Time;Price;Contracts;Profit;Profit %
1;Entry Long;L;2026-03-17 09:00;100,00;2;;
1;Exit Long;X;2026-03-17 10:00;110,0;;19,50;9,75
"""
COMMISSION = """Trade number,Type,Date and time,Signal,Price USDT,Size (qty),Net PnL USDT,Commission USDT
1,Exit long,2026-03-17 10:00,X,110,2,19.5,0.5
1,Entry long,2026-03-17 09:00,L,100,2,19.5,0.5
"""


@pytest.mark.parametrize("text", [PROFIT, NET, SEMICOLONS, COMMISSION])
def test_each_header_says_the_same(text: str) -> None:
    assert books_of(text) == EARNED


def test_a_chart_of_days_has_days_for_times() -> None:
    days = PROFIT.replace("2026-03-17 09:00", "2026-03-17").replace("2026-03-17 10:00", "2026-03-18")
    assert books_of(days) == EARNED
    first, last = (fact.time for fact in facts_of(days, TRADINGVIEW_LIST, WHOSE))
    assert (first, last) == (datetime(2026, 3, 17, tzinfo=UTC), datetime(2026, 3, 18, tzinfo=UTC))
    with pytest.raises(StatementRefused, match="line 3: date/time '2026-03-1' is no time like"):
        books_of(days.replace("2026-03-18", "2026-03-1"))


@pytest.mark.parametrize(
    ("kind", "why"),
    [("Margin call long", "neither an entry nor an exit"), ("Entry", "neither long nor short")],
)
def test_a_line_that_neither_enters_nor_exits_is_refused(kind: str, why: str) -> None:
    with pytest.raises(StatementRefused, match=f"type '{kind}' is {why}"):
        books_of(PROFIT.replace("Entry Long", kind))


def test_a_loss_may_stand_in_parentheses() -> None:
    lines = "1,Entry Short,S,2026-03-17 09:00,100,2,—,—\n1,Exit Short,X,2026-03-17 10:00,110,2,(20.50),(10.25)%\n"
    assert books_of(HEADER + lines) == ["BTCUSDT.bybit#1 short closed holds 0: earned -20, net -20.5, fees 0.5"]


@pytest.mark.parametrize("leaving", ["Open,2026-03-17 12:00,130,2,60,30", "X,Open,,2,,", "X,,,2,,"])
def test_a_trade_that_is_open_stays_open_however_its_exit_says_so(leaving: str) -> None:
    text = f"{HEADER}1,Entry Long,L,2026-03-17 09:00,100,2,,\n1,Exit Long,{leaving}\n"
    assert books_of(text) == ["BTCUSDT.bybit#1 long entry_placed holds 2: earned 0, net 0, fees 0"]


def test_entries_on_top_of_each_other_are_one_position() -> None:
    lines = [
        "1,Entry Long,L,2026-03-17 09:00,100,2,,",
        "1,Exit Long,X,2026-03-17 11:00,110,2,20,10",
        "2,Entry Long,L,2026-03-17 10:00,90,1,,",
        "2,Exit Long,X,2026-03-17 11:00,110,1,20,22.2",
        "3,Entry Short,S,2026-03-17 11:00,110,3,,",
        "3,Exit Short,X,2026-03-17 12:00,100,3,30,9",
    ]
    assert books_of(HEADER + "\n".join(lines)) == [
        "BTCUSDT.bybit#1 long closed holds 0: earned 40, net 40, fees 0",
        "BTCUSDT.bybit#2 short closed holds 0: earned 30, net 30, fees 0",
    ]


def test_a_profit_in_another_currency_says_nothing_of_a_commission() -> None:
    lines = "1,Entry Long,L,2026-03-17 09:00,100,2,,\n1,Exit Long,X,2026-03-17 10:00,110,2,17,9.75\n"
    assert books_of(HEADER.replace("Profit USDT", "Profit EUR") + lines) == [
        "BTCUSDT.bybit#1 long closed holds 0: earned 20, net 20, fees 0"
    ]


def test_a_commission_that_is_not_what_is_missing_is_refused() -> None:
    header = "Trade number,Type,Date and time,Signal,Price USDT,Size (qty),Net PnL USDT,Commission USDT\n"
    lines = "1,Exit long,2026-03-17 10:00,X,110,2,390,10\n1,Entry long,2026-03-17 09:00,L,100,2,390,10\n"
    with pytest.raises(
        StatementRefused, match="line 3: profit 390 of 2 from 100 to 110 does not follow from its prices, 20"
    ):
        books_of(header + lines)


def test_a_list_in_another_language_is_read_by_a_map() -> None:
    said = """
decimal = ","
zone = "UTC"
[columns]
time = "Дата и время"
side = "Тип"
price = "Цена USDT"
quantity = "Размер"
[constants]
symbol = "BTCUSDT"
[sides]
buy = ["Вход в длинную позицию", "Выход из короткой позиции"]
sell = ["Вход в короткую позицию", "Выход из длинной позиции"]
[leave_out]
"Сигнал" = "Открыта"
"""
    text = """№ Сделки;Тип;Дата и время;Сигнал;Цена USDT;Размер
1;Выход из длинной позиции;2026-03-17 10:00;X;110,5;2
1;Вход в длинную позицию;2026-03-17 09:00;L;100;2
2;Выход из короткой позиции;2026-03-17 12:00;Открыта;90;1
2;Вход в короткую позицию;2026-03-17 11:00;S;100,5;1
"""
    assert booked(text, MAPPED_CSV, Whose("bybit", columns=ColumnMap.read(said))) == [
        "BTCUSDT.bybit#1 long closed holds 0: earned 21, net 21, fees 0",
        "BTCUSDT.bybit#2 short entry_placed holds 1: earned 0, net 0, fees 0",
    ]


def test_alerts_are_known_by_the_keys_of_their_template() -> None:
    first = {"symbol": "BTCUSDT.P", "exchange": "BYBIT", "action": "buy", "qty": "2", "order_price": "100"}
    alerts = [
        first | {"timenow": "2026-03-17T09:00:00Z"},
        {**first, "action": "sell", "order_price": "110", "timenow": "2026-03-17T10:00:00Z"},
    ]
    text = "\n".join(map(json.dumps, alerts))
    assert kind_of(text) == "tradingview-alerts"
    (told,) = booked(text, TRADINGVIEW_ALERTS, Whose())
    assert told.startswith("BTCUSDT.bybit#1 long closed holds 0: earned 20")


def test_keys_may_be_the_placeholders_themselves() -> None:
    alerts = [
        {
            "ticker": "BTCUSDT.P",
            "exchange": "BYBIT",
            "strategy.order.action": action,
            "strategy.order.contracts": "2",
            "strategy.order.price": price,
            "strategy.order.id": "L",
            "timenow": f"2026-03-17T{hour}:00:00Z",
        }
        for hour, action, price in (("09", "buy", "100"), ("10", "sell", "110"))
    ]
    text = json.dumps(alerts)
    assert kind_of(text) == "tradingview-alerts"
    assert booked(text, TRADINGVIEW_ALERTS, Whose()) == [EARNED[0].replace("19.5, fees 0.5", "20, fees 0")]


def test_a_template_may_nest_what_the_strategy_says_beside_its_bar() -> None:
    alerts = [
        {
            "passphrase": "x",
            "time": f"2026-03-17T{hour}:00:30Z",
            "exchange": "BINANCE",
            "ticker": "BTCUSDTPERP",
            "bar": {"time": f"2026-03-17T{hour}:00:00Z", "open": 1, "close": 2, "volume": 3},
            "strategy": {"position_size": size, "order_action": action, "order_contracts": 2, "order_price": price},
        }
        for hour, action, price, size in (("09", "buy", 100, 2), ("10", "sell", 110.5, 0))
    ]
    text = "\n".join(map(json.dumps, alerts))
    assert kind_of(text) == "tradingview-alerts"
    assert booked(text, TRADINGVIEW_ALERTS, Whose()) == [
        "BTCUSDT.binance#1 long closed holds 0: earned 21, net 21, fees 0"
    ]
