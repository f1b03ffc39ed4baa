"""The result of a backtest of freqtrade, also where its orders are not all of a trade, or more than that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.programs.freqtrade.freqtrade_backtest import FREQTRADE_BACKTEST
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.statement_text import facts_of, kind_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER

SAMPLE = json.loads((FOLDER / "freqtrade-backtest.json").read_text(encoding="utf-8"))
TRADE = SAMPLE["strategy"]["Sample"]["trades"][0]
NET = "ETHUSDT.binance#1 long closed holds 0: earned 5, net 3.9775, fees 1.0025, funding -0.02"
OPEN = {
    "amount": 0.5,
    "safe_price": 1900.0,
    "ft_order_side": "buy",
    "order_filled_timestamp": None,
    "ft_is_entry": True,
}


def books_of(**changed: Any) -> list[str]:
    text = json.dumps({"strategy": {"Sample": SAMPLE["strategy"]["Sample"] | {"trades": [TRADE | changed]}}})
    assert kind_of(text) == "freqtrade-backtest"
    return booked(text, FREQTRADE_BACKTEST, Whose("binance"))


def test_its_profit_is_that_of_freqtrade() -> None:
    assert books_of() == [NET]
    assert TRADE["profit_abs"] == 3.9775


def of_two(**more: Any) -> str:
    sample = SAMPLE["strategy"]["Sample"]
    other = sample | {"trades": [TRADE | {"pair": "BTC/USDT:USDT"}]}
    return json.dumps({"strategy": {"Sample": sample | {"trades": [TRADE]}, "Other": other} | more})


def test_of_several_strategies_one_is_chosen() -> None:
    assert kind_of(of_two()) == "freqtrade-backtest"
    assert booked(of_two(), FREQTRADE_BACKTEST, Whose("binance", strategy="Sample")) == [NET]
    (other,) = booked(of_two(), FREQTRADE_BACKTEST, Whose("binance", strategy="Other"))
    assert other.startswith("BTCUSDT.binance#1 long closed")
    with pytest.raises(StatementRefused, match=r"line 1: has the trades of 2 strategies \(Sample, Other\), .*--strat"):
        facts_of(of_two(), FREQTRADE_BACKTEST, Whose("binance"))
    with pytest.raises(StatementRefused, match="line 1: has no strategy Sampel; it has Sample, Other"):
        facts_of(of_two(), FREQTRADE_BACKTEST, Whose("binance", strategy="Sampel"))
    with pytest.raises(StatementRefused, match="line 1: has no strategy at all; it has none"):
        facts_of('{"strategy": {}, "trades": [], "results_per_pair": []}', FREQTRADE_BACKTEST, Whose("binance"))


def test_a_backtest_without_a_trade_is_known_for_what_it_is() -> None:
    pair = {"key": "ETH/USDT:USDT", "trades": 0, "profit_mean": 0.0, "profit_total_abs": 0.0, "wins": 0}
    run = {"trades": [], "locks": [], "best_pair": pair, "worst_pair": pair, "results_per_pair": [pair]}
    text = json.dumps({"strategy": {"Sample": run}, "strategy_comparison": [pair]})
    assert kind_of(text) == "freqtrade-backtest"
    assert booked(text, FREQTRADE_BACKTEST, Whose("binance")) == []


def test_an_order_that_was_not_filled_is_left_out() -> None:
    assert books_of(orders=[TRADE["orders"][0], OPEN, TRADE["orders"][1]]) == [NET]
    with pytest.raises(StatementRefused, match="line 1: trade 1: has no order that was filled"):
        books_of(orders=[OPEN])


def test_a_trade_of_before_orders_were_listed_has_its_two_rates() -> None:
    assert books_of(orders=[]) == [NET]
    assert books_of(orders=[], is_short=True)[0].startswith("ETHUSDT.binance#1 short closed holds 0: earned -5, net -6")


def test_a_result_of_2020_has_dates_alone() -> None:
    trade = {
        "pair": "TRX/BTC",
        "profit_percent": 0.03990025,
        "open_date": "2018-01-10 07:15:00+00:00",
        "close_date": "2018-01-10 07:20:00+00:00",
        "trade_duration": 5,
        "open_rate": 0.0001,
        "close_rate": 0.00011,
        "open_at_end": False,
        "sell_reason": "roi",
        "fee_open": 0.0025,
        "fee_close": 0.0025,
        "amount": 1000.0,
        "profit_abs": 0.009475,
    }
    text = json.dumps({"strategy": {"Sample": {"trades": [trade], "results_per_pair": []}}})
    assert kind_of(text) == "freqtrade-backtest"
    assert booked(text, FREQTRADE_BACKTEST, Whose("binance")) == [
        "TRXBTC.binance:SPOT#1 long closed holds 0: earned 0.01, net 0.009475, fees 0.000525"
    ]


def order(side: str, amount: float, price: float, minute: int, *, is_entry: bool) -> dict[str, Any]:
    at = TRADE["open_timestamp"] + 60_000 * minute
    return {"amount": amount, "safe_price": price, "ft_order_side": side, "order_filled_timestamp": at} | {
        "ft_is_entry": is_entry
    }


def books_of_trades(*orders: list[dict[str, Any]], mode: str = "spot", **changed: Any) -> list[str]:
    whole = TRADE | {"pair": "ETH/USDT", "funding_fees": 0.0, "fee_open": 0.0, "fee_close": 0.0} | changed
    run = SAMPLE["strategy"]["Sample"] | {"trading_mode": mode, "trades": [whole | {"orders": each} for each in orders]}
    return booked(json.dumps({"strategy": {"Sample": run}}), FREQTRADE_BACKTEST, Whose("binance"))


def test_stacked_trades_of_spot_are_one_position() -> None:
    first = [order("buy", 1.0, 100.0, 0, is_entry=True), order("sell", 1.0, 110.0, 5, is_entry=False)]
    other = [order("buy", 1.0, 102.0, 1, is_entry=True), order("sell", 1.0, 112.0, 9, is_entry=False)]
    closed = "ETHUSDT.binance:SPOT#1 long closed holds 0: earned 20, net 20, fees 0"
    assert books_of_trades(first, other) == books_of_trades(other, first) == [closed]


def test_dust_of_a_trade_that_is_alone_ends_it() -> None:
    one = [order("buy", 1.0, 100.0, 0, is_entry=True), order("sell", 0.999, 110.0, 5, is_entry=False)]
    two = [order("buy", 1.0, 100.0, 5, is_entry=True), order("sell", 1.0, 110.0, 9, is_entry=False)]
    assert [said.partition(":SPOT")[2][:22] for said in books_of_trades(one, two)] == [
        "#1 long closed holds 0",
        "#2 long closed holds 0",
    ]


@pytest.mark.parametrize("mode", ["spot", "futures"])
def test_what_floats_leave_of_a_trade_is_closed_by_its_last_order(mode: str) -> None:
    halves = [order("sell", 16.666666666666668, 110.0, minute, is_entry=False) for minute in (1, 2)]
    (too_much,) = books_of_trades([order("buy", 33.333333333333336, 100.0, 0, is_entry=True), *halves], mode=mode)
    assert "#1 long closed holds 0: earned 333.33333333333" in too_much
    thirds = [order("sell", 11.111111111111111, 110.0, minute, is_entry=False) for minute in (1, 2, 3)]
    (too_little,) = books_of_trades([order("buy", 33.333333333333336, 100.0, 0, is_entry=True), *thirds], mode=mode)
    assert "#1 long closed holds 0: earned 333.33333333333" in too_little


def test_a_stop_is_of_the_side_that_closes() -> None:
    entry, leaving = (order("sell", 1.0, 100.0, 0, is_entry=True), order("stoploss", 1.0, 110.0, 5, is_entry=False))
    (stopped,) = books_of_trades([entry, leaving], mode="futures", is_short=True)
    assert stopped == "ETHUSDT.binance#1 short closed holds 0: earned -10, net -10, fees 0"


def test_only_its_last_order_is_the_liquidation() -> None:
    orders = [
        order("buy", 1.0, 100.0, 0, is_entry=True),
        order("sell", 0.5, 110.0, 1, is_entry=False),
        order("sell", 0.5, 50.0, 2, is_entry=False),
    ]
    run = SAMPLE["strategy"]["Sample"] | {"trades": [TRADE | {"orders": orders, "exit_reason": "liquidation"}]}
    facts = facts_of(json.dumps({"strategy": {"Sample": run}}), FREQTRADE_BACKTEST, Whose("binance"))
    assert [fact.reason for fact in facts if isinstance(fact, StatementFill)] == [None, None, "liquidation"]
