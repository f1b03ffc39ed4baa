"""Reading numbers that other programs wrote, and what is doubtful about them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.values import exact, plain
from infrastructure.amounts import Amount, AmountDoubt, doubt_of, read_amount


@pytest.mark.parametrize(
    ("text", "number", "doubt"),
    [
        ("61.80000000", "61.8", None),
        ("0.20000000000000000000000000", "0.2", None),
        ("-5", "-5", None),
        ("1e-8", "0.00000001", None),
        ("1E+2", "100", None),
        (".5", "0.5", None),
        ("-0.0", "0", None),
        (
            "-0.23789999999999999147348717634420609101653099060058593750",
            "-0.237899999999999991",
            AmountDoubt.LONG_DECIMAL,
        ),
        ("0.0000000000000000005", "0", AmountDoubt.LONG_DECIMAL),
        ("0.0000000000000000006", "0.000000000000000001", AmountDoubt.LONG_DECIMAL),
        ("0.0000000000000000015", "0.000000000000000002", AmountDoubt.LONG_DECIMAL),
        ("0.0000000000000000025", "0.000000000000000002", AmountDoubt.LONG_DECIMAL),
        ("1e-999999999", "0", AmountDoubt.LONG_DECIMAL),
        ("NaN", None, AmountDoubt.NOT_FINITE),
        ("-Infinity", None, AmountDoubt.NOT_FINITE),
        ("1e999999999", None, AmountDoubt.UNREADABLE_NUMBER),
        ("1000000000000000000", None, AmountDoubt.UNREADABLE_NUMBER),
        ("1_000", None, AmountDoubt.UNREADABLE_NUMBER),
        ("\u0661", None, AmountDoubt.UNREADABLE_NUMBER),
        ("1,5", None, AmountDoubt.UNREADABLE_NUMBER),
        ("0x10", None, AmountDoubt.UNREADABLE_NUMBER),
        ("", None, AmountDoubt.UNREADABLE_NUMBER),
    ],
)
def test_a_number_is_read_exactly_or_its_doubt_is_named(
    text: str, number: str | None, doubt: AmountDoubt | None
) -> None:
    assert read_amount(text) == Amount(None if number is None else Decimal(number), doubt)


@given(st.decimals() | st.text(max_size=30) | st.from_regex(r"[+-]?\d{1,30}\.\d{1,60}(e[+-]?\d{1,4})?", fullmatch=True))
def test_whatever_is_read_can_be_kept(value: object) -> None:
    amount = read_amount(str(value))
    if amount.number is not None:
        assert exact(plain(amount.number)) == amount.number


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("0.1234567890123456789", AmountDoubt.LONG_DECIMAL),
        ("-.1234567890123456789", AmountDoubt.LONG_DECIMAL),
        ("0.12345678901234567800", None),
        ("0.123456789012345678", None),
        ("12345678901234567890123", None),
        ("nan", AmountDoubt.NOT_FINITE),
        ("target at 0.1234567890123456789", None),
    ],
)
def test_a_column_that_is_not_used_is_looked_at_all_the_same(text: str, doubt: AmountDoubt | None) -> None:
    assert doubt_of(text) is doubt
