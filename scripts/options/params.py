"""What a word on the command line is read as; a word that is no such thing is a usage error that names its option."""

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
    """Whatever a function reads; what is read already, as a default may be, stays as it is."""

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
    """A number within bounds; nan, which is neither below nor above any bound, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it. Refuses: a usage error."""
        number = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value!r} is not a number", param, ctx)


@contextmanager
def refused_as(source: str) -> Iterator[None]:
    """Turn a ValueError into a usage error that names the option, variable or file that the value is from."""
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
ACCOUNT: Final = ReadAs(normalized_account)
REASON: Final = ReadAs(_reason)
TIME: Final = ReadAs(utc)
ZONE: Final = ReadAs(zone_of)

HOURS: Final = NumberRange(min=0, max=1_000_000)
"""More than a hundred years: before that, a clock has no times."""

SECONDS_MAX: Final = 1_000_000_000
