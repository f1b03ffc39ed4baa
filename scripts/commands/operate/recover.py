"""`recover`: list every unfinished cycle, and with `--confirm` record what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from infrastructure.exchanges.document import Given
from infrastructure.ledger_clock import now
from infrastructure.operations.apply_corrections import Applied, apply
from infrastructure.operations.recovery_proposals import recoveries
from projections.account_snapshot import AccountSnapshot
from projections.formatting import lasting
from projections.reconciliation.command_text import in_words
from projections.recovery.proposals import Proposal
from scripts.applied_corrections import show_applied
from scripts.cli import REFUSED
from scripts.options.confirm import confirm_options
from scripts.options.database import database_option, json_option, open_ledger
from scripts.options.filters import Filter, filter_options, tell_unheard
from scripts.options.listing import limit_option
from scripts.options.snapshots import (
    SnapshotOptions,
    confirmations_option,
    exact_times,
    interval_option,
    live_snapshots,
    snapshot_options,
)
from scripts.output import print_json, show


@click.command("recover")
@snapshot_options
@click.option("--live", is_flag=True, help="Ask the exchange named by --exchange itself; this only reads.")
@confirm_options("Do what is proposed, by a snapshot or --live", "in every event")
@confirmations_option
@interval_option
@filter_options
@limit_option(None)
@database_option
@json_option
def command(
    *,
    shown: SnapshotOptions,
    live: bool,
    reason: str | None,
    confirmations: int,
    interval: int,
    wanted: Filter,
    limit: int | None,
    database: str | None,
    as_json: bool,
) -> None:
    """List every cycle that is not done: under way, unprotected, or flat without an end; and say what would end it.

    Without evidence of the exchange nothing is proposed, and without --confirm nothing is changed; with it, what the
    exchange shows is recorded, with source recovery. An order that is needed is named, and never sent. A cycle within
    its deadline is left to its bot. It is safe at any time, also twice, and while bots run.

    Exit code 0 when every unfinished cycle has time left or rests at the exchange, 1 when something needs attention, 2
    for usage, 3 when the exchange or the database could not be reached.

    \b
    Examples:
      position-ledger recover
      position-ledger recover --symbol APT/USDT:USDT --exchange binance --snapshot binance.json
      position-ledger recover --snapshot 12-00.json --snapshot 12-02.json --confirm --reason "after the crash"
      position-ledger recover --exchange bybit --live --json
    """
    confirm = reason is not None
    if live and shown.files:
        raise click.UsageError("--live asks the exchange, --snapshot reads a file: choose one")
    if confirm and not (live or shown.files):
        raise click.UsageError("--confirm needs --snapshot FILE or --live: only the exchange knows the outcome")
    rules = shown.rules(wanted, confirmations)
    with open_ledger(database) as ledger:
        tell_unheard(wanted, ledger.store)

        def look(snapshots: Sequence[AccountSnapshot]) -> list[Proposal]:
            return recoveries(ledger, snapshots, now=now(), rules=rules, takes=wanted.takes, reason=reason)

        def is_enough(snapshots: Sequence[AccountSnapshot]) -> bool:
            return not any(each.waits_for_another_snapshot for each in look(snapshots))

        snapshots = shown.read(wanted)
        if live:
            given, again = Given(wanted.exchange, wanted.account), interval if confirm else None
            snapshots = live_snapshots(given, is_enough, confirmations=confirmations, interval=again)
        elif confirm:
            exact_times(snapshots)
        found = look(snapshots)
        done = apply(ledger, [step for each in found for step in each.commands]) if confirm else []
        left = look(snapshots) if done else found
    attention = _in_need(found, left, done)
    if as_json:
        print_json(_report(found, done, attention, confirmed=confirm))
    else:
        _print(found, limit, has_evidence=bool(snapshots))
        _print_end(found, done, attention, limit, confirmed=confirm)
    if attention:
        raise SystemExit(REFUSED)


def _in_need(found: Sequence[Proposal], left: Sequence[Proposal], done: Sequence[Applied]) -> list[Proposal]:
    """What needs somebody after the corrections `done`.

    A correction is news of its cycle, which is then given time again; an order that it lacked is lacking all the same.
    """
    changed = {each.correction.command.key.stream for each in done if not each.is_done}
    lacking = {
        each.cycle.row.position_id: each
        for each in found
        if each.due is not None and each.cycle.row.stream not in changed
    }
    stands = [each if each.needs_attention else lacking.get(each.cycle.row.position_id, each) for each in left]
    return [each for each in stands if each.needs_attention]


def _report(
    found: Sequence[Proposal], done: Sequence[Applied], attention: Sequence[Proposal], *, confirmed: bool
) -> dict[str, Any]:
    return {
        "confirmed": confirmed,
        "unfinished": [each.as_json() for each in found],
        "done": [each.as_json() for each in done],
        "need_attention": [each.cycle.row.position_id for each in attention],
    }


def _print(found: Sequence[Proposal], limit: int | None, *, has_evidence: bool) -> None:
    attention = sum(each.needs_attention for each in found)
    show(f"{len(found):,} unfinished, {attention:,} in need of attention")
    for each in found[:limit]:
        cycle = each.cycle
        show("", f"{cycle.row.position_id}: {cycle.row.status.value} {lasting(cycle.age)}")
        _print_lines("known", cycle.known())
        _print_lines("missing", each.missing)
        _print_lines(each.action.value, [each.message, *(in_words(step.command) for step in each.commands)])
        _print_lines("needs", [str(each.due)] if each.due else [])
    if left := found[limit:] if limit else ():
        in_need = sum(each.needs_attention for each in left)
        show("", f"and {len(left):,} more, {in_need:,} of them in need of attention: --limit {len(found)}")
    if attention and not has_evidence:
        show("", "nothing is concluded from silence: give a --snapshot FILE, or ask with --exchange NAME --live")


def _print_lines(name: str, lines: Sequence[str]) -> None:
    for number, line in enumerate(lines):
        show(f"  {name if not number else '':9}  {line}")


def _print_end(
    found: Sequence[Proposal],
    done: Sequence[Applied],
    attention: Sequence[Proposal],
    limit: int | None,
    *,
    confirmed: bool,
) -> None:
    if not confirmed:
        if any(each.commands for each in found):
            show("", "run it again with --confirm --reason TEXT to do it")
        return
    show_applied(done, overtaken="it changed meanwhile, and was left alone")
    for recovery in attention[:limit]:
        what = recovery.message if recovery.due is None else str(recovery.due)
        show(f"left: {recovery.cycle.row.position_id}: {what}")
    if left := attention[limit:] if limit else ():
        show(f"left: and {len(left):,} more: --limit {len(attention)}")
