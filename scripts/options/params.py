"""The types of options: how a word of the command line is read; a wrong word is a usage error that names the option."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from domain.identifiers import normalized_account
from domain.symbols.spelling import normalized_symbol, written_symbol
from domain.symbols.venues import normalized_exchange
from domain.values import utc
from infrastructure.timezones import zone_of


class ReadAs(click.types.StringParamType):
    """An option that a function reads; a value that is no text, as a default may be, stays as it is."""

    def __init__(self, read: Callable[[str], object]) -> None:
        """`read` refuses with ValueError."""
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it. Refuses: a usage error."""
        try:
            return self._read(value) if isinstance(value, str) else value
        except ValueError as wrong:
            return self.fail(str(wrong), param, ctx)


class NumberRange(click.FloatRange):
    """A number within bounds; nan is refused, because it is neither below nor above any bound."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it. Refuses: a usage error."""
        number = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value!r} is not a number", param, ctx)


@contextmanager
def refused_as(source: str) -> Iterator[None]:
    """Turn a ValueError into a usage error that names the option, variable or file with the wrong value."""
    try:
        yield
    except ValueError as wrong:
        raise click.UsageError(f"{source}: {wrong}") from None


def _reason(text: str) -> str:
    if not text.strip():
        raise ValueError("it says nothing, and a year later somebody will ask")
    return text.strip()


SYMBOL: Final = ReadAs(normalized_symbol)
WRITTEN_SYMBOL: Final = ReadAs(written_symbol)
EXCHANGE: Final = ReadAs(normalized_exchange)
ACCOUNT: Final = ReadAs(lambda text: normalized_account(text) or "")
"""A blank one is the account without a name, which is another answer than none."""
REASON: Final = ReadAs(_reason)
TIME: Final = ReadAs(utc)
ZONE: Final = ReadAs(zone_of)

HOURS: Final = NumberRange(min=0, max=1_000_000)
"""At most 114 years, so that the calendar has every time that is so many hours ago."""

SECONDS_MAX: Final = 1_000_000_000
