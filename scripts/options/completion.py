"""Completion of an id in a shell: the keys and positions of the ledger that begin with it."""

from __future__ import annotations

from typing import Final

import click

from domain.errors import LedgerError
from scripts.options.database import open_ledger

OFFERED_MAX: Final = 200


def places(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Keys and position ids, newest first; none while the ledger cannot be read, as a shell cannot show an error."""
    before = ctx.parent.params.get("database") if ctx.parent is not None else None
    try:
        with open_ledger(ctx.params.get("database") or before) as ledger:
            rows = list(ledger.store.listed())
    except LedgerError:
        return []
    names = dict.fromkeys(name for row in reversed(rows) for name in (row.position_id, row.stream))
    return [name for name in names if name.startswith(incomplete)][:OFFERED_MAX]
