"""Fees of hummingbot: a share of what, in which token, in the words of its versions."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.programs.hummingbot_fills import HUMMINGBOT_CSV
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.statement_text import fills_of

FREE: dict[str, Any] = {"fee_type": "AddedToCost", "percent": "0", "percent_token": None, "flat_fees": []}


def fill(number: int, side: str, price: str, fee: dict[str, Any], **other: str) -> dict[str, str]:
    """A line of a perpetual, one hour after the one before."""
    return {
        "exchange_trade_id": str(number),
        "config_file_path": "conf.yml",
        "strategy": "pmm",
        "market": "binance_perpetual",
        "symbol": "ETH-USDT",
        "base_asset": "ETH",
        "quote_asset": "USDT",
        "timestamp": str(1773739452000 + 3_600_000 * number),
        "order_id": f"hbot-{number}",
        "trade_type": side,
        "order_type": "LIMIT",
        "price": price,
        "amount": "2",
        "leverage": "5",
        "trade_fee": str(fee),
        "position": "NIL",
        "age": "00:00:01",
    } | other


def text_of(*lines: dict[str, str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def books_of(*lines: dict[str, str]) -> list[str]:
    return booked(text_of(*lines), HUMMINGBOT_CSV, Whose())


def share(kind: str, token: str | None = None) -> dict[str, Any]:
    return FREE | {"fee_type": kind, "percent": "0.001", "percent_token": token}


@pytest.mark.parametrize("token", [None, "USDT", "BNB"])
def test_a_share_of_a_perpetual_is_of_its_quote_whatever_it_is_deducted_from(token: str | None) -> None:
    lines = [
        fill(1, "SELL", "2000", share("AddedToCost", token)),
        fill(2, "BUY", "1900", share("DeductedFromReturns", token)),
    ]
    assert books_of(*lines) == ["ETHUSDT.binance#1 short closed holds 0: earned 200, net 192.2, fees 7.8"]


def test_a_share_of_spot_that_is_deducted_is_of_what_was_received() -> None:
    lines = [
        fill(1, "BUY", "2000", share("DeductedFromReturns"), market="binance"),
        fill(2, "SELL", "2100", share("DeductedFromReturns"), market="binance", amount="1.998"),
    ]
    assert books_of(*lines) == ["ETHUSDT.binance:SPOT#1 long closed holds 0: earned 195.8, net 191.6042, fees 4.1958"]


@pytest.mark.parametrize("market", ["hyperliquid_perpetual", "dydx_v4_perpetual"])
@pytest.mark.parametrize(
    "fee", [share("AddedToCost"), share("AddedToCost", "USD"), FREE | {"flat_fees": [{"token": "USD", "amount": "4"}]}]
)
def test_a_fee_in_the_quote_of_a_perpetual_is_in_what_it_is_settled_in(fee: dict[str, Any], market: str) -> None:
    pair = {"market": market, "symbol": "ETH-USD", "quote_asset": "USD"}
    (told,) = books_of(fill(1, "BUY", "2000", fee, **pair), fill(2, "SELL", "2000", fee, **pair))
    assert told == f"ETHUSDC.{market.partition('_')[0]}#1 long closed holds 0: earned 0, net -8, fees 8"


def test_a_fee_in_another_quote_than_that_of_settlement_stands_apart() -> None:
    spot = {"market": "coinbase_advanced_trade", "symbol": "ETH-USD", "quote_asset": "USD"}
    fees = FREE | {"flat_fees": [{"token": "USDC", "amount": "4"}]}
    (told,) = books_of(fill(1, "BUY", "2000", fees, **spot), fill(2, "SELL", "2000", fees, **spot))
    assert told.endswith("earned 0, net unknown, fees 0, USDC 8")


def test_fees_of_before_2022_name_an_asset() -> None:
    old = {"percent": 0.0, "flat_fees": [{"asset": "BNB", "amount": 0.002}]}
    lines = [fill(1, "BUY", "2000", old), fill(2, "SELL", "2100", {"percent": 0.001, "flat_fees": []})]
    assert books_of(*lines) == ["ETHUSDT.binance#1 long closed holds 0: earned 200, net unknown, fees 4.2, BNB 0.002"]


def test_a_fee_of_zero_that_is_said_is_known_and_one_that_is_not_said_is_not() -> None:
    none = {"flat_fees": [{"token": "USDT", "amount": "0"}]}
    lines = [fill(1, "BUY", "2000", FREE | none), fill(2, "SELL", "2100", share("AddedToCost"))]
    assert books_of(*lines) == ["ETHUSDT.binance#1 long closed holds 0: earned 200, net 195.8, fees 4.2"]
    _, *found = books_of(fill(1, "BUY", "2000", FREE), lines[1])
    (why,) = found
    assert why.startswith("ETHUSDT.binance: what was paid for 1 fill is not said, as it is for others; it is not known")


def test_a_fee_in_what_is_not_said_is_refused() -> None:
    with pytest.raises(StatementRefused, match="line 2: token is missing"):
        books_of(fill(1, "BUY", "2000", FREE | {"flat_fees": [{"amount": "0.002"}]}))


def test_names_of_gateways_and_of_markets_of_builders_are_read() -> None:
    lines = [
        fill(1, "BUY", "2000", FREE, market="jupiter/router"),
        fill(2, "BUY", "300", FREE, market="hyperliquid_perpetual", symbol="xyz:TSLA-USD"),
    ]
    assert [line.partition(" ")[0] for line in books_of(*lines)] == [
        "ETHUSDT.jupiter_router:SPOT#1",
        "XYZ-TSLA/USDC.hyperliquid#1",
    ]


def test_what_closes_before_anything_opened_was_held_before_the_file() -> None:
    lines = [
        fill(1, "BUY", "1900", FREE, position="CLOSE", amount="0.5"),
        fill(2, "BUY", "1950", FREE, position="CLOSE"),
        fill(3, "BUY", "2000", FREE, position="OPEN"),
        fill(4, "SELL", "2100", FREE, position="CLOSE"),
    ]
    *rows, finding = books_of(*lines)
    assert rows == [
        "ETHUSDT.binance#1 short closed holds 0: earned unknown, net unknown, fees 0",
        "ETHUSDT.binance#2 long closed holds 0: earned 200, net 200, fees 0",
    ]
    assert finding.startswith(
        "ETHUSDT.binance: 2.5 more was closed than was opened: it was held before the files begin"
    )


def test_what_was_netted_away_is_not_held_before_the_file() -> None:
    lines = [
        fill(1, "BUY", "2000", FREE, position="OPEN"),
        fill(2, "SELL", "2000", FREE, position="OPEN"),
        fill(3, "SELL", "2100", FREE, position="CLOSE"),
        fill(4, "BUY", "2050", FREE, position="CLOSE"),
    ]
    *rows, finding = books_of(*lines)
    assert rows == [
        "ETHUSDT.binance#1 long closed holds 0: earned 0, net 0, fees 0",
        "ETHUSDT.binance#2 short closed holds 0: earned 100, net 100, fees 0",
    ]
    assert finding.startswith("ETHUSDT.binance: 1 fill that should close something opened 2, because the fills before")


def test_what_closes_more_than_is_held_is_told() -> None:
    lines = [
        fill(1, "BUY", "2000", FREE, position="OPEN", amount="1"),
        fill(2, "SELL", "2100", FREE, position="CLOSE", amount="1.5"),
    ]
    *rows, finding = books_of(*lines)
    assert [row.partition(":")[0] for row in rows] == [
        "ETHUSDT.binance#1 long closed holds 0",
        "ETHUSDT.binance#2 short entry_placed holds 0.5",
    ]
    assert finding.startswith("ETHUSDT.binance: 1 fill that should close something opened 0.5, because the fills")


def test_orders_that_one_match_filled_are_told_apart() -> None:
    """A bot that trades with itself has both sides of a match, and one order of others may fill two of its own."""
    lines = [
        fill(1, "BUY", "2000", FREE, exchange_trade_id="9", timestamp="1773739452000", amount="1"),
        fill(2, "SELL", "2000", FREE, exchange_trade_id="9", timestamp="1773739452000", amount="1"),
        fill(3, "BUY", "2000", FREE, exchange_trade_id="9", timestamp="1773739452000", amount="3"),
        fill(4, "BUY", "2000", FREE, symbol="BTC-USDT", exchange_trade_id="9", timestamp="1773739452000"),
    ]
    fills = [(fill.buys, fill.trade_id) for fill in fills_of(text_of(*lines), HUMMINGBOT_CSV, Whose())]
    assert fills == [(True, "9"), (False, "9"), (True, "9:hbot-3"), (True, "9")]
    assert books_of(*lines, *lines) == [
        "BTCUSDT.binance#1 long entry_placed holds 2: earned 0, net 0, fees 0",
        "ETHUSDT.binance#1 long entry_placed holds 3: earned 0, net 0, fees 0",
    ]
