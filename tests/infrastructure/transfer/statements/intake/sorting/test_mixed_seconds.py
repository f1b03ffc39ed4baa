"""Fills of a second of which one file has the parts and another has not, in the order of their numbers."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from domain.values import Leg, plain
from infrastructure.transfer.statements.statement_facts import StatementFill
from position_ledger.testing import assert_sound, memory_ledger
from tests.infrastructure.transfer.statements.intake.told import fill, take


def numbered(number: int, signed: str, price: str, second: float, profit: str, **more: bool) -> StatementFill:
    """A fill as an exchange numbers it."""
    names = {"trade_id": f"{number}", "order_id": f"o{number}"}
    return fill(second, signed, price, line=number, profit=Decimal(profit), **names, **more)


TOLD = [
    *((1, "1", "100", 0.5, "0"), (2, "-1", "110", 10.25, "10"), (3, "-1", "120", 10.75, "0")),
    *((4, "1", "110", 10.75, "10"), (5, "1", "130", 10.9, "0"), (6, "-1", "140", 11.5, "10")),
]
"""A long position, a short one and a long one, of which three begin or end in one second."""


def books(*files: list[StatementFill]) -> list[str]:
    with memory_ledger() as ledger:
        report = take(ledger, *files)
        assert_sound(ledger)
        assert (report.findings, report.fills) == ([], len(TOLD))
        rows = ledger.positions()
    return [f"{row.leg} {row.side} {plain(row.quantity)} {plain(row.realized_pnl or Decimal(0))}" for row in rows]


@pytest.mark.parametrize("known", list(permutations(range(6), 2)), ids=str)
def test_what_is_told_to_the_second_is_put_by_its_number(known: tuple[int, ...]) -> None:
    """As the trade history of Binance's website, of which the interface answered a part."""
    website = [numbered(each[0], *each[1:3], float(int(each[3])), each[4], names_leg=False) for each in TOLD]
    interface = [numbered(*TOLD[place]) for place in sorted(known)]
    expected = [f"BOTH {side} 0 10" for side in ("long", "short", "long")]
    assert books(website, interface) == books(interface, website) == expected


def test_fills_of_a_position_without_a_leg_are_of_none() -> None:
    """Where one file says so, the others do not part it, whatever does not fit."""
    website = [numbered(each[0], *each[1:3], float(int(each[3])), each[4], names_leg=False) for each in TOLD]
    wrong = [fill(10, "-1", "110", line=2, profit=Decimal(0), names_leg=False, trade_id="2", order_id="o2")]
    with memory_ledger() as ledger:
        report = take(ledger, [website[0], *wrong, *website[2:]], [numbered(*TOLD[0])])
        assert {row.leg for row in ledger.positions()} == {Leg.BOTH}
    assert report.findings
