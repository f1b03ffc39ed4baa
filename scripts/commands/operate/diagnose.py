"""`diagnose`: what is wrong with a ledger now, how bad it is, and which command to run next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import click

from infrastructure.event_store.replica import ReplicaPlace
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.health import Diagnosis, examine, naming_obstacle
from projections.health.checks import Check, Section, Severity, Symptom, command_line
from projections.metrics.recent_activity import Activity
from scripts.cli import REFUSED
from scripts.options.database import database_option, json_option
from scripts.options.filters import Filter, filter_options
from scripts.options.health_question import question_of, quiet_option
from scripts.options.listing import order_options
from scripts.options.processes import processes_for, processes_option
from scripts.options.snapshots import SnapshotOptions, snapshot_options
from scripts.options.time_window import age_option, since_option
from scripts.output import progress, show
from scripts.replica_place import print_read, reading, show_place
from scripts.status_table import SORTS


@click.command("diagnose")
@click.option(
    "--mode",
    type=click.Choice(["check", "report"]),
    default="check",
    show_default=True,
    help="check: what is wrong now. report: also the rates of the last 24 hours.",
)
@age_option
@click.option("--skip-verify", is_flag=True, help="Do not read every event and row: faster, but it finds no damage.")
@processes_option
@quiet_option
@snapshot_options
@filter_options
@since_option
@order_options(SORTS, None)
@database_option
@json_option
def command(
    *,
    mode: str,
    age: timedelta,
    skip_verify: bool,
    processes: int | None,
    quiet: timedelta | None,
    shown: SnapshotOptions,
    wanted: Filter,
    since: datetime | None,
    sort: str,
    limit: int | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Look at everything that can be wrong, say how bad it is, and name the next command to run.

    Checked are unfinished entries, positions without a stop, unknown outcomes, rollbacks that do not end, every
    version, hash and row, projections, the database software, and with --snapshot the exchange. Nothing is changed.
    Every event and row is read last, after everything else was printed.

    Exit code 0 when nothing is critical, 1 when something is, 2 for usage, 3 when the database could not be reached.

    \b
    Examples:
      position-ledger diagnose
      position-ledger diagnose --mode report --age 6 --exchange binance
      position-ledger diagnose --snapshot binance.json --json
    """
    question = question_of(
        wanted, shown, since=since, age=age, quiet=quiet, verifies=not skip_verify, reports=mode == "report"
    )
    with reading(database, wanted) as (ledger, place):
        if not skip_verify:
            with naming_obstacle(ledger.store):
                question = replace(question, processes=_sharing(ledger, place, processes))

        def told(known: Diagnosis) -> None:
            show_place(place)
            _print(known, sort, limit)

        with progress("examining") as advance:
            found = examine(ledger, question, advance, (lambda _: None) if as_json else told)
    if as_json:
        print_read(place, {"mode": mode, **found.as_json()})
    else:
        if mode == "report":
            show("")
        _print_section(found.section(Check.DAMAGE), sort, limit)
        show("", _verdict(found) + "; damage was not looked for" * skip_verify)
    if found.severity is Severity.CRITICAL:
        raise SystemExit(REFUSED)


def _sharing(ledger: PositionLedger, place: ReplicaPlace | None, processes: int | None) -> int:
    """How many processes read every event and row; on a replica only one, so that all it reads is of one place."""
    if place is not None:
        return 1
    return processes or processes_for(ledger.store.count_events())


def _print(known: Diagnosis, sort: str, limit: int | None) -> None:
    for section in sorted(known.sections, key=lambda section: section.check is not Check.DATABASE):
        _print_section(section, sort, limit)
    if known.activity is not None:
        _print_activity(known.activity)


def _print_section(section: Section, sort: str, limit: int | None) -> None:
    show(f"{section.severity.value:8}  {_name(section.check):15}  {section.says}")
    symptoms = _in_order(section.symptoms, sort)
    for symptom in symptoms[:limit]:
        show(f"{'':10}{symptom.severity.value}: {symptom.subject}: {symptom.message}")
        show(f"{'':12}next: {symptom.advice}")
    if limit is not None and (left := len(symptoms) - limit) > 0:
        show(f"{'':10}and {left:,} more: --limit {len(symptoms)}")


def _verdict(found: Diagnosis) -> str:
    """The checks that found something, the worst first."""
    bad = {
        severity.value: [_name(section.check) for section in found.sections if section.severity is severity]
        for severity in (Severity.CRITICAL, Severity.WARNING)
    }
    return "; ".join(f"{how}: {', '.join(names)}" for how, names in bad.items() if names) or "ok: nothing was found"


def _name(check: Check) -> str:
    return check.value.replace("_", " ")


def _in_order(symptoms: Sequence[Symptom], order: str) -> Sequence[Symptom]:
    """Sort findings, which come with the worst first, in one of the orders of `status`."""
    if order == "age":
        return sorted(symptoms, key=lambda each: (each.since is None, each.since, each.subject))
    if order == "symbol":
        return sorted(symptoms, key=lambda each: each.subject)
    return symptoms


def _print_activity(activity: Activity) -> None:
    opened = [f"{count:,} {status.value}" for status, count in activity.by_status.items()]
    refused = activity.refusals
    since, until = (f"{at:%Y-%m-%d %H:%M}" for at in (activity.window.since, activity.window.until))
    show("", f"{since} to {until} UTC")
    show(f"opened      {', '.join(opened) or 'nothing'}")
    show(f"failures    {sum(activity.failures.values())}")
    for hour, count in activity.failures.items():
        show(f"            {count} from {hour:%Y-%m-%d %H:%M} on")
    show(f"duplicates  {refused.early} refused early, {len(refused.late)} late, {refused.other} other repeats")
    if activity.criteria is None:
        show("criteria    not known: what they are measured by cannot be read")
    else:
        met = sum(each.ok is True for each in activity.criteria)
        show(f"criteria    {met} of {len(activity.criteria)} met; `{command_line('stats')}` says which")
