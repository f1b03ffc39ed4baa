from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.values import EXACT
from projections.formatting import (
    aged,
    ago,
    average,
    changed,
    clock_beside,
    date_and_time,
    first_digits,
    for_eyes,
    lasting,
    length,
    listed,
    percent,
    quoted,
    ratio,
    sentence,
    stretch,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        ("0", "0 s"),
        ("4.933057", "4.933 s"),
        ("59.9999", "59.999 s"),
        ("60", "1 min"),
        ("1085", "18 min 5 s"),
        ("3600", "1 h"),
        ("11400", "3 h 10 min"),
        ("86399", "23 h 59 min"),
        ("1137600", "13 d 4 h"),
        ("-12", "-12 s"),
    ],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(seconds: str, words: str) -> None:
    assert length(timedelta(microseconds=int(Decimal(seconds) * 1_000_000))) == words


def test_nothing_lasts_since_a_time_that_is_yet_to_come() -> None:
    assert lasting(timedelta(hours=3, minutes=10)) == "for 3 h 10 min"
    assert lasting(timedelta(0)) == "for 0 s"
    assert lasting(timedelta(hours=-3)) == "since a time 3 h ahead of the clock"


def test_nothing_is_of_an_age_below_zero() -> None:
    assert (aged(timedelta(minutes=14)), aged(timedelta(0)), aged(timedelta(seconds=-50))) == (
        "14 min",
        "0 s",
        "50 s ahead",
    )
    assert (ago(timedelta(minutes=14)), ago(timedelta(seconds=-50))) == ("14 min ago", "50 s ahead of the clock")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("1234567", "1234567"),
        ("-12345.6", "-12345.6"),
        ("1234567.8", "≈1234568"),
        ("12345678", "12345678"),
        ("1E+9", "1000000000"),
        ("0.00012", "0.00012"),
        ("0.000000123", "0.000000123"),
        ("1.100000000", "1.1"),
        ("-0", "0"),
    ],
)
def test_eyes_are_shown_seven_digits_and_that_there_are_more(number: str, shown: str) -> None:
    assert for_eyes(Decimal(number)) == shown


def test_a_time_is_told_to_the_second_and_never_rounded() -> None:
    assert date_and_time(datetime(2025, 10, 22, 18, 50, 59, 999_999, tzinfo=UTC)) == "2025-10-22 18:50:59"
    assert date_and_time(datetime(2025, 10, 22, tzinfo=UTC)) == "2025-10-22 00:00:00"


def test_a_correction_says_by_how_many_percent_exactly() -> None:
    assert changed(Decimal("61.8"), Decimal(61)) == "61.8 → 61 (-1.294 %)"
    assert changed(Decimal(100), Decimal(102)) == "100 → 102 (+2 %)"
    assert changed(None, Decimal(61)) == "unknown → 61"
    assert changed(Decimal(0), Decimal(61)) == "0 → 61"
    assert changed(Decimal(5), Decimal(5)) == "5 → 5"


def test_a_ratio_of_long_numbers_is_not_rounded_before_it_is_shown() -> None:
    old, new = Decimal("1" + "0" * 17 + ".000000000000000001"), Decimal("1" + "0" * 17 + ".000000000000000003")
    by = ratio(old, new)
    assert by is not None and by.quantize(Decimal("1E-40"), context=EXACT) == Decimal("2E-33")
    assert ratio(Decimal(0), new) is None
    assert percent(Decimal("0.0001")) == "less than 0.001 %"
    assert percent(Decimal("-0.11752")) == "0.118 %"


def test_an_average_that_goes_on_for_ever_is_marked_as_cut() -> None:
    assert average(Decimal("3.2295")) == "3.2295"
    assert average(Decimal("60012.833333333333333333")) == "≈60012.833333"
    assert average(Decimal("0.000354101234567890")) == "≈0.00035410123457"
    assert average(None) == "unknown"
    assert first_digits(Decimal(123456789012)) == "123456789012"


def test_words_of_others_cannot_draw_on_a_terminal() -> None:
    assert quoted("gone\n\x1b[31mred\u202e") == '"gone \\x1b[31mred\\u202e"'
    assert quoted("пробой 🛑") == '"пробой 🛑"'


def test_a_stretch_has_dates_only_where_the_day_changes() -> None:
    start = datetime(2025, 10, 22, 23, 59, 59, tzinfo=UTC)
    assert stretch(start, start + timedelta(milliseconds=5)) == "from 23:59:59.000 to 23:59:59.005"
    assert stretch(start, start + timedelta(seconds=1)) == "from 2025-10-22 23:59:59.000 to 2025-10-23 00:00:00.000"


def test_a_time_of_day_has_its_date_only_beside_a_time_of_another_day() -> None:
    shown = datetime(2025, 10, 22, 23, 59, 59, tzinfo=UTC)
    assert clock_beside(shown + timedelta(milliseconds=5), shown) == "23:59:59.005"
    assert clock_beside(shown + timedelta(seconds=1), shown) == "2025-10-23 00:00:00.000"


@pytest.mark.parametrize("digits", [28, 29, 40, 54])
def test_a_number_of_any_size_is_shortened(digits: int) -> None:
    assert for_eyes(Decimal("9" * digits + ".5")) == "≈1" + "0" * digits
    assert first_digits(Decimal("-" + "1" * digits + ".25")) == "-" + "1" * digits


def test_a_sentence_begins_with_a_capital_letter_unless_with_a_name_of_programs() -> None:
    assert sentence("the stop is gone") == "The stop is gone"
    assert sentence("pending_entry for 3 h") == "pending_entry for 3 h"
    assert sentence("") == ""


def test_many_names_are_cut_short() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(number) for number in range(7)]) == "0, 1, 2, 3, 4 and 2 more"
