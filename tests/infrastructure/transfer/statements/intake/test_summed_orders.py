"""An order that one file sums up and another lists fill by fill is counted once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.transfer.statements.kinds.programs.other_fees import other_fees
from infrastructure.transfer.statements.statement_fill import StatementFill, StatementRefused
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from infrastructure.transfer.statements.statement_kind import StatementFact
from infrastructure.transfer.statements.statement_report import StatementReport
from position_ledger.testing import assert_sound, memory_ledger

BEGIN = datetime(2026, 3, 17, 9, tzinfo=UTC)
KEY = PositionKey.of("ETH/USDT", "okx", None, Leg.SPOT)


def fill(
    hour: int, quantity: str, trade_id: str, order_id: str, *, buys: bool = True, last: bool = False
) -> StatementFill:
    return StatementFill(
        line=hour + 1,
        time=BEGIN + timedelta(hours=hour),
        key=KEY,
        buys=buys,
        quantity=Decimal(quantity),
        price=Decimal(2000 if buys else 2100),
        fee=None,
        fee_currency=None,
        profit=None,
        trade_id=trade_id,
        order_id=order_id,
        is_last=last,
    )


FILLS = [fill(1, "1", "11", "a"), fill(2, "2", "12", "a"), fill(3, "2.99", "13", "b", buys=False)]
SUMS = [fill(2, "3", "order-a", "a"), fill(3, "2.99", "order-b", "b", buys=False, last=True)]


def imported(*files: Sequence[StatementFact]) -> tuple[list[str], StatementReport]:
    with memory_ledger() as ledger:
        statements = [Statement(f"{number}.json", "any", facts) for number, facts in enumerate(files)]
        report = import_statements(ledger, statements, confirm=True)
        return [
            f"{row.status} {row.filled_qty} {row.quantity} {row.realized_pnl}" for row in ledger.positions()
        ], report


@pytest.mark.parametrize("files", [(FILLS, SUMS), (SUMS, FILLS)])
def test_it_is_taken_by_its_fills(files: tuple[list[StatementFill], list[StatementFill]]) -> None:
    rows, report = imported(*files)
    assert rows == ["closed 2.99 0 299"], "and ends where the sum of its last order ends it"
    assert (report.fills, report.repeated, report.orders) == (3, 2, 2)


def test_what_was_paid_beside_its_sum_is_what_its_fills_say() -> None:
    paid = [(Decimal("0.01"), "BNB")]
    _, report = imported([*FILLS, *other_fees(FILLS[0], paid)], [*SUMS, *other_fees(SUMS[0], paid)])
    assert report.cash == {"commission BNB": Decimal("-0.01")}
    _, report = imported([*SUMS, *other_fees(SUMS[0], paid)])
    assert report.cash == {"commission BNB": Decimal("-0.01")}


def test_one_whose_fills_are_not_all_of_it_is_refused() -> None:
    with pytest.raises(StatementRefused) as refused:
        imported(FILLS[1:], SUMS)
    assert refused.value.message == (
        "1.json: line 3: order a of ETHUSDT.okx:SPOT was filled 3 in all, and its fills in the other files come to 2; "
        "give the files of all its fills, or of none"
    )


def test_one_that_is_summed_up_alone_is_taken_as_one_fill() -> None:
    rows, report = imported(SUMS)
    assert (rows, report.repeated) == (["closed 2.99 0 299"], 0)


@pytest.mark.parametrize("files", [(FILLS, SUMS), (SUMS, FILLS), (FILLS, SUMS[1:]), (SUMS, FILLS[2:])])
def test_what_the_ledger_has_in_another_way_is_not_taken_again(files: tuple[list[StatementFill], ...]) -> None:
    with memory_ledger() as ledger:
        for facts in files:
            report = import_statements(ledger, [Statement("file", "any", facts)], confirm=True)
        assert (report.fills, report.fills_before, report.cycles) == (len(files[1]), len(files[1]), 0)
        assert_sound(ledger)


@pytest.mark.parametrize(
    ("before", "then", "says"),
    [
        (
            FILLS[:1],
            SUMS[:1],
            "line 3: order a of ETHUSDT.okx:SPOT is in the ledger with 1 filled, and here with 3; import",
        ),
        (
            SUMS[:1],
            FILLS[1:2],
            "line 3: order a of ETHUSDT.okx:SPOT is in the ledger with 3 filled, and here with 2; import",
        ),
    ],
)
def test_what_it_has_otherwise_is_refused(before: list[StatementFill], then: list[StatementFill], says: str) -> None:
    with memory_ledger() as ledger:
        import_statements(ledger, [Statement("file", "any", before)], confirm=True)
        with pytest.raises(StatementRefused) as refused:
            import_statements(ledger, [Statement("file", "any", then)], confirm=True)
    assert refused.value.message.startswith(says)


def test_an_order_that_goes_on_is_news() -> None:
    with memory_ledger() as ledger:
        for facts in (FILLS[:1], FILLS[:2]):
            report = import_statements(ledger, [Statement("file", "any", facts)], confirm=True)
        assert (report.fills, report.fills_before) == (2, 1)
