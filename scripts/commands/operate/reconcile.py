"""`reconcile`: compare the ledger with an exchange, and with `--confirm` correct the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from infrastructure.exchanges.document import Given
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger_clock import now
from infrastructure.operations.account_comparison import comparisons
from infrastructure.operations.account_correction import reconciled
from projections.account_snapshot import AccountSnapshot
from projections.formatting import date_and_time
from projections.reconciliation.command_text import in_words
from projections.reconciliation.confirmations import CONFIRMATION_GAP
from projections.reconciliation.corrections import Correction
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.result import Reconciliation, ReconciliationRules
from scripts.applied_corrections import show_applied
from scripts.cli import REFUSED
from scripts.options.confirm import confirm_options
from scripts.options.database import database_option, json_option, open_ledger
from scripts.options.filters import Filter, filter_options
from scripts.options.snapshots import (
    SnapshotOptions,
    confirmations_option,
    exact_times,
    interval_option,
    live_snapshots,
    read_snapshot_file,
    snapshot_options,
)
from scripts.output import print_json, print_table, show

_TITLES: Final = {
    DiscrepancyKind.PHANTOM: "in the ledger, not at the exchange",
    DiscrepancyKind.ORPHAN: "at the exchange, not in the ledger",
    DiscrepancyKind.SIDE: "on different sides",
    DiscrepancyKind.QUANTITY: "of different quantity",
    DiscrepancyKind.PRICE: "of different average entry",
    DiscrepancyKind.UNPROTECTED: "without a stop at the exchange",
    DiscrepancyKind.LOST_STOP: "whose stop is gone",
    DiscrepancyKind.MOVED_STOP: "whose stop the ledger does not know",
    DiscrepancyKind.WRONG_SIDE_STOP: "with a stop on the wrong side",
    DiscrepancyKind.DUPLICATE_STOPS: "with more than one stop",
    DiscrepancyKind.OVERSIZED_STOP: "with a stop that would open the other side",
    DiscrepancyKind.STRAY: "held in a cycle that is over",
    DiscrepancyKind.SHORTFALL: "held in the ledger, and too little of it in the account",
    DiscrepancyKind.ZOMBIE: "orders without a position",
    DiscrepancyKind.UNIT: "counted in a unit that nobody defined",
    DiscrepancyKind.UNPRICED_STOP: "under a stop at a price that is not said",
    DiscrepancyKind.BY_CHOICE: "whose bot keeps the stop itself",
    DiscrepancyKind.OPENING: "under way, nothing to do yet",
    DiscrepancyKind.UNJUDGED: "not to be judged by this snapshot",
}


@click.command("reconcile")
@snapshot_options
@confirm_options("Correct the ledger", "in every event")
@confirmations_option
@interval_option
@database_option
@json_option
@filter_options
def command(
    *,
    shown: SnapshotOptions,
    reason: str | None,
    confirmations: int,
    interval: int,
    database: str | None,
    as_json: bool,
    wanted: Filter,
) -> None:
    """Compare the open positions of one account with a snapshot of the exchange, or with the exchange itself.

    Without --snapshot the exchange is asked (--exchange binance, bybit, okx, krakenfutures or hyperliquid; reading
    only), with the keys in LEDGER_BINANCE_API_KEY and LEDGER_BINANCE_SECRET, or LEDGER_BYBIT_… . Nothing is changed
    without --confirm. A snapshot that is empty, partial, failed or stale is called unreliable, and corrects nothing.

    Exit code 0 when all is as it should be, 1 when something was found (with --confirm: is left), 2 for usage, 3 when
    the exchange or the database could not be reached.

    \b
    Examples:
      position-ledger reconcile --snapshot binance.json --timezone +04:00
      position-ledger reconcile --snapshot 12-00.json --snapshot 12-02.json --confirm --reason "checked by hand"
      position-ledger reconcile --exchange bybit --json
    """
    is_applied = reason is not None
    given, rules = shown.given(wanted), shown.rules(wanted, confirmations)
    with open_ledger(database) as ledger:
        snapshots = (
            _from_files(shown.files, given)
            if shown.files
            else _live(ledger, given, rules, interval if is_applied else None)
        )
        if is_applied:
            exact_times(snapshots)
        (result,) = reconciled(ledger, snapshots, now=now(), rules=rules, reason=reason)
    if as_json:
        print_json(result.as_json())
    else:
        _print_findings(result.found)
        if is_applied:
            show_applied(result.applied, overtaken="it changed meanwhile; compare again")
        else:
            _print_plan(result.corrections)
    if not result.ok:
        raise SystemExit(REFUSED)


def _compared(ledger: PositionLedger, snapshots: list[AccountSnapshot], rules: ReconciliationRules) -> Reconciliation:
    (found,) = comparisons(ledger.store, ledger.positions(), snapshots, now=now(), rules=rules).values()
    return found


def _from_files(names: tuple[str, ...], given: Given) -> list[AccountSnapshot]:
    snapshots = [read_snapshot_file(name, given) for name in names]
    accounts = {(each.exchange, each.account) for each in snapshots}
    if len(accounts) > 1:
        named = ", ".join(sorted(" ".join(filter(None, account)) for account in accounts))
        raise click.UsageError(f"the snapshots are of several accounts ({named}); reconcile each on its own")
    return snapshots


def _live(
    ledger: PositionLedger, given: Given, rules: ReconciliationRules, interval: int | None
) -> list[AccountSnapshot]:
    """Ask the exchange, and with an interval again while a missing position needs to be confirmed."""
    if given.exchange is None:
        raise click.UsageError("say what to compare with: --snapshot FILE, or whom to ask: --exchange NAME")

    def is_enough(snapshots: list[AccountSnapshot]) -> bool:
        return not _waits(_compared(ledger, snapshots, rules))

    return live_snapshots(given, is_enough, confirmations=rules.confirmations, interval=interval)


def _waits(found: Reconciliation) -> bool:
    needed = found.rules.confirmations
    return any(0 < finding.confirmations < needed for finding in found.problems)


def _print_findings(found: Reconciliation) -> None:
    _print_head(found)
    for kind, title in _TITLES.items():
        if findings := found.of(kind):
            show("", f"{kind.value.replace('_', ' ')} ({title}):")
            print_table(("position", "what"), [(each.name, _words(each, found.rules)) for each in findings])
    if _waits(found):
        show(
            "",
            f"what is gone is noted when {found.rules.confirmations} snapshots agree, taken "
            f"{CONFIRMATION_GAP.seconds} s apart or more: name several with --snapshot, or let --confirm ask the "
            "exchange",
        )


def _print_head(found: Reconciliation) -> None:
    snapshot = found.snapshot
    where = " ".join(part for part in (snapshot.exchange or "an exchange without a name", snapshot.account) if part)
    at = f" at {date_and_time(snapshot.taken_at)} UTC" if snapshot.taken_at else ""
    counts = f"{len(found.of(DiscrepancyKind.MATCHED)):,} match, {len(found.problems):,} to look at"
    show(f"{where}{at}: {counts}")
    for doubt in found.doubts:
        show(f"the snapshot is NOT RELIABLE, so nothing is corrected: {doubt}")
    for doubt in found.order_doubts:
        show(f"no stop can be judged by it: {doubt}")
    for doubt in snapshot.row_doubts:
        show(f"the rest is judged without it: {doubt}")
    for note in (*found.snapshot.order_doubts, *snapshot.notes, *filter(None, [found.hindrance])):
        show(f"note: {note}")


def _words(finding: Discrepancy, rules: ReconciliationRules) -> str:
    if finding.kind.needs_confirmation and finding.confirmations:
        return f"{finding.message} ({finding.confirmations} of {rules.confirmations} confirmations)"
    return finding.message


def _print_plan(planned: Sequence[Correction]) -> None:
    if not planned:
        return
    show("", "to be done:")
    for correction in planned:
        show(f"  {in_words(correction.command)}")
    show("run it again with --confirm --reason TEXT to do it")
