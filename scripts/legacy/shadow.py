"""`shadow`: mirror what the old bot writes into a ledger, and report every divergence."""

from __future__ import annotations

import time
from collections import Counter
from datetime import tzinfo
from typing import Final

import click

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.shadow.capture.outbox import NoOutbox, Outbox
from infrastructure.legacy.shadow.capture.trigger import TABLE_DEFAULT, Watched
from infrastructure.legacy.shadow.divergence import DivergenceKind
from infrastructure.legacy.shadow.replication import Replication
from scripts.cli import REFUSED, UNREACHABLE
from scripts.legacy.source_options import from_option
from scripts.options.database import database_option, timezone_option
from scripts.options.params import SECONDS_MAX, NumberRange, ReadAs
from scripts.output import print_json_line, print_text, say, show

POLL_SECONDS: Final = 0.2
PATIENCE_SECONDS: Final = 10.0
"""How long one run waits for transactions that had begun before it."""


@click.command("shadow")
@from_option
@click.option(
    "--table",
    metavar="SCHEMA.NAME",
    default=TABLE_DEFAULT,
    show_default=True,
    type=ReadAs(Watched.read),
    help="The legacy table.",
)
@click.option("--print-trigger", is_flag=True, help="Print the SQL that creates the outbox and its trigger, and stop.")
@click.option("--drop", is_flag=True, help="With --print-trigger: print the SQL that drops both.")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option(
    "--until-idle",
    "idle_seconds",
    metavar="SECONDS",
    type=NumberRange(min=0, max=SECONDS_MAX),
    help="Go on until nothing has been written for so long.",
)
@timezone_option
@database_option
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object on each line: every divergence, and at the end the sums.",
)
def command(
    *,
    url: str | None,
    table: Watched,
    print_trigger: bool,
    drop: bool,
    follow: bool,
    idle_seconds: float | None,
    zone: tzinfo | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Run a ledger in the shadow of the old bot: mirror its writes, and tell where the two disagree.

    A trigger copies every change of the legacy table into an outbox, a table beside it; --print-trigger prints its
    SQL for the administrator of that database. The changes are sent to the ledger as commands, and compared; each
    divergence is printed when it is found, and none stops the run. Run again, it continues after the last change. Run
    only one at a time; nobody else may write to this ledger.

    Exit code 0 without divergences, 1 with divergences, 2 when there is no outbox, 3 when a database could not be
    reached, or a transaction of the bot did not end in time.

    \b
    Examples:
      position-ledger shadow --print-trigger > trigger.sql
      position-ledger shadow --from postgresql://bot@localhost/trading --database sqlite:///shadow.db
      position-ledger shadow --from postgresql://bot@localhost/trading --database sqlite:///shadow.db --follow --json
      position-ledger shadow --print-trigger --drop > drop.sql
    """
    if print_trigger:
        print_text(table.drop() if drop else table.install())
        return
    if url is None or drop:
        raise click.UsageError("say --from URL to mirror, or --print-trigger (with --drop) to print SQL")
    try:
        with PositionLedger.connect(database) as ledger, Outbox(url, table) as outbox:
            run = _Run(Replication(ledger, outbox, zone), as_json=as_json)
            run.go(follow=follow, idle_seconds=idle_seconds)
    except NoOutbox as missing:
        raise click.UsageError(str(missing)) from None
    run.sum_up()


class _Run:
    """One run of `shadow`: it prints divergences as they are found, and counts them."""

    def __init__(self, mirroring: Replication, *, as_json: bool) -> None:
        self._mirroring, self._as_json = mirroring, as_json
        self._found: Counter[DivergenceKind] = Counter()
        self._is_held_back = False

    def go(self, *, follow: bool, idle_seconds: float | None) -> None:
        try:
            if follow or idle_seconds is not None:
                self._follow(idle_seconds)
            else:
                self._once()
        except KeyboardInterrupt:
            say("stopped; run it again to go on")

    def _once(self) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        self._step()
        while self._mirroring.is_waiting and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            self._step()
        self._is_held_back = self._mirroring.is_waiting

    def _follow(self, idle_seconds: float | None) -> None:
        busy_at = time.monotonic()
        while idle_seconds is None or time.monotonic() - busy_at < idle_seconds:
            before = self._mirroring.changes
            self._step()
            if self._mirroring.changes > before or self._mirroring.is_waiting:
                busy_at = time.monotonic()
            time.sleep(POLL_SECONDS)

    def _step(self) -> None:
        for divergence in self._mirroring.step():
            self._found[divergence.kind] += 1
            if self._as_json:
                print_json_line(divergence.as_json())
            else:
                show(str(divergence))

    def sum_up(self) -> None:
        counts = {kind: self._found[kind] for kind in DivergenceKind if self._found[kind]}
        sums = {
            "changes": self._mirroring.changes,
            "commands": self._mirroring.commands,
            "divergences": self._found.total(),
            "counts": counts,
        }
        if self._as_json:
            print_json_line(sums)
        else:
            show(f"{sums['changes']:,} changes, {sums['commands']:,} commands: {self._found.total():,} divergences")
            for kind, count in counts.items():
                show(f"  {count:,} {kind}: {kind.meaning}")
        if self._is_held_back:
            say("a transaction that may still write before the last changes is not over; run it again when it is")
            raise SystemExit(UNREACHABLE)
        if self._found:
            raise SystemExit(REFUSED)
