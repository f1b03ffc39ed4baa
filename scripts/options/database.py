"""Options that most commands share, and how a command opens the ledger."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from infrastructure.database_url import without_password
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.as_of import TimeAxis
from projections.health.checks import name_ledger
from scripts.options.params import ZONE

Run = TypeVar("Run", bound=Callable[..., Any])


def _else_before_command(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    if value is not None and ctx.obj not in (None, value):
        ctx.fail("--database is there before the command and after it, and names two ledgers; say it once")
    url: str | None = value if value is not None else ctx.obj
    name_ledger(None if url is None else without_password(url))
    ctx.find_root().call_on_close(partial(name_ledger, None))
    return url


def database_option(run: Run) -> Run:
    """`--database URL`, which may also stand before the command."""
    return click.option(
        "--database",
        metavar="URL",
        callback=_else_before_command,
        help="The ledger: sqlite:///FILE.db (four slashes before an absolute path) or postgresql://USER@HOST/NAME, "
        "with ?timeout=SECONDS, &schema=NAME.  [default: LEDGER_DATABASE_URL, else sqlite:///ledger.db]",
    )(run)


def json_option(run: Run) -> Run:
    """`--json`, for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of a table.")(run)


def timezone_option(run: Run) -> Run:
    """`--timezone ZONE`, for what is read from a file."""
    return click.option(
        "--timezone",
        "zone",
        metavar="ZONE",
        type=ZONE,
        help="The time zone of times that name none: a name (Europe/Moscow) or an offset (+04:00).",
    )(run)


def by_option(run: Run) -> Run:
    """`--by AXIS`: on which clock `--as-of` is read."""
    return click.option(
        "--by",
        type=click.Choice([axis.value for axis in TimeAxis]),
        default=TimeAxis.RECORDED.value,
        show_default=True,
        help="The clock of --as-of: what had been recorded by then, or (for a time only) what had happened by then as "
        "far as the ledger knows today.",
    )(run)


def html_option(run: Run) -> Run:
    """`--html FILE`, for a page."""
    return click.option(
        "--html",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write a page that opens in any browser and needs no network; an older file is replaced.",
    )(run)


def open_ledger(database: str | None) -> PositionLedger:
    """Open a ledger that exists. Refuses: SchemaMismatch, whose message names `init`, when it does not."""
    return PositionLedger.connect(database, create=False)
