"""A payment of no leg is of the one that alone was held then."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from domain.values import Leg
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import memory_ledger
from tests.infrastructure.transfer.statements.intake.told import fill, leg, paid, take

LONG, SHORT = leg(Leg.LONG), leg(Leg.SHORT)
LEGS = [
    fill(0, "1", key=LONG),
    fill(200, "-1", key=SHORT),
    fill(300, "-1", "110", key=LONG),
    fill(500, "1", "90", key=SHORT),
]
"""The long leg is held from 0 to 300, the short one from 200 to 500."""


@pytest.fixture
def ledger() -> Iterator[PositionLedger]:
    with memory_ledger() as ledger:
        yield ledger
        assert verify(ledger.store).ok


def funding(ledger: PositionLedger) -> dict[str, str]:
    return {row.leg: f"{row.cash['funding']:f}" for row in ledger.positions() if row.cash}


@pytest.mark.parametrize(
    ("second", "whose"),
    [(100, "LONG"), (0, "LONG"), (199, "LONG"), (361, "SHORT"), (500, "SHORT"), (560, "SHORT")],
)
def test_a_payment_is_of_the_leg_that_alone_was_held(ledger: PositionLedger, second: int, whose: str) -> None:
    report = take(ledger, LEGS, [paid(second, "-0.5")])
    assert (report.findings, funding(ledger)) == ([], {whose: "-0.5"})
    again = take(ledger, LEGS, [paid(second, "-0.5")])
    assert (again.findings, again.payments_before, funding(ledger)) == ([], 1, {whose: "-0.5"})


@pytest.mark.parametrize("second", [200, 250, 300, 350, 561, -1])
def test_a_payment_that_may_be_of_both_or_neither_is_told(ledger: PositionLedger, second: int) -> None:
    report = take(ledger, LEGS, [paid(second, "-0.5")])
    assert len(report.findings) == 1
    assert funding(ledger) == {}


def test_payments_that_come_later_are_of_the_same_leg(ledger: PositionLedger) -> None:
    take(ledger, LEGS[:3])
    report = take(ledger, [*LEGS, fill(600, "2", key=LONG)], [paid(second, "-0.5") for second in (100, 400, 700)])
    assert report.findings == []
    assert {row.position_id: f"{row.cash['funding']:f}" for row in ledger.positions()} == {
        "BTCUSDT.binance:LONG#1": "-0.5",
        "BTCUSDT.binance:SHORT#1": "-0.5",
        "BTCUSDT.binance:LONG#2": "-0.5",
    }


def test_what_closed_a_leg_in_the_last_moment_of_the_ledger_is_seen(ledger: PositionLedger) -> None:
    """A file that begins in the second in which the last one ended."""
    take(ledger, LEGS[:2], [])
    take(ledger, [fill(300, "1", key=LONG, line=7)])
    report = take(ledger, [fill(300, "1", key=LONG, line=7), fill(300, "-2", key=LONG, line=8)], [paid(400, "-0.5")])
    assert (report.findings, funding(ledger)) == ([], {"SHORT": "-0.5"})


def test_a_leg_that_was_held_before_the_file_may_be_that_of_any_payment(ledger: PositionLedger) -> None:
    closed = fill(100, "-1", "110", key=LONG, profit=Decimal(10))
    report = take(ledger, [closed, fill(200, "-1", key=SHORT), fill(500, "1", key=SHORT)], [paid(400, "-0.5")])
    assert "the file names no leg, and both were held: 1 x funding USDT" in report.findings[-1]
