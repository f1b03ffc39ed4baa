"""`verify`: check that all rows agree with the events, and that the events agree with their hashes."""

from __future__ import annotations

from dataclasses import replace
from typing import IO, Final

import click

from infrastructure.integrity.anchor import Anchor, check_anchor
from infrastructure.integrity.verify import verify
from scripts.cli import REFUSED
from scripts.options.database import database_option, json_option, open_ledger
from scripts.options.processes import processes_for, processes_option
from scripts.output import print_json, progress, say, show

_REFUSALS_UNCHECKED: Final = (
    "refused duplicates: this anchor, of an earlier version or of a replica, does not cover them"
)


@click.command("verify")
@database_option
@json_option
@click.option("--anchor", "anchor_file", type=click.File("rb"), help="Also compare with an earlier anchor.")
@processes_option
def command(database: str | None, anchor_file: IO[bytes] | None, processes: int | None, *, as_json: bool) -> None:
    """Check every hash, version, event and row; name everything that is wrong, and exit with 1.

    Hashes show changes inside a stream. Only an anchor that was kept elsewhere shows that the end of a stream was not
    cut off, and that no stream was added or removed.

    \b
    Examples:
      position-ledger verify
      position-ledger verify --json
      position-ledger verify --anchor anchor-2025-10-22.json
    """
    with open_ledger(database) as ledger:
        events = ledger.store.count_events()
        with progress("verifying", events) as advance:
            report = verify(ledger.store, advance, processes=processes or processes_for(events))
            if anchor_file is not None:
                anchor = Anchor.read(anchor_file.read())
                found = check_anchor(ledger.store, anchor)
                unchecked = (_REFUSALS_UNCHECKED,) * (anchor.refusals is None)
                report = replace(report, findings=(*report.findings, *found), unchecked=(*report.unchecked, *unchecked))
    for unchecked_part in report.unchecked:
        say(f"note: not checked: {unchecked_part}")
    if as_json:
        print_json(report.as_json())
    else:
        for finding in report.findings:
            show(f"{finding.kind}: {finding.where}: {finding.message}")
        show(report.says)
    if not report.ok:
        raise SystemExit(REFUSED)
