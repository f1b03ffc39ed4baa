"""What several commands are asked in the same words, and how they open the ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from infrastructure.ledger import PositionLedger

Run = TypeVar("Run", bound=Callable[..., Any])


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


def open_ledger(database: str | None) -> PositionLedger:
    """Open a ledger that is there. Refuses: SchemaMismatch, naming `init`, when it is not."""
    return PositionLedger.connect(database, create=False)
