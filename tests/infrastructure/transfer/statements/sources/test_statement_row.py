"""Values are read as they were meant: floats with the digits that they hold, times with their unit and their zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, numbered


def row(value: Any) -> StatementRow:
    return StatementRow(1, {"x": value})


def test_what_is_left_over_of_float_arithmetic_is_no_quantity() -> None:
    assert row(0.1 + 0.2).number("x") == row(Decimal("0.30000000000000004")).number("x") == Decimal("0.3")
    assert row("0.30000000000000004").number("x") == Decimal("0.30000000000000004"), "a text is meant as it is written"


@pytest.mark.parametrize("nothing", ["", "-", "—", "nan", "None", " ", " " * 99, None])
def test_what_programs_write_for_nothing_is_nothing(nothing: str | None) -> None:
    assert row(nothing).number("x") is None
    assert StatementRow(1, {"x": nothing, "y": "3"}).text("x", "y") == "3"


@pytest.mark.parametrize("time", ["1773739452", 1773739452000, "1773739452000000", 1773739452000000000])
def test_a_time_is_read_in_whatever_unit_it_counts(time: str | int) -> None:
    assert row(time).time("x", zone=UTC) == datetime(2026, 3, 17, 9, 24, 12, tzinfo=UTC)


def test_a_year_of_two_digits_is_read_where_it_is_known_to_stand_first() -> None:
    assert row("26-03-17 09:24:12").time("x", zone=UTC, first_year=2019).year == 2026
    with pytest.raises(ValueError, match="x '26-03-17 09:24:12' is no time like 2025-10-22 18:50:40; with --map"):
        row("26-03-17 09:24:12").time("x", zone=UTC)


@pytest.mark.parametrize("time", ["01-12-25 09:24:12", "03-17-26 09:24", "18-03-26 09:24:12"])
def test_a_day_or_a_month_that_stands_first_is_no_year_of_two_digits(time: str) -> None:
    with pytest.raises(ValueError, match=f"x '{time}' begins with a year of two digits, .* before the exchange began"):
        row(time).time("x", zone=UTC, first_year=2019)


def test_a_time_without_a_zone_is_not_guessed_unless_its_name_says_it() -> None:
    with pytest.raises(ValueError, match="names no zone; say with --timezone"):
        row("2026-03-17 09:24:12").time("x")
    assert StatementRow(1, {"time(utc)": "2026-03-17 09:24:12"}).time("time(utc)").tzinfo is UTC


@pytest.mark.parametrize("value", [True, [1], {"a": 1}, "1OO", "1,000", float("inf"), Decimal("1e400")])
def test_what_is_no_number_is_named(value: Any) -> None:
    with pytest.raises(ValueError, match="is no number"):
        row(value).number("x")


@pytest.mark.parametrize(
    "number", ["1,000", "1,234,567", "0,048", "1,00.5", "1.234,5", "1,2345.6", "0,123.4", "1,000."]
)
def test_a_comma_in_a_number_is_not_guessed(number: str) -> None:
    for read in (row(number).number, row(number).above_zero):
        with pytest.raises(ValueError, match=rf"x '{re.escape(number)}' is no number like 1000\.5; with --map, a map "):
            read("x")


@pytest.mark.parametrize("number", ["61,000.50", "-1,234,567.890", "+999,999.0", "123,456,789.0000000001"])
def test_commas_before_a_point_stand_between_thousands(number: str) -> None:
    said = Decimal(number.replace(",", ""))
    assert row(number).number("x") == said
    assert row(f"{number} USDT").amount("x") == (said, "USDT")
    if said > 0:
        assert row(number).above_zero("x") == said


def test_what_is_no_number_at_all_is_not_told_how_to_send_it() -> None:
    with pytest.raises(ValueError, match=r"^x '\{\{price\}\}' is no number like 1000\.5$"):
        row("{{price}}").number("x")
    with pytest.raises(ValueError, match=r"^x '1e40' is no number that is kept: 1e40 is absurdly large"):
        row("1e40").number("x")


def test_what_stands_for_nothing_is_shown_as_it_is_written() -> None:
    with pytest.raises(ValueError, match="x 'NaN' is not above zero"):
        row("NaN").above_zero("x")


def test_a_price_is_not_rounded_to_another_one() -> None:
    assert row("0.0014999999999999999").above_zero("x") == Decimal("0.0015")
    assert row("0.000000000001234568").above_zero("x") == Decimal("1.234568e-12")
    with pytest.raises(ValueError, match=r"decimals, and with those that are kept it would be 0\.000000000001234568$"):
        row("0.0000000000012345678901").above_zero("x")


def test_equal_rows_of_one_moment_have_names_of_their_own() -> None:
    ids = RowIds()
    names = [ids.of(row("a"), "9:00"), ids.of(row("a"), "9:00"), ids.of(row("a"), "9:01")]
    assert names[1] == f"{names[0]}-2" and names[2] == names[0]


def test_numbered_names_are_in_the_order_of_their_numbers() -> None:
    names = [int(numbered(number, "a", str(number))) for number in range(1, 30)]
    assert names == sorted(names)
