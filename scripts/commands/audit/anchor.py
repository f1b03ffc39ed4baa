"""`anchor`: a digest of everything so far, to be kept elsewhere."""

from __future__ import annotations

import click

from infrastructure.integrity.anchor import make_anchor
from scripts.options.database import database_option, open_ledger
from scripts.output import print_json, progress


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
    with open_ledger(database) as ledger, progress("anchoring", ledger.store.count_events()) as advance:
        anchor = make_anchor(ledger.store, advance)
    print_json(anchor.as_json())
