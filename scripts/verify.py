"""`verify`: whether everything that is stored agrees with the events, and the events with their hashes."""

from __future__ import annotations

import click

from infrastructure.verify import verify
from scripts.cli import REFUSED
from scripts.options import database_option, json_option, open_ledger
from scripts.output import print_json, progress


@click.command("verify")
@database_option
@json_option
def command(database: str | None, *, as_json: bool) -> None:
    """Check every hash, version, event and row; name whatever does not fit, and exit with 1.

    \b
    Examples:
      position-ledger verify
      position-ledger verify --json
    """  # noqa: D301 - click reads \b
    with open_ledger(database) as ledger, progress("verifying", ledger.store.count_events()) as advance:
        report = verify(ledger.store, advance)
    if as_json:
        print_json(report.as_json())
    else:
        for finding in report.findings:
            click.echo(f"{finding.kind}: {finding.where}: {finding.message}")
        outcome = "all of it holds" if report.ok else f"{len(report.findings):,} findings"
        click.echo(f"{report.events:,} events in {report.streams:,} streams, {report.rows:,} rows: {outcome}")
    if not report.ok:
        raise SystemExit(REFUSED)
