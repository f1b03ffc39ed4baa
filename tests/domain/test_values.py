from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, Inexact, localcontext
from enum import Enum
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.values import (
    EXACT,
    OPEN_STATUSES,
    JsonFloat,
    Side,
    Status,
    exact,
    identifier,
    plain,
    rounded,
    seconds,
    timestamp_text,
    total_of,
    utc,
)
from tests.strategies import MOMENTS, NOT_NUMBERS, numbers


class Rounded(Decimal):
    """A price as some programs print it."""

    def __str__(self) -> str:
        return f"{self:.1f}"


class Kind(int, Enum):
    FIRST = 1


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("61.8", "61.8"),
        (Rounded("61.849"), "61.849"),
        (Kind.FIRST, "1"),
        (" 61.80 ", "61.8"),
        (Decimal("61.800"), "61.8"),
        (61, "61"),
        ("+1.", "1"),
        (".5", "0.5"),
        ("3.544E-4", "0.0003544"),
        ("1e17", "1" + "0" * 17),
        ("0e5", "0"),
        ("-0.00", "0"),
        ("0." + "0" * 30, "0"),
        ("0." + "0" * 17 + "1", "0." + "0" * 17 + "1"),
        ("9" * 18 + "." + "9" * 18, "9" * 18 + "." + "9" * 18),
    ],
)
def test_a_number_is_kept_as_it_was_meant(sent: object, kept: str) -> None:
    assert plain(exact(sent)) == kept


def test_a_whole_number_is_an_id_by_its_digits_however_its_class_prints_it() -> None:
    assert [identifier(sent) for sent in (Kind.FIRST, 1, "1")] == ["1", "1", "1"]


