"""A file that counts contracts is taken in only where the ledger knows how much one is, and the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain.identifiers import PositionKey
from infrastructure.transfer.statements.column_map import ColumnMap
from infrastructure.transfer.statements.intake.ledger_checks.contract_sizes import with_known_contracts
from infrastructure.transfer.statements.kind_recognition import KINDS
from infrastructure.transfer.statements.statement_facts import StatementFill, StatementPosition
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.statement_text import facts_of
from tests.infrastructure.transfer.statements.test_samples import FOLDER, data_of, kind_of_sample, whose

FILL = StatementFill(
    line=7,
    time=datetime(2026, 3, 17, tzinfo=UTC),
    key=PositionKey("BTC/USDT:USDT", "okx"),
    buys=True,
    quantity=Decimal(2),
    price=Decimal(50000),
    fee=None,
    fee_currency=None,
    profit=None,
    trade_id="1",
    order_id="1",
    in_contracts=True,
    contract_size=Decimal("0.01"),
)


UNITS = replace(FILL, in_contracts=False, contract_size=Decimal(1))


def refusal(fill: StatementFill | StatementPosition, defined: str | None) -> str:
    with memory_ledger() as ledger:
        if defined is not None:
            ledger.define_instrument(symbol="BTC/USDT:USDT", exchange="okx", contract_size=defined)
        with pytest.raises(StatementRefused) as refused:
            list(with_known_contracts(ledger.store, [fill]))
    return refused.value.message


def test_contracts_of_the_size_that_was_defined_are_taken() -> None:
    with memory_ledger() as ledger:
        ledger.define_instrument(symbol="BTC/USDT:USDT", exchange="okx", contract_size="0.01")
        fills = [FILL, replace(FILL, contract_size=None)]
        assert list(with_known_contracts(ledger.store, fills)) == fills


def test_contracts_that_nobody_defined_are_refused_with_what_to_define() -> None:
    said = refusal(FILL, None)
    assert said.startswith("line 7: its quantity 2 counts contracts of 0.01 of BTCUSDT.okx, and nobody defined that")
    assert "--symbol BTCUSDT --exchange okx --leg BOTH --contract-size 0.01 --confirm --reason TEXT" in said
    assert "says neither the file nor the ledger" in refusal(replace(FILL, contract_size=None), None)


def test_contracts_of_another_size_are_refused() -> None:
    assert refusal(FILL, "0.1").endswith("contracts of 0.01 of BTCUSDT.okx; in the ledger one is 0.1")


def test_units_need_no_definition() -> None:
    with memory_ledger() as ledger:
        units = [replace(UNITS, contract_size=None), UNITS]
        assert list(with_known_contracts(ledger.store, units)) == units
        ledger.define_instrument(symbol="BTC/USDT:USDT", exchange="okx", contract_size="1")
        assert list(with_known_contracts(ledger.store, units)) == units


def test_units_are_not_taken_for_contracts() -> None:
    said = "its quantity 2 counts units of BTCUSDT.okx, and in the ledger one is a contract of 0.01; where the"
    assert refusal(UNITS, "0.01").startswith(f"line 7: {said}")
    assert refusal(replace(UNITS, contract_size=None), "0.01").startswith(f"line 7: {said}")
    held = StatementPosition(
        line=7, time=FILL.time, key=FILL.key, quantity=Decimal(2), avg_px=Decimal(50000), begins=True
    )
    assert refusal(held, "0.01").startswith(f"line 7: {said}")


@pytest.mark.parametrize(
    "name",
    ["csv.csv", "freqtrade-backtest.json", "freqtrade-database.sql", "hummingbot-trades.csv", "tradingview-trades.csv"],
)
def test_programs_count_units(name: str) -> None:
    kind = kind_of_sample(FOLDER / name)
    facts = facts_of(data_of(FOLDER / name), kind, whose(kind))
    assert {fact.in_contracts for fact in facts if isinstance(fact, StatementFill)} == {False}


@pytest.mark.parametrize(("said", "size"), [("", None), ("contract_size = 0.01\n", Decimal("0.01"))])
def test_a_map_counts_units_unless_it_says_a_size(said: str, size: Decimal | None) -> None:
    columns = 'time = "t"\nsymbol = "s"\nside = "d"\nprice = "p"\nquantity = "q"\n'
    whose = Whose("okx", columns=ColumnMap.read(f"{said}[columns]\n{columns}"))
    (fill,) = facts_of("t,s,d,p,q\n2026-03-17T09:00:00Z,BTCUSDT,buy,50000,2\n", KINDS["mapped-csv"], whose)
    assert isinstance(fill, StatementFill)
    assert (fill.contract_size, fill.in_contracts) == (size, size is not None)


def test_what_a_trade_cost_tells_units_from_contracts() -> None:
    trade = {"info": {}, "id": "1", "order": "1", "timestamp": 1773738000000, "datetime": "2026-03-17T09:00:00.000Z"}
    trade |= {"symbol": "BTC/USDT:USDT", "takerOrMaker": "taker", "side": "buy", "price": 50000, "amount": 2}
    for cost, size in ((1000, "0.01"), (100000, "1"), (None, None)):
        (fill,) = facts_of(json.dumps([trade | {"cost": cost}]), KINDS["ccxt-trades"], Whose("okx"))
        assert isinstance(fill, StatementFill)
        assert fill.contract_size == (None if size is None else Decimal(size))
        assert fill.in_contracts is (size != "1")
