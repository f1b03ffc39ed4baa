"""`rebuild`: fold the positions table anew."""

from __future__ import annotations

import click

from scripts.options import database_option, json_option, open_ledger
from scripts.output import print_json, progress


@click.command("rebuild")
@database_option
@json_option
def command(database: str | None, *, as_json: bool) -> None:
    """Fold the positions table anew from the events, beside the old one, and let it take its place.

    Bots may go on meanwhile. Stopped half-way, it has changed nothing and can simply be run again.

    \b
    Examples:
      position-ledger rebuild
      position-ledger rebuild --json
    """  # noqa: D301 - click reads \b
    with open_ledger(database) as ledger, progress("rebuilding", ledger.store.count_events()) as advance:
        done = ledger.rebuild(advance)
    if as_json:
        print_json({"events": done.events, "rows": done.rows, "differences": done.differences})
    else:
        click.echo(f"{done.events:,} events folded into {done.rows:,} positions; {done.differences:,} rows were wrong")
