"""Options that most commands share, and how a command opens the ledger."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from infrastructure.ledger.as_of import TimeAxis
from infrastructure.ledger.ledger import PositionLedger

Run = TypeVar("Run", bound=Callable[..., Any])


class NumberRange(click.FloatRange):
    """A number within bounds; nan, which is neither below nor above any bound, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it. Refuses: a usage error."""
        number = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value!r} is not a number", param, ctx)


HOURS: Final = NumberRange(min=0, max=1_000_000)
"""More than a hundred years: before that, a clock has no times."""

SECONDS_MAX: Final = 1_000_000_000


def _or_the_one_before(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    return value if value is not None else ctx.obj


def database_option(run: Run) -> Run:
    """`--database URL`, also understood before the command."""
    return click.option(
        "--database",
        metavar="URL",
        callback=_or_the_one_before,
        help="The ledger: sqlite:///FILE.db (four slashes before an absolute path) or postgresql://USER@HOST/NAME, "
        "with ?timeout=SECONDS, &schema=NAME.  [default: LEDGER_DATABASE_URL, else sqlite:///ledger.db]",
    )(run)


def json_option(run: Run) -> Run:
    """`--json`, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of a table.")(run)


def by_option(run: Run) -> Run:
    """`--by AXIS`: on which clock `--as-of` is read."""
    return click.option(
        "--by",
        type=click.Choice([axis.value for axis in TimeAxis]),
        default=TimeAxis.RECORDED.value,
        show_default=True,
        help="What --as-of goes by: what had been recorded by then, or (a time alone) what had happened by then as "
        "far as the ledger knows today.",
    )(run)


def html_option(run: Run) -> Run:
    """`--html FILE`, for a page."""
    return click.option(
        "--html",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write a page that opens in any browser and needs no network; it replaces what the file held.",
    )(run)


def open_ledger(database: str | None) -> PositionLedger:
    """Open a ledger that is there. Refuses: SchemaMismatch, naming `init`, when it is not."""
    return PositionLedger.connect(database, create=False)
