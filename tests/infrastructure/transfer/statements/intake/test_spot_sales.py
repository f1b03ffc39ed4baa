"""On spot nothing is sold that was not bought, or held before; on margin what was borrowed is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain.identifiers import PositionKey
from domain.values import Leg
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_report import StatementReport
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.one_file import import_statement

BEGIN = datetime(2026, 3, 17, 9, tzinfo=UTC)
KEY = PositionKey.of("ETH/USDT", "kraken", None, Leg.SPOT)
OF_ONE_BALANCE = PositionKey.of("ETH/USDT", "okx", None, Leg.SPOT)
NOTHING_KNOWN = "long closed 1 earned None"


@pytest.fixture
def ledger() -> Iterator[PositionLedger]:
    with memory_ledger() as opened:
        yield opened
        assert_sound(opened)


def fill(hour: int, quantity: str, price: str, *, profit: str | None = None) -> StatementFill:
    """A purchase, or below zero a sale."""
    return StatementFill(
        line=hour + 1,
        time=BEGIN + timedelta(hours=hour),
        key=KEY,
        buys=not quantity.startswith("-"),
        quantity=Decimal(quantity).copy_abs(),
        price=Decimal(price),
        fee=Decimal(1),
        fee_currency="USDT",
        profit=None if profit is None else Decimal(profit),
        trade_id=str(hour),
        order_id=f"o{hour}",
    )


def imported(ledger: PositionLedger, *fills: StatementFill) -> tuple[list[str], StatementReport]:
    report = import_statement(ledger, "any", fills, confirm=True)
    rows = [f"{row.side} {row.status} {row.filled_qty} earned {row.realized_pnl}" for row in ledger.positions()]
    return rows, report


def test_what_is_sold_beyond_what_was_bought_is_a_cycle_of_unknown_profit(ledger: PositionLedger) -> None:
    rows, report = imported(ledger, fill(1, "2", "100"), fill(2, "-3", "110"), fill(3, "1", "90"), fill(4, "-1", "95"))
    assert rows == ["long closed 2 earned 20", NOTHING_KNOWN, "long closed 1 earned 5"]
    assert (report.profit_ledger, report.fees) == ({"USDT": Decimal(25)}, {"USDT": Decimal(4)})
    (finding,) = report.findings
    assert finding == (
        "ETHUSDT.kraken:SPOT: 1 fill sold 1 more than was bought: it was held before the files begin, or moved in, and "
        "they do not say what it cost; so what it earned is not known"
    )


def test_what_is_sold_before_anything_was_bought_is_no_short(ledger: PositionLedger) -> None:
    rows, report = imported(ledger, fill(1, "-1", "100"), fill(2, "-0.5", "100"), fill(3, "1", "90"))
    assert rows == [NOTHING_KNOWN, "long closed 0.5 earned None", "long entry_placed 1 earned 0"]
    assert report.findings[0].startswith("ETHUSDT.kraken:SPOT: 2 fills sold 1.5 more than was bought")


def test_what_was_bought_is_sold_without_a_finding(ledger: PositionLedger) -> None:
    rows, report = imported(ledger, fill(1, "1", "100"), fill(2, "-1", "110"))
    assert (rows, report.findings) == (["long closed 1 earned 10"], [])


def test_it_is_taken_once(ledger: PositionLedger) -> None:
    fills = [fill(1, "2", "100"), fill(2, "-3", "110")]
    first, _ = imported(ledger, *fills)
    again, report = imported(ledger, *fills, fill(3, "1", "90"))
    assert again == [*first, "long entry_placed 1 earned 0"]
    assert (report.fills_before, report.cycles, report.findings) == (2, 1, [])


def test_what_a_file_says_was_earned_says_what_it_cost(ledger: PositionLedger) -> None:
    rows, _ = imported(ledger, fill(1, "-1", "100", profit="20"))
    assert rows == ["long closed 1 earned 20"]


def test_what_was_borrowed_is_sold_short(ledger: PositionLedger) -> None:
    borrowed = [replace(each, on_margin=True) for each in (fill(1, "-1", "100"), fill(2, "1", "90"))]
    rows, report = imported(ledger, *borrowed)
    assert (rows, report.findings) == (["short closed 1 earned 10"], [])


def on_margin(*fills: StatementFill) -> list[StatementFill]:
    return [replace(each, on_margin=True) for each in fills]


def test_what_is_sold_on_margin_beyond_what_was_bought_is_borrowed(ledger: PositionLedger) -> None:
    rows, report = imported(ledger, *on_margin(fill(1, "1", "100"), fill(2, "-3", "110")))
    assert rows == ["long closed 1 earned 10", "short entry_placed 2 earned 0"]
    assert (report.fees, report.findings) == ({"USDT": Decimal(2)}, [])


def test_what_is_bought_beyond_what_is_owed_is_held(ledger: PositionLedger) -> None:
    """Also where what covers it was bought without margin, as by the interface of an exchange that does not say it."""
    fills = [replace(each, key=OF_ONE_BALANCE) for each in (*on_margin(fill(1, "-1", "100")), fill(2, "3", "90"))]
    rows, report = imported(ledger, *fills)
    assert rows == ["short closed 1 earned 10", "long entry_placed 2 earned 0"]
    assert (report.fees, report.findings) == ({"USDT": Decimal(2)}, [])


def in_kind(bought: StatementFill, fee: str) -> StatementFill:
    return replace(bought, fee=Decimal(fee), fee_currency="ETH", on_margin=True)


def test_a_fee_in_what_was_bought_covers_nothing(ledger: PositionLedger) -> None:
    """1.001 are bought because 0.001 of them are the fee."""
    rows, report = imported(ledger, *on_margin(fill(1, "-1", "100")), in_kind(fill(2, "1.001", "90"), "0.001"))
    assert (rows, report.findings) == (["short closed 1 earned 10"], [])
    assert report.fees == {"USDT": Decimal(1), "ETH": Decimal("0.001")}


def test_what_a_fee_took_is_still_owed_when_the_position_turns(ledger: PositionLedger) -> None:
    """0.4995 are covered, then the 0.5005 that are left; of 1.998 received 1.4975 are held. Run again, it is known."""
    fills = [
        *on_margin(fill(1, "-1", "100")),
        in_kind(fill(2, "0.5", "90"), "0.0005"),
        in_kind(fill(3, "2", "80"), "0.002"),
    ]
    for before in (0, 3):
        rows, report = imported(ledger, *fills)
        assert rows == ["short closed 1 earned 15.005", "long entry_placed 1.4975 earned 0"]
        assert (report.fills_before, report.findings) == (before, [])
        if not before:
            assert report.fees == {"USDT": Decimal(1), "ETH": Decimal("0.0025")}
    assert [str(row.quantity) for row in ledger.positions(open=True)] == ["1.4975"]


def test_a_mix_of_margin_and_spot_is_a_finding(ledger: PositionLedger) -> None:
    """At Kraken 1 would still be held on spot, beside a short position on margin."""
    rows, report = imported(ledger, fill(1, "1", "100"), *on_margin(fill(2, "-1", "110")))
    assert rows == ["long closed 1 earned 10"]
    (finding,) = report.findings
    assert finding == (
        "ETHUSDT.kraken:SPOT: some fills are on margin and others are not; they are one position here, and two at "
        "kraken. To have two, import a file of each, with an --account of its own"
    )


def test_a_mix_is_no_finding_where_both_are_one_balance(ledger: PositionLedger) -> None:
    fills = [replace(each, key=OF_ONE_BALANCE) for each in (fill(1, "1", "100"), *on_margin(fill(2, "-1", "110")))]
    rows, report = imported(ledger, *fills)
    assert (rows, report.findings) == (["long closed 1 earned 10"], [])
