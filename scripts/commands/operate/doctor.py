"""`doctor`: check that a server gives the guarantees that a ledger relies on."""

from __future__ import annotations

import click

from infrastructure.settings import Settings
from scripts.cli import REFUSED
from scripts.options.database import database_option, json_option
from scripts.output import print_json, progress, show
from scripts.signals import terminable


@click.command("doctor")
@click.option(
    "--strict", is_flag=True, help="Let warnings fail as well: no acknowledged command may be lost with one machine."
)
@database_option
@json_option
def command(database: str | None, *, strict: bool, as_json: bool) -> None:
    """Ask a PostgreSQL server to prove what a ledger needs: each guarantee is tried, in a schema that is dropped.

    Run it before you keep a ledger on a server, an engine or a proxy that is new to you. It does not read or change an
    existing ledger, and leaves nothing behind.

    Exit code 0 when all of it is proven (a warning is no failure without --strict), 1 when something is not, 2 for
    usage, 3 when the database could not be reached.

    \b
    Examples:
      position-ledger doctor --database postgresql://owner@db.example/trading
      position-ledger doctor --database postgresql://owner@db.example/trading --strict --json
    """
    settings = Settings.read(database)
    if settings.kind == "sqlite":
        raise click.UsageError(
            "an SQLite file has no server that could be asked; `position-ledger diagnose` says what to know of it"
        )
    from infrastructure.operations.proof.doctor import examined  # noqa: PLC0415 - a file needs none of it
    from infrastructure.operations.proof.guarantee import Verdict  # noqa: PLC0415 - as above

    with terminable(), progress("proving") as advance:
        found = examined(settings, advance)
    if as_json:
        print_json(found.as_json())
    else:
        show(f"{found.server}, {found.database}")
        for each in found.checks:
            show(f"{each.verdict.value:8}  {each.check:23}  {each.evidence}")
            if each.advice is not None:
                show(f"{'':12}next: {each.advice}")
    if not found.ok or (strict and any(each.verdict is Verdict.WARNING for each in found.checks)):
        raise SystemExit(REFUSED)
