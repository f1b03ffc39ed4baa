"""Executions of one millisecond follow each other by their sequence, in whatever order a file has them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from domain.values import plain
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_executions import BYBIT_EXECUTIONS
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.one_file import import_statement
from tests.infrastructure.transfer.statements.statement_text import facts_of, fills_of


def execution(seq: Any, side: str, quantity: str, price: str, closed: str) -> dict[str, Any]:
    row = {"symbol": "ETHUSDT", "category": "linear", "execType": "Trade", "execTime": "1773739452429", "execFee": "0"}
    row |= {"side": side, "execQty": quantity, "execPrice": price, "closedSize": closed, "seq": seq}
    return row | {"execId": f"{side}-{seq}-{price}", "orderId": f"{side}-{seq}"}


def books(rows: list[dict[str, Any]], *, findings: int = 0) -> list[str]:
    facts = facts_of(json.dumps(rows), BYBIT_EXECUTIONS, Whose("bybit"))
    with memory_ledger() as ledger:
        report = import_statement(ledger, BYBIT_EXECUTIONS.name, facts, confirm=True)
        cycles = ledger.positions()
    assert len(report.findings) == findings
    return [f"{row.side} {plain(row.realized_pnl or Decimal(0))}, {plain(row.quantity)} left" for row in cycles]


@pytest.mark.parametrize("is_number", [True, False])
@pytest.mark.parametrize("is_newest_first", [True, False])
def test_one_millisecond_is_in_the_order_of_its_sequence(*, is_newest_first: bool, is_number: bool) -> None:
    told = [
        execution(4688002127 if is_number else "4688002127", "Buy", "2", "100", "0"),
        execution(4688002128 if is_number else "4688002128", "Sell", "3", "110", "2"),
        execution(4688002129 if is_number else "4688002129", "Buy", "1", "105", "1"),
    ]
    assert books(told[::-1] if is_newest_first else told) == ["long 20, 0 left", "short 5, 0 left"]


def test_without_a_sequence_it_is_the_order_of_the_file() -> None:
    told = [execution("", "Buy", "2", "100", "0"), execution("-1", "Sell", "2", "110", "2")]
    assert books(told) == ["long 20, 0 left"]
    assert books(told[::-1], findings=1) == ["long 0, 0 left", "long 0, 2 left"]


OPTION = {"symbol": "BTC-27MAR26-100000-C", "category": "option"}


def test_an_option_that_expires_worthless_is_delivered_at_zero() -> None:
    bought, expired = execution(1, "Buy", "1", "10", "0"), execution(2, "Sell", "1", "0", "1")
    assert books([bought | OPTION, expired | OPTION | {"execType": "Delivery"}]) == ["long -10, 0 left"]
    for no_end in ({"execType": "Delivery"}, {"execType": "Settle"}, OPTION):
        with pytest.raises(StatementRefused, match="line 2: execPrice '0' is not above zero"):
            books([bought, expired | no_end])


@pytest.mark.parametrize(("symbol", "stream"), [("XRPUSD", "XRP/USD.bybit:SPOT"), ("XRPRLUSD", "XRP/RLUSD.bybit:SPOT")])
def test_a_pair_on_spot_is_counted_by_its_prices(symbol: str, stream: str) -> None:
    told = [execution(1, "Buy", "100", "2", "0"), execution(2, "Sell", "100", "3", "0")]
    told = [row | {"symbol": symbol, "category": "spot", "feeCurrency": "XRP"} for row in told]
    facts = facts_of(json.dumps(told), BYBIT_EXECUTIONS, Whose("bybit"))
    with memory_ledger() as ledger:
        report = import_statement(ledger, BYBIT_EXECUTIONS.name, facts, confirm=True)
        (row,) = ledger.positions()
    assert report.findings == []
    assert (row.stream, row.inverse, plain(row.realized_pnl or Decimal(0))) == (stream, False, "100")


@pytest.mark.parametrize(
    ("side", "fee", "currency"),
    [
        ("Buy", "0.1", "XRP"),
        ("Sell", "0.2", "USDT"),
        ("Buy", "-0.2", "USDT"),
        ("Sell", "-0.1", "XRP"),
        ("Buy", "0", None),
    ],
)
def test_a_fee_on_spot_of_which_no_currency_is_said_is_of_what_was_received(
    side: str, fee: str, currency: str | None
) -> None:
    """Bybit says it since 2024; before, a fee of what was bought was taken for one in USDT."""
    told = execution(1, side, "100", "2", "") | {"symbol": "XRPUSDT", "category": "spot", "execFee": fee}
    (fill,) = fills_of(json.dumps([told]), BYBIT_EXECUTIONS, Whose("bybit"))
    assert (fill.fee, fill.fee_currency) == (Decimal(fee), currency)


def test_a_split_is_refused() -> None:
    told = execution(1, "Sell", "0.5", "300", "0.5") | {"execType": "ReverseSplitSettle"}
    with pytest.raises(StatementRefused, match=r"execType 'ReverseSplitSettle' settles .* no line says how much"):
        facts_of(json.dumps([told]), BYBIT_EXECUTIONS, Whose("bybit"))


def test_a_fee_on_spot_of_an_unknown_pair_is_refused() -> None:
    told = execution(1, "Buy", "100", "2", "") | {"symbol": "BTCMNT", "category": "spot", "execFee": "0.1"}
    with pytest.raises(StatementRefused, match=r"a fee of 0\.1 is of a currency of BTCMNT, .* of the other symbols"):
        facts_of(json.dumps([told]), BYBIT_EXECUTIONS, Whose("bybit"))
