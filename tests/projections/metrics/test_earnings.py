"""The earnings of ended cycles: by day, as a running sum, and the count of unknown ones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given as over
from hypothesis import strategies as st

from projections.metrics.earnings import EarnedSum, Earnings, weeks
from projections.metrics.statistics import MeasuredWindow
from projections.positions import PositionRow
from tests.projections.metrics.test_pnl import facts, row

MIDNIGHT = datetime(2025, 10, 20, tzinfo=UTC)
WEEK = MeasuredWindow(MIDNIGHT, MIDNIGHT + timedelta(days=6, hours=12))


def ended(number: int, days: float, net: str | None = "1", **fields: Any) -> PositionRow:
    return row(number, net, closed_at=MIDNIGHT + timedelta(days=days), **fields)


def earned(*rows: PositionRow, **opened: str) -> list[Earnings]:
    return Earnings.of(facts(*rows, **opened), WEEK)


def test_the_sum_goes_on_as_cycles_ended() -> None:
    (found,) = earned(ended(1, 2, "-3"), ended(2, 1, "10.5"), ended(3, 3, None), ended(4, 4, "1"))
    assert [total for _, total in found.curve()] == [Decimal(0), Decimal("10.5"), Decimal("7.5"), Decimal("8.5")]
    assert found.since(WEEK.since) == EarnedSum(4, Decimal("8.5"), 1)
    assert found.since(MIDNIGHT + timedelta(days=3)) == EarnedSum(2, Decimal(1), 1)


def test_every_day_is_there_and_what_is_not_known_is_counted_in_it() -> None:
    (found,) = earned(ended(1, 0.1, "2"), ended(2, 0.9, "3"), ended(3, 2.5, None))
    days = dict(found.days())
    assert len(days) == 7 and days[date(2025, 10, 20)] == EarnedSum(2, Decimal(5), 0)
    assert days[date(2025, 10, 22)] == EarnedSum(1, Decimal(0), 1)
    assert days[date(2025, 10, 26)] == EarnedSum(0, Decimal(0), 0)


def test_two_currencies_are_never_added() -> None:
    found = earned(ended(1, 1, settle_currency="USDT"), ended(2, 1, settle_currency="BTC"))
    assert [(each.currency, len(each.cycles)) for each in found] == [("BTC", 1), ("USDT", 1)]


def test_what_was_over_before_or_was_imported_is_not_in_it() -> None:
    assert earned(ended(1, -0.1), ended(2, 6.5)) == []
    assert earned(ended(1, 1), opened_by="PositionImported") == []


def test_a_cycle_says_what_it_brought() -> None:
    (found,) = earned(ended(1, 1, "1"))
    assert str(found.cycles[0].brought).startswith("+1 USDT (+0.5")


@over(st.integers(1, 60), st.integers(0, 6))
def test_a_calendar_has_every_day_once_under_its_weekday(count: int, offset: int) -> None:
    nothing = EarnedSum(0, Decimal(0), 0)
    days = [(date(2025, 10, 20) + timedelta(days=offset + number), nothing) for number in range(count)]
    lines = weeks(days)
    assert [cell for line in lines for cell in line if cell is not None] == days
    assert all(len(line) == 7 for line in lines)
    assert all(cell is None or cell[0].weekday() == at for line in lines for at, cell in enumerate(line))
