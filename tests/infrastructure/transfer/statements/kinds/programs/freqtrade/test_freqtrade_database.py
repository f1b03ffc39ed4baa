"""The database of a freqtrade bot, also where its orders do not tell all of a trade."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from infrastructure.transfer.statements.kinds.programs.freqtrade.freqtrade_database import FREQTRADE_DATABASE
from infrastructure.transfer.statements.statement_kind import Whose
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.test_samples import FOLDER

SAMPLE = (FOLDER / "freqtrade-database.sql").read_text(encoding="utf-8")
BTC = "BTCUSDT.binance:SPOT#1 long closed holds 0: earned 9.404504504504504505, net 9.202544504504504505, fees 0.20196"
ETH = "ETHUSDT.binance#1 short closed holds 0: earned 40, net 39.438, fees 0.542, funding -0.02"
ADA = "ADAUSDT.binance#1 long entry_placed holds 100: earned 0, net -0.025, fees 0.025"


def books_after(*statements: str) -> list[str]:
    """What the sample comes to when its database was changed."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(SAMPLE)
        for statement in statements:
            database.execute(statement)
        database.commit()
        return booked(database.serialize(), FREQTRADE_DATABASE, Whose())


def test_its_profit_is_that_of_freqtrade() -> None:
    assert books_after() == [BTC, ETH, ADA], "39.438 as freqtrade says; dust ends no position of spot"


def test_a_stop_at_the_market_was_filled_at_its_trigger_where_no_price_is_said() -> None:
    stopped = (
        "UPDATE orders SET average = NULL, price = NULL, stop_price = 1900, ft_order_side = 'stoploss' WHERE id = 4"
    )
    assert books_after(stopped) == [BTC, ETH, ADA]


def test_funding_that_is_kept_by_trade_alone_is_paid_at_its_last_order() -> None:
    assert books_after("UPDATE orders SET funding_fee = 0.0") == [BTC, ETH, ADA]
    assert books_after("ALTER TABLE orders DROP COLUMN funding_fee") == [BTC, ETH, ADA]


def test_funding_that_its_orders_say_is_not_counted_twice() -> None:
    assert books_after("UPDATE trades SET funding_fees = -0.02000000000000004 WHERE id = 1") == [BTC, ETH, ADA]


def test_funding_that_its_trade_does_not_say_is_that_of_its_orders() -> None:
    assert books_after("UPDATE trades SET funding_fees = NULL") == [BTC, ETH, ADA]


@pytest.mark.parametrize("column", ["average", "stop_price", "ft_price", "ft_fee_base"])
def test_columns_of_later_versions_may_be_lacking(column: str) -> None:
    first, *others = books_after(f"ALTER TABLE orders DROP COLUMN {column}")
    assert others == [ETH, ADA]
    assert (first == BTC) is (column != "ft_fee_base")


def test_a_trade_that_its_owner_ended_by_sql_is_closed_at_its_rate() -> None:
    ended = "UPDATE trades SET is_open = 0, close_rate = 0.6, close_date = '2026-03-18 10:00:00' WHERE id = 3"
    assert books_after(ended)[2] == ("ADAUSDT.binance#1 long closed holds 0: earned 10, net 9.951, fees 0.049")


def test_what_the_last_order_left_on_spot_is_dust_however_much_of_it() -> None:
    """Of 0.00999 that were held the exchange sells 0.0095, in its steps: no order sold the rest."""
    told = books_after("UPDATE orders SET filled = 0.0095 WHERE id = 6")
    assert told[0] == (
        "BTCUSDT.binance:SPOT#1 long closed holds 0: earned 9.024524524524524525, net 8.830724524524524525, fees 0.1938"
    )
    ended = "UPDATE trades SET close_date = '2026-03-18 11:00:00' WHERE id = 2"
    told = books_after("UPDATE orders SET filled = 0.0095 WHERE id = 6", ended)
    assert "fees 0.203796" in told[0], "its owner ended it later, with what was left"


def test_a_trade_of_before_there_were_orders_has_its_two_rates() -> None:
    told = books_after("DELETE FROM orders WHERE ft_trade_id = 1", "UPDATE trades SET close_rate = 1900.0 WHERE id = 1")
    assert (
        told[1] == "ETHUSDT.binance#1 short closed holds 0: earned 33.334, net 32.955333, fees 0.358667, funding -0.02"
    )


def test_what_floats_leave_of_a_trade_is_closed_by_its_last_order() -> None:
    first, short, last = books_after("UPDATE orders SET filled = filled + 0.0000000000001 WHERE id = 4")
    assert (first, last) == (BTC, ADA)
    assert short.startswith("ETHUSDT.binance#1 short closed holds 0: earned 40, net 39.4379999999999")


def test_a_trade_that_waits_for_its_entry_is_left_out() -> None:
    assert books_after("DELETE FROM orders WHERE ft_trade_id = 3") == [BTC, ETH]
