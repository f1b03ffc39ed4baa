"""The types of options: which words are read, which are refused, and which are left as they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import click
import pytest

from scripts.options.params import ACCOUNT, EXCHANGE, REASON, SYMBOL, TIME, ZONE, NumberRange

AT = datetime(2025, 10, 22, 18, 50, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "word", "meaning"),
    [
        (SYMBOL, "apt/usdt:usdt", "APTUSDT"),
        (EXCHANGE, "Binance", "binance"),
        (ACCOUNT, "hedge", "hedge"),
        (TIME, "2025-10-22T22:50:40+04:00", AT),
        (ZONE, "+04:00", timezone(timedelta(hours=4))),
        (REASON, " checked by hand\n", "checked by hand"),
        (NumberRange(0, 5), "2.5", 2.5),
    ],
)
def test_a_word_is_read(kind: click.ParamType[Any], word: str, meaning: object) -> None:
    assert kind.convert(word, None, None) == meaning


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (SYMBOL, ""),
        (EXCHANGE, "a b"),
        (ACCOUNT, "#1"),
        (TIME, "2025-10-22T18:50:40"),
        (TIME, "soon"),
        (ZONE, "Mars/Olympus"),
        (REASON, " \n"),
        (NumberRange(0, 5), "nan"),
        (NumberRange(0, 5), "6"),
    ],
)
def test_what_is_no_such_word_names_its_option(kind: click.ParamType[Any], word: str) -> None:
    option = click.Option(["--asked"], type=kind)
    with pytest.raises(click.BadParameter) as refused:
        option.type_cast_value(click.Context(click.Command("any")), word)
    assert "'--asked'" in refused.value.format_message()


def test_what_is_read_already_stays_as_it_is() -> None:
    assert TIME.convert(AT, None, None) is AT
