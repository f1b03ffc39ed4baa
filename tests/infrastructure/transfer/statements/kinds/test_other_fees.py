"""Of several fees of a fill the one that was paid in what it bought reduces what is held, wherever it is listed."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_executions import BYBIT_EXECUTIONS
from infrastructure.transfer.statements.kinds.programs.ccxt_saved import CCXT_TRADES
from infrastructure.transfer.statements.kinds.programs.hummingbot_fills import HUMMINGBOT_CSV
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.statements.statement_report import StatementReport
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.kinds.programs.booked import booked
from tests.infrastructure.transfer.statements.kinds.programs.test_hummingbot_fills import FREE, fill, text_of
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import file_of

FEES = {"BNB": "0.001", "ETH": "0.02", "USDT": "3"}
"""What was paid to buy 2."""
BOOKS = "ETHUSDT.{}:SPOT#1 long closed holds 0: earned 158, net unknown, fees 0"
"""2 were bought at 2000, and 1.98 sold at 2100."""


def of_ccxt(side: str, quantity: str, price: str, fees: dict[str, str]) -> dict[str, Any]:
    return {
        "id": side,
        "order": side,
        "info": {},
        "timestamp": 1773739452000 + len(side),
        "datetime": "2026-03-17T09:24:12.000Z",
        "symbol": "ETH/USDT",
        "side": side,
        "takerOrMaker": "taker",
        "price": price,
        "amount": quantity,
        "fees": [{"cost": cost, "currency": currency} for currency, cost in fees.items()],
    }


def test_ccxt_may_list_it_anywhere() -> None:
    for fees in permutations(FEES.items()):
        trades = [of_ccxt("buy", "2", "2000", dict(fees)), of_ccxt("sell", "1.98", "2100", {"USDT": "0"})]
        (told,) = booked(json.dumps(trades), CCXT_TRADES, Whose("binance"))
        assert told == BOOKS.format("binance") + ", commission -3, commission BNB -0.001", fees


def test_a_fill_that_the_ledger_has_with_another_fee_is_not_paid_for_once_more() -> None:
    bought, sold = of_ccxt("buy", "2", "2000", {"USDT": "3"}), of_ccxt("sell", "1.98", "2100", {"USDT": "0"})
    in_kind = of_ccxt("buy", "2", "2000", {"USDT": "3", "ETH": "0.02"})

    def taken(ledger: PositionLedger, *trades: dict[str, Any]) -> StatementReport:
        facts = CCXT_TRADES.facts(file_of(json.dumps(trades)), Whose("binance"))
        return import_statement(ledger, CCXT_TRADES.name, facts, confirm=True)

    with memory_ledger() as ledger:
        taken(ledger, bought, sold)
        with pytest.raises(StatementRefused) as refused:
            taken(ledger, in_kind, sold)
        assert refused.value.message == (
            "line 1: trade buy of ETHUSDT.binance:SPOT is in the ledger with a fee of 3 USDT, and here it pays ETH of "
            "what it bought; import the file into another ledger"
        )
        assert ledger.positions()[0].cash == {}
    for first in (in_kind, of_ccxt("buy", "2", "2000", {})):
        with memory_ledger() as ledger:
            taken(ledger, first, sold)
            again = taken(ledger, in_kind, sold)
            assert again.fills_before == 2


def test_hummingbot_may_list_it_anywhere() -> None:
    def of_hummingbot(number: int, side: str, price: str, *fees: tuple[str, str], **other: str) -> dict[str, str]:
        flat = [{"token": token, "amount": amount} for token, amount in fees]
        return fill(number, side, price, FREE | {"flat_fees": flat}, market="kucoin", **other)

    sold = of_hummingbot(2, "SELL", "2100", ("USDT", "0"), amount="1.98")
    for fees in permutations(FEES.items()):
        (told,) = booked(text_of(of_hummingbot(1, "BUY", "2000", *fees), sold), HUMMINGBOT_CSV, Whose())
        assert told == BOOKS.format("kucoin") + ", commission -3, commission BNB -0.001", fees


def of_bybit(side: str, quantity: str, price: str, fee: str, currency: str, **extra: str) -> dict[str, Any]:
    row = {"symbol": "ETHUSDT", "category": "spot", "execType": "Trade", "execTime": f"177373945{len(side)}000"}
    row |= {"side": side, "execQty": quantity, "execPrice": price, "execFee": fee, "feeCurrency": currency}
    taxes = [{"feeCoin": coin, "feeType": "GST", "subFeeType": "IND_GST", "fee": tax} for coin, tax in extra.items()]
    return row | {"execId": side, "orderId": side, "extraFees": taxes}


def test_a_tax_that_bybit_takes_of_what_was_bought_reduces_it_too() -> None:
    sold = of_bybit("Sell", "1.98", "2100", "0", "USDT", USDT="1")
    for bought in (
        of_bybit("Buy", "2", "2000", "0.015", "ETH", ETH="0.005"),
        of_bybit("Buy", "2", "2000", "0", "MNT", ETH="0.02"),
    ):
        (told,) = booked(json.dumps([bought, sold]), BYBIT_EXECUTIONS, Whose("bybit"))
        assert told == BOOKS.format("bybit").replace("unknown", "157") + ", commission -1"
    bought = of_bybit("Buy", "2", "2000", "0.5", "MNT", ETH="0.02")
    (told,) = booked(json.dumps([bought, sold]), BYBIT_EXECUTIONS, Whose("bybit"))
    assert told == BOOKS.format("bybit") + ", commission -1, commission MNT -0.5"


def test_a_tax_of_what_was_bought_does_not_make_an_unsaid_fee_known() -> None:
    bought = of_bybit("Buy", "2", "2000", "", "ETH", ETH="0.02")
    with pytest.raises(StatementRefused, match="line 1: execFee is empty, so how much it was is not known"):
        booked(json.dumps([bought]), BYBIT_EXECUTIONS, Whose("bybit"))


def test_a_sale_or_a_contract_is_reduced_by_none() -> None:
    trades = [of_ccxt("buy", "2", "2000", FEES), of_ccxt("sell", "2", "2100", {"ETH": "0.02", "USDT": "1"})]
    trades = [trade | {"symbol": "ETH/USDT:USDT", "cost": 2 * int(trade["price"])} for trade in trades]
    (told,) = booked(json.dumps(trades), CCXT_TRADES, Whose("mexc"))
    assert told.startswith("ETHUSDT.mexc#1 long closed holds 0: earned 200, net unknown, fees 0, BNB 0.001, ETH 0.02")
