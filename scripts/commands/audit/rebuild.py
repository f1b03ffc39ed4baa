"""`rebuild`: rebuild the positions table and every other projection from the events."""

from __future__ import annotations

import click

from infrastructure.ledger.projector import Projector
from projections.projection import PROJECTIONS
from scripts.options.database import database_option, json_option, open_ledger
from scripts.options.processes import processes_for, processes_option
from scripts.output import print_json, progress, show


@click.command("rebuild")
@database_option
@json_option
@processes_option
def command(database: str | None, processes: int | None, *, as_json: bool) -> None:
    """Compute the positions table and every other projection anew from the events, beside what is read until then.

    Bots may go on meanwhile. An interrupted rebuild has changed nothing, and can be run again.

    \b
    Examples:
      position-ledger rebuild
      position-ledger rebuild --json
    """
    with open_ledger(database) as ledger:
        events = ledger.store.count_events()
        with progress("rebuilding positions", events) as advance:
            done = {"positions": ledger.rebuild(advance, processes=processes or processes_for(events))}
        for projection in PROJECTIONS:
            with progress(f"rebuilding {projection.name}", events) as advance:
                done[projection.name] = Projector(ledger.store, projection).rebuild(advance)
    if as_json:
        positions = done.pop("positions")
        print_json({**positions.as_json(), "projections": {name: each.as_json() for name, each in done.items()}})
        return
    for name, each in done.items():
        rows = name if name == "positions" else f"rows of {name}"
        show(f"{each.events:,} events folded into {each.rows:,} {rows}; {each.differences:,} rows were wrong")