def test_a_program_that_traps_every_rounding_may_import_the_ledger() -> None:
    trap = "import decimal; decimal.setcontext(decimal.Context(prec=1, traps=[decimal.Rounded, decimal.Inexact]))"
    imports = "import position_ledger, position_ledger.testing, position_ledger.trading"
    subprocess.run([sys.executable, "-c", f"{trap}; {imports}"], check=True)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (61.8, 'send the text "61.8"'),
        (1e-7, 'send the text "0.0000001"'),
        (JsonFloat("61.80"), 'send the text "61.80"'),
        (JsonFloat("0.1000000000000000055511151231257827"), '"0.1000000000000000055511151231257827"'),
        (float("nan"), "leave the field out"),
        (float("inf"), "leave the field out"),
        ("NaN", "not a finite number"),
        ("Infinity", "not a finite number"),
        (Decimal("-Infinity"), "not a finite number"),
        ("", "not a finite number"),
        ("61,8", "not a finite number"),
        ("1_000", "not a finite number"),
        ("6٣", "not a finite number"),
        (True, "not a number"),
        (None, "not a number"),
        ([], "not a number"),
        ("1e18", "absurdly large"),
        ("-1e18", "absurdly large"),
        ("1e999", "absurdly large"),
        ("1e-19", "absurdly small"),
        ("0." + "1" * 19, "more than 18 decimals"),
    ],
)
def test_what_is_not_an_exact_number_is_refused_with_what_would_be(sent: object, words: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the words are compared as text
        exact(sent)
    assert words in str(refused.value)


@given(NOT_NUMBERS)
def test_no_float_no_nan_and_nothing_absurd_is_ever_a_number(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are in the examples above
        exact(value)


SIGNED = numbers() | numbers().map(Decimal.copy_negate) | st.just(Decimal(0))


@given(SIGNED)
def test_every_number_is_read_back_exactly(number: Decimal) -> None:
    assert exact(plain(number)) == number
    assert plain(exact(plain(number))) == plain(number)


def test_a_sum_is_exact_whatever_the_caller_rounds_to() -> None:
    parts = [Decimal("9999999999.000000000000000001"), Decimal("0.000000000000000001"), Decimal("-0.5")]
    for precision in (28, 3):
        with localcontext() as context:
            context.prec = precision
            assert total_of(parts) == Decimal("9999999998.500000000000000002")
            assert seconds(timedelta(days=400, microseconds=1)) == Decimal("34560000.000001")
    assert total_of([]) == 0


@example("61.80")
@example("-0")
@example("1" * 19)
@given(st.from_regex(r"[-+]?[0-9]{0,20}[.]?[0-9]{0,20}(e[0-9])?", fullmatch=True))
def test_a_number_means_the_same_with_blanks_around_it(text: str) -> None:
    assert outcome(text) == outcome(f" {text} ")


def outcome(sent: str) -> str:
    try:
        return repr(exact(sent))
    except ValueError as refusal:
        return str(refusal)


@given(SIGNED, st.integers(1, 6))
def test_a_bot_that_rounds_its_own_numbers_does_not_round_ours(number: Decimal, precision: int) -> None:
    text = plain(number)
    with localcontext() as context:
        context.prec, context.traps[Inexact] = precision, True
        assert plain(exact(text)) == plain(exact(number)) == text
        assert plain(rounded(number)) == text


@given(SIGNED)
def test_a_number_is_written_without_exponent_padding_or_minus_zero(number: Decimal) -> None:
    text = plain(number)
    assert "e" not in text.lower()
    assert text == "0" or text.lstrip("-")[0] != "0" or text.lstrip("-").startswith("0.")
    assert "." not in text or text[-1] not in "0."
    assert text != "-0"


@given(st.integers(-(10**20), 10**20), st.integers(-30, 30))
def test_the_text_of_a_number_follows_from_its_value_alone(digits: int, exponent: int) -> None:
    number = Decimal(digits).scaleb(exponent, EXACT)
    text = plain(number)
    assert "E" not in text
    assert Decimal(text) == number
    assert plain(Decimal(f"{text}.0" if "." not in text else f"{text}0")) == text


def test_rounding_is_half_to_even_at_18_decimals() -> None:
    tiny = Decimal("1E-18")
    assert [rounded(tiny * Decimal(n) / 2) for n in (1, 3, 5)] == [0, 2 * tiny, 2 * tiny]
    assert rounded(Decimal(10) ** 30 + tiny / 4) == Decimal(10) ** 30


@example(Decimal("1E+3"))
@example(Decimal("-0E-20"))
@given(SIGNED)
def test_a_rounded_number_is_spelled_as_it_is_written(number: Decimal) -> None:
    kept = rounded(number)
    assert str(kept) == str(Decimal(plain(kept)))


class Timestamp(datetime):
    """A time of another library, such as pandas; every time that is made of it is one, too."""


class Nowhere(tzinfo):
    """A zone that does not say how far it is from UTC."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    def dst(self, _: datetime | None) -> None:
        return None

    def tzname(self, _: datetime | None) -> str:
        return "nowhere"


@pytest.mark.parametrize(
    "sent",
    [
        "2025-10-22T18:50:40.981819Z",
        "2025-10-22 18:50:40.981819+00:00",
        "2025-10-22T22:50:40.981819+04:00",
        " 20251022T185040.981819Z ",
        datetime(2025, 10, 22, 21, 50, 40, 981819, tzinfo=timezone(timedelta(hours=3))),
        Timestamp(2025, 10, 22, 21, 50, 40, 981819, tzinfo=timezone(timedelta(hours=3))),
        Timestamp(2025, 10, 22, 18, 50, 40, 981819, tzinfo=UTC),
    ],
)
def test_a_time_is_turned_to_utc(sent: object) -> None:
    assert timestamp_text(utc(sent)) == "2025-10-22T18:50:40.981819Z"
    assert type(utc(sent)) is datetime


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("2025-10-22T22:50:40.981819", "names no zone"),
        (datetime(2025, 10, 22, 21, 50, 40), "names no zone"),  # noqa: DTZ001 - that is the point
        (datetime(2025, 10, 22, 21, 50, 40, tzinfo=Nowhere()), "names no zone"),
        ("2025-10-22", "names no zone"),
        ("yesterday", "is not a time"),
        ("", "is not a time"),
        (1761159040, "is not a time"),
        (None, "is not a time"),
    ],
)
def test_a_time_without_a_zone_is_refused(sent: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        utc(sent)


@pytest.mark.parametrize("sent", ["2025-10-22", "2025-10-22T18:50", "2025-10-22 18:50:40"])
def test_a_time_without_a_zone_is_told_what_to_write_instead(sent: str) -> None:
    with pytest.raises(ValueError, match="names no zone; write ") as refused:
        utc(sent)
    written = re.search("write (.*) if it is UTC", str(refused.value))
    assert written is not None and utc(written[1]).replace(tzinfo=None) == datetime.fromisoformat(sent)


@pytest.mark.parametrize("sent", ["0001-01-01T00:00:00+04:00", "9999-12-31T23:59:59-04:00"])
def test_a_time_that_utc_cannot_say_is_refused(sent: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        utc(sent)


@given(st.datetimes(timezones=st.just(UTC)))
@example(datetime(1, 1, 1, tzinfo=UTC))
def test_a_time_is_written_at_fixed_width(moment: datetime) -> None:
    assert timestamp_text(moment) == f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


@pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=1)), timezone(timedelta(seconds=30))])
def test_a_time_that_is_not_in_utc_is_not_written(zone: timezone | None) -> None:
    with pytest.raises(AssertionError, match="is not in UTC"):
        timestamp_text(datetime(2025, 10, 22, tzinfo=zone))


@given(MOMENTS)
def test_every_time_is_read_back_exactly(moment: datetime) -> None:
    assert utc(timestamp_text(moment)) == moment


@given(st.lists(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)), min_size=2, max_size=5))  # noqa: DTZ001 - hypothesis wants it so
def test_the_order_of_written_times_is_the_order_of_times(moments: list[datetime]) -> None:
    assert sorted(map(timestamp_text, moments)) == [timestamp_text(moment) for moment in sorted(moments)]


def test_the_open_statuses_are_the_five_that_hold_the_slot() -> None:
    assert [status.value for status in Status if status.is_open] == [
        "pending_entry",
        "entry_placed",
        "pending_sl",
        "active",
        "rolling_back",
    ]
    assert len(OPEN_STATUSES) == 5


def test_a_long_is_closed_by_a_sell_and_a_short_by_a_buy() -> None:
    assert [(side.value, side.closing_order, side.sign) for side in Side] == [("long", "sell", 1), ("short", "buy", -1)]


@pytest.mark.parametrize(
    ("side", "stop", "entry", "loses"),
    [
        (Side.LONG, "99.99", "100", True),
        (Side.LONG, "100", "100", False),
        (Side.LONG, "100.01", "100", False),
        (Side.SHORT, "100.01", "100", True),
        (Side.SHORT, "100", "100", False),
        (Side.SHORT, "99.99", "100", False),
    ],
)
def test_a_long_loses_below_its_entry_and_a_short_above_it(side: Side, stop: str, entry: str, *, loses: bool) -> None:
    assert side.loses_at(Decimal(stop), Decimal(entry)) is loses
