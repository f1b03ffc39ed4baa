"""`projections`: the checkpoint of each projection, and the poison event at which it stopped, if any."""

from __future__ import annotations

import getpass
import os
import time
from typing import Final

import click

from domain.errors import StoreUnavailable
from infrastructure.event_store.wakeups import Stop
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector, SkipRefused
from infrastructure.ledger.subscription import PATIENCE_SECONDS
from infrastructure.ledger_clock import now
from projections.projection import PROJECTIONS, ProjectionStatus, SkippedEvent
from scripts.options.database import database_option, json_option, open_ledger
from scripts.options.params import REASON
from scripts.output import print_json, print_table, say
from scripts.signals import terminable

NID_MAX: Final = 2**63 - 1


@click.command("projections")
@database_option
@json_option
@click.option(
    "--skip",
    "nid",
    metavar="NID",
    type=click.IntRange(1, NID_MAX),
    help="Leave this event out of the projection that has stopped at it.",
)
@click.option("--follow", is_flag=True, help="Follow the log until it is stopped; reading on replicas needs it.")
@click.option("--reason", type=REASON, metavar="TEXT", help="The reason; it is kept for ever.")
@click.option("--confirm", is_flag=True, help="Do it; without it --skip only says what would be done.")
def command(
    database: str | None, nid: int | None, reason: str | None, *, confirm: bool, follow: bool, as_json: bool
) -> None:
    """Show how far each projection has come: its place in the log, and the event at which it stopped, if it did.

    \b
    Examples:
      position-ledger projections
      position-ledger projections --follow
      position-ledger projections --skip 41 --reason "written by a broken build on 22 October"
      position-ledger projections --skip 41 --reason "written by a broken build on 22 October" --confirm
    """
    if nid is None and (confirm or reason is not None):
        raise click.UsageError("--reason and --confirm say more about --skip")
    if nid is not None and reason is None:
        raise click.UsageError("--skip needs --reason TEXT")
    if follow and nid is not None:
        raise click.UsageError("--follow goes on for ever, and --skip is done once")
    if follow:
        with open_ledger(database) as ledger, terminable():
            _follow(ledger)
    with open_ledger(database) as ledger:
        if nid is not None and reason is not None:
            skipped = _skip(ledger, nid, reason, confirm=confirm)
            say(_skip_text(skipped) + ("" if confirm else "; this was a dry run: add --confirm"))
        statuses = [Projector(ledger.store, projection).status() for projection in PROJECTIONS]
    if as_json:
        print_json([each.as_json() for each in statuses])
    else:
        columns = ("projection", "nid", "behind", "skipped", "state")
        print_table(columns, [_cells(each) for each in statuses], right=frozenset({"nid", "behind", "skipped"}))


def _follow(ledger: PositionLedger) -> None:
    """Catch up with the log again and again; an outage is reported, and too long an outage ends the command."""
    ledger.store.require_primary()
    wakeups, stopped, is_down, done_at = ledger.store.wakeups(), Stop(), False, time.monotonic()
    while True:
        try:
            for projection in PROJECTIONS:
                Projector(ledger.store, projection).catch_up()
            if is_down:
                say(f"goes on after {time.monotonic() - done_at:.0f} s")
            is_down, done_at = False, time.monotonic()
        except StoreUnavailable as cause:
            if time.monotonic() - done_at > PATIENCE_SECONDS:
                raise
            if not is_down:
                say(f"no event is read: {cause}; it is tried again for {PATIENCE_SECONDS:.0f} s")
            is_down = True
        while not wakeups.wait(stopped):
            pass


def _skip(ledger: PositionLedger, nid: int, reason: str, *, confirm: bool) -> SkippedEvent:
    refusal: SkipRefused | None = None
    for projection in PROJECTIONS:
        try:
            return Projector(ledger.store, projection).skip(
                nid, reason=reason, skipped_by=_operator(), now=now(), confirm=confirm
            )
        except SkipRefused as refused:
            refusal = refused
    assert refusal is not None, "there are projections"
    raise refusal


def _operator() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def _skip_text(skip: SkippedEvent) -> str:
    return (
        f"nid {skip.nid} ({skip.stream} version {skip.version}, {skip.stored_type}) is left out of {skip.projection} "
        f"by {skip.skipped_by}: {skip.reason}"
    )


def _cells(status: ProjectionStatus) -> tuple[object, ...]:
    state = "up to date"
    if status.poison is not None:
        state = f"STOPPED before nid {status.poison.nid}: {status.poison.cause.splitlines()[0]}"
    elif status.behind:
        state = "goes on when it is asked for"
    return status.projection, status.nid, status.behind, len(status.skips), state
