"""The account log of Kraken futures: what was paid beside trades, and what its empty cells mean."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from infrastructure.transfer.statements.kinds.exchanges.kraken.kraken_futures import (
    KRAKEN_FILLS,
    KRAKEN_LOG,
    KRAKEN_LOG_CSV,
)
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.statement_text import facts_of, words

HEADER = (
    "uid,dateTime,account,type,symbol,contract,change,new balance,trade price,realized pnl,fee,realized funding,"
    "liquidation fee"
)
AT = "2026-03-17 12:00:00"


def log(info: str, asset: str, before: float | None, after: float | None, **more: Any) -> dict[str, Any]:
    """A line of the answer, with nothing in it that is not said."""
    empty = dict.fromkeys(("contract", "execution", "fee", "realized_funding", "realized_pnl", "trade_price"))
    names = {"asset": asset, "booking_uid": f"b-{asset}", "date": "2026-03-17T12:00:00.000Z", "info": info}
    return {**empty, **names, "old_balance": before, "new_balance": after, **more}


def told(text: str, kind: StatementKind) -> list[str]:
    """What a log says, without its times."""
    return [words(fact).split("Z ", 1)[1] for fact in facts_of(text, kind, Whose("krakenfutures"))]


def cash(*lines: dict[str, Any]) -> list[str]:
    return [line for line in told(json.dumps({"logs": lines}), KRAKEN_LOG) if " of order " not in line]


def cash_of_csv(*lines: str) -> list[str]:
    text = "\n".join([HEADER, *(line.replace(AT, f"{AT}Z") for line in lines)])
    return [line for line in told(text, KRAKEN_LOG_CSV) if " of order " not in line]


def test_interest_of_the_answer_is_what_the_balance_changed_by() -> None:
    assert cash(log("interest payment", "usd", 100, 99.75)) == ["no symbol interest -0.25 USD, id interest:b-usd"]
    assert cash(log("interest payment", "usd", 100, 100)) == []


def test_funding_that_is_not_said_is_what_the_balance_changed_by() -> None:
    of = {"contract": "pf_xbtusd"}
    funding = "BTCUSD.krakenfutures funding {} USD, id funding:b-usd"
    assert cash(log("funding rate change", "usd", 5.0002, 5, **of)) == [funding.format("-0.0002")]
    assert cash(log("funding rate change", "usd", 5, 5, **of)) == []
    assert cash(log("funding rate change", "usd", 5, 4.9, **of, realized_funding=0.1)) == [funding.format("0.1")]


@pytest.mark.parametrize("info", ["interest payment", "funding rate change"])
def test_a_payment_of_which_neither_is_said_is_refused(info: str) -> None:
    with pytest.raises(StatementRefused, match="line 1: old_balance is empty, so how much it was is not known"):
        cash(log(info, "usd", None, 5))
    with pytest.raises(StatementRefused, match="line 2: change is empty, so how much it was is not known"):
        cash_of_csv(f"u1,{AT},flex,{info},usd,pf_xbtusd,,5,,,,,")


def test_a_trade_that_realised_no_funding_has_an_empty_cell() -> None:
    position = log("futures trade", "pf_xbtusd", 0, 1, contract="pf_xbtusd", execution="e1", trade_price=100)
    money = log("futures trade", "usd", 10, 9.9, contract="pf_xbtusd", execution="e1", fee=0.1, trade_price=100)
    assert cash(position, money) == []


POSITION = log("futures trade", "pf_xbtusd", 1, 0, contract="pf_xbtusd", execution="e1", trade_price=110)
MONEY = log(
    "futures trade", "usd", 10, 19.9, contract="pf_xbtusd", execution="e1", trade_price=110, fee=0.1, realized_pnl=10
)
OPENED = [
    log("futures trade", "pf_xbtusd", 0, 1, contract="pf_xbtusd", execution="e0", trade_price=100),
    log("futures trade", "usd", 10, 10, contract="pf_xbtusd", execution="e0", trade_price=100, fee=0),
]


@pytest.mark.parametrize(
    "pages", [[[POSITION, MONEY]], [[POSITION], [MONEY]], [[MONEY], [POSITION]], [[POSITION, MONEY], [MONEY]]]
)
def test_lines_of_a_trade_that_pages_part_are_one_trade(pages: list[list[dict[str, Any]]]) -> None:
    opened = [line | {"date": "2026-03-17T11:00:00.000Z"} for line in OPENED]
    facts = [facts_of(json.dumps({"logs": page}), KRAKEN_LOG, Whose("krakenfutures")) for page in [opened, *pages]]
    with memory_ledger() as ledger:
        report = import_statements(ledger, [Statement("page", KRAKEN_LOG.name, page) for page in facts], confirm=True)
        assert_sound(ledger)
        (row,) = ledger.positions()
    assert (row.fees, row.realized_pnl, row.cash, report.findings) == (Decimal("0.1"), Decimal(10), {}, [])


@pytest.mark.parametrize("more", [{"realized_funding": 0.1}, {"liquidation_fee": 1}, {"execution": None}])
def test_money_that_would_be_counted_twice_beside_both_lines_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(StatementRefused, match="line 1: of this futures trade only the line of USD is in the file"):
        cash(MONEY | more)
    assert cash(log("futures trade", "usd", 10, 10, trade_price=100)) == []


def liquidated(changed: str, liquidation: str) -> list[str]:
    trade = f"{AT},flex,futures liquidation"
    return cash_of_csv(
        f"u1,{trade},pf_xbtusd,pf_xbtusd,-1,0,100,,,,",
        f"u2,{trade},usd,pf_xbtusd,{changed},0,100,-5,0.1,,{liquidation}",
    )


def test_the_fee_of_a_liquidation_is_paid_beside_that_of_the_trade() -> None:
    (paid,) = liquidated("-6.1", "1")
    assert paid.startswith("BTCUSD.krakenfutures commission -1 USD, id ")
    assert liquidated("-5.1", "") == liquidated("-5.1", "0") == []


def test_a_fee_of_a_liquidation_that_the_fee_contains_is_not_counted_twice() -> None:
    assert liquidated("-5.1", "0.1") == []


def test_a_line_that_cannot_be_put_beside_the_other_of_its_trade_is_named() -> None:
    with pytest.raises(StatementRefused, match=r"^line 2: asset '\{\}' is no text"):
        cash(POSITION, MONEY | {"asset": {}})


@pytest.mark.parametrize("wrong", [0, 1])
def test_of_two_lines_the_one_with_a_wrong_number_is_named(wrong: int) -> None:
    of = {"contract": "pf_xbtusd", "execution": "e", "trade_price": 100}
    lines = [log("futures trade", "pf_xbtusd", 0, 1, **of), log("futures trade", "usd", 5, 5, **of)]
    lines[wrong]["fee"] = "x"
    with pytest.raises(StatementRefused, match=rf"line {wrong + 1}: fee 'x' is no number"):
        told(json.dumps(lines), KRAKEN_LOG)


def test_a_list_of_fills_that_begins_in_the_middle_of_a_position_is_known_by_its_profits() -> None:
    """The first close was an opening, and all behind it the wrong way round."""
    fills = [
        {
            **dict(
                zip(("fill_id", "order_id", "fillTime"), (f"f{n}", f"o{n}", f"2026-03-17T12:0{n}:00Z"), strict=True)
            ),
            "symbol": "PF_XBTUSD",
            "side": side,
            "size": 1,
            "price": price,
            "fillType": "taker",
            "realized_pnl": profit,
            "realized_funding": 0,
        }
        for n, (side, price, profit) in enumerate([("sell", 110, 10), ("buy", 100, 0), ("sell", 90, -10)])
    ]
    with memory_ledger() as ledger:
        statement = Statement(
            "fills.json", KRAKEN_FILLS.name, facts_of(json.dumps(fills), KRAKEN_FILLS, Whose("krakenfutures"))
        )
        (finding,) = import_statements(ledger, [statement], confirm=True).findings
        assert_sound(ledger)
        cycles = [f"{row.side} {row.realized_pnl}" for row in ledger.positions()]
    assert cycles == ["long 10", "long -10"]
    assert "held before the file begins" in finding
