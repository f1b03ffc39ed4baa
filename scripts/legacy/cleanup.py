"""`cleanup`: repair what an old bot left behind, in a legacy table before the cut-over, or in a ledger."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from infrastructure.ledger_clock import now
from infrastructure.legacy.cleanup.evidence import CleanupEvidence
from infrastructure.legacy.cleanup.plan import Mode
from infrastructure.legacy.source.raw import UnreadableDump
from projections.reconciliation.compare import CORRECTING_AGE_MAX
from scripts.cli import REFUSED
from scripts.legacy.cleaning.in_ledger import InLedger
from scripts.legacy.cleaning.legacy_table import InLegacyTable, default_backup
from scripts.legacy.source_options import from_option, table_option
from scripts.options.confirm import confirm_options
from scripts.options.database import database_option, json_option, open_ledger
from scripts.options.filters import Filter, filter_options
from scripts.options.params import HOURS
from scripts.options.snapshots import SnapshotOptions, confirmations_option, exact_times, snapshot_options
from scripts.output import print_json

AGE_HOURS: Final = 1.0


@click.command("cleanup")
@click.option(
    "--mode",
    required=True,
    type=click.Choice([mode.value for mode in Mode]),
    help="What to look for; all means each of them in turn.",
)
@confirm_options("Do it", "in every event, or in the backup")
@click.option(
    "--age",
    "age_hours",
    metavar="HOURS",
    default=AGE_HOURS,
    show_default=True,
    type=HOURS,
    help="How old an incomplete entry must be.",
)
@snapshot_options
@confirmations_option
@from_option
@table_option
@click.option(
    "--backup",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file for a backup of the legacy rows, written before they are changed.  [default: cleanup-TIME.json]",
)
@click.option("--no-backup", is_flag=True, help="Change legacy rows without a backup.")
@filter_options
@database_option
@json_option
def command(
    *,
    mode: str,
    reason: str | None,
    age_hours: float,
    shown: SnapshotOptions,
    confirmations: int,
    url: str | None,
    table: str | None,
    backup: Path | None,
    no_backup: bool,
    wanted: Filter,
    database: str | None,
    as_json: bool,
) -> None:
    """Find what an old bot left behind, say what would be done about it and why, and with --confirm do it.

    duplicates: several open rows of one key. incomplete: entries begun long ago and never ended. orphaned-db: open in
    the books, not at the exchange. orphaned-ex: at the exchange, not in the books. The last two need a --snapshot.

    With --from, rows of a legacy table are changed in one transaction, after a backup, and only if nobody has changed
    them since they were read. Otherwise the ledger is cleaned up by commands with source operator. Nothing is ever
    deleted.

    Exit code 0 when nothing is left to do, 1 when something is, 2 for usage, 3 when a database could not be reached.

    \b
    Examples:
      position-ledger cleanup --mode duplicates --from postgresql://bot@localhost/trading
      position-ledger cleanup --mode all --from postgresql://bot@localhost/trading --snapshot binance.json
      position-ledger cleanup --mode incomplete --age 6 --snapshot binance.json --confirm --reason "after the crash"
      position-ledger cleanup --mode orphaned-db --snapshot 12-00.json --snapshot 12-02.json --json
    """
    chosen = Mode(mode)
    if chosen.needs_snapshot and not shown.files:
        raise click.UsageError(f"--mode {mode} needs --snapshot FILE: only the exchange knows what it holds")
    _check_where(url, table, backup, wanted, no_backup=no_backup)
    snapshots = shown.read(wanted) if shown.files or url is None else []
    if reason is not None:
        exact_times(snapshots)
    age, at, rules = timedelta(hours=age_hours), now(), shown.rules(wanted, confirmations)
    if url is not None:
        evidence = CleanupEvidence(tuple(snapshots), at, rules.age_max or CORRECTING_AGE_MAX, shown.trust_empty)
        legacy = InLegacyTable(url, table, shown.zone, chosen, age, evidence, wanted)
        try:
            cleaning = legacy.clean(reason, None if no_backup else backup or default_backup(at))
        except UnreadableDump as wrong:
            raise click.UsageError(f"--from: {wrong}") from None
    else:
        with open_ledger(database) as ledger:
            cleaning = InLedger(ledger, chosen, age, snapshots, rules, wanted, at).clean(reason)
    if as_json:
        print_json({"mode": mode, **cleaning.as_json()})
    else:
        cleaning.print()
    if not cleaning.is_clean:
        raise SystemExit(REFUSED)


def _check_where(url: str | None, table: str | None, backup: Path | None, wanted: Filter, *, no_backup: bool) -> None:
    if url is None and (table or backup or no_backup):
        raise click.UsageError("--table, --backup and --no-backup are for a legacy table: say where it is with --from")
    if url is not None and wanted.account:
        raise click.UsageError("--account is for a ledger: a legacy table knows no accounts")
    if backup and no_backup:
        raise click.UsageError("--backup and --no-backup exclude each other")
