"""`anchor`: print a digest of everything that is recorded, to be kept elsewhere."""

from __future__ import annotations

import click

from infrastructure.integrity.anchor import make_anchor
from projections.formatting import counted
from scripts.options.database import database_option
from scripts.output import progress, say
from scripts.replica_place import print_read, reading, with_place


@click.command("anchor")
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON; an anchor is never printed otherwise.")
def command(database: str | None, *, as_json: bool) -> None:
    """Print an anchor of everything that is recorded. Kept elsewhere, it proves that nothing before it was changed.

    \b
    Examples:
      position-ledger anchor > anchor-2025-10-22.json
      position-ledger verify --anchor anchor-2025-10-22.json
    """
    del as_json
    with reading(database) as (ledger, place), progress("anchoring", ledger.store.count_events()) as advance:
        anchor = make_anchor(ledger.store, advance)
    if place is not None:
        say(with_place(f"anchored {counted(anchor.events, 'event')}", place))
    print_read(place, anchor.as_json())
