"""`verify`: whether everything that is stored agrees with the events, and the events with their hashes."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import IO, Final

import click

from infrastructure.integrity.anchor import Anchor, check_anchor
from infrastructure.integrity.verify import verify
from scripts.cli import REFUSED
from scripts.options.database import database_option, json_option, open_ledger
from scripts.output import print_json, progress, say, show

_PROCESSES_MAX: Final = 4
_EVENTS_EACH: Final = 50_000
"""What is read in the time in which a process starts, and some more."""

_REFUSALS_UNCHECKED: Final = (
    "refused duplicates: this anchor, of an earlier version or of a replica, does not cover them"
)


def _processes(events: int) -> int:
    return min(_PROCESSES_MAX, os.cpu_count() or 1, 1 + events // _EVENTS_EACH)


@click.command("verify")
@database_option
@json_option
@click.option("--anchor", "anchor_file", type=click.File("rb"), help="Also compare with what `anchor` printed then.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="How many share the streams of a PostgreSQL ledger; else as many as there are processors, at most 4, and one "
    "for a small ledger.",
)
def command(database: str | None, anchor_file: IO[bytes] | None, processes: int | None, *, as_json: bool) -> None:
    """Check every hash, version, event and row; name whatever does not fit, and exit with 1.

    Hashes show what was changed inside a stream. That its end was not cut off, and no stream was added or removed,
    only an anchor can show that was kept elsewhere.

    \b
    Examples:
      position-ledger verify
      position-ledger verify --json
      position-ledger verify --anchor anchor-2025-10-22.json
    """
    with open_ledger(database) as ledger:
        events = ledger.store.count_events()
        with progress("verifying", events) as advance:
            report = verify(ledger.store, advance, processes=processes or _processes(events))
            if anchor_file is not None:
                anchor = Anchor.read(anchor_file.read())
                found = check_anchor(ledger.store, anchor)
                unchecked = (_REFUSALS_UNCHECKED,) * (anchor.refusals is None)
                report = replace(report, findings=(*report.findings, *found), unchecked=(*report.unchecked, *unchecked))
    for each in report.unchecked:
        say(f"note: not checked: {each}")
    if as_json:
        print_json(report.as_json())
    else:
        for finding in report.findings:
            show(f"{finding.kind}: {finding.where}: {finding.message}")
        outcome = "all of it holds" if report.ok else f"{len(report.findings):,} findings"
        show(f"{report.events:,} events in {report.streams:,} streams, {report.rows:,} rows: {outcome}")
    if not report.ok:
        raise SystemExit(REFUSED)
