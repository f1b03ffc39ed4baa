"""`watch`: follow a ledger, and send an alarm when something needs a person."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import click

from domain.errors import LedgerError
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.account_comparison import Account
from infrastructure.settings import Settings
from infrastructure.watching.sinks import telegram, webhook
from infrastructure.watching.sinks.http_post import PostAddress
from infrastructure.watching.sinks.line_log import LineLog
from infrastructure.watching.sinks.program import ProgramSink
from infrastructure.watching.sinks.sink import AlarmSink
from infrastructure.watching.watcher import SnapshotsUnreadable, Watcher, WatchPlan
from projections.account_snapshot import AccountSnapshot
from projections.formatting import date_and_time
from projections.health.alarm import Notice
from scripts.cli import REFUSED, UNREACHABLE
from scripts.options.database import database_option, json_option, open_ledger
from scripts.options.filters import Filter, filter_options, tell_unheard
from scripts.options.health_question import question_of, quiet_option
from scripts.options.params import SECONDS_MAX, NumberRange, ReadAs, refused_as
from scripts.options.snapshots import SnapshotOptions, snapshot_options
from scripts.options.time_window import age_option
from scripts.output import print_json_line, say, show
from scripts.signals import stoppable

_EXEC_VARIABLE: Final = "LEDGER_WATCH_EXEC"
_NAME: Final = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)
"""Characters that a label of a metric, a log and a table show unchanged."""
ONCE_SECONDS: Final = 60.0
"""How long `--once` waits for the sinks; each of them has a shorter timeout of its own."""


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r:.80} is no name of a watch, which has up to 64 letters of a-z, 0-9, '.', '_' and '-'"
        )
    return text


@click.command("watch")
@database_option
@json_option
@click.option(
    "--webhook",
    "url",
    metavar="URL",
    envvar=webhook.URL_VARIABLE,
    help=f"POST JSON there, signed with {webhook.SECRET_VARIABLE}; a URL that is a secret itself stands in "
    f"{webhook.URL_VARIABLE} instead.",
)
@click.option(
    "--telegram",
    "is_telegram",
    is_flag=True,
    envvar="LEDGER_WATCH_TELEGRAM",
    help=f"Write to the chat {telegram.CHAT_VARIABLE} as the bot of {telegram.TOKEN_VARIABLE}.",
)
@click.option(
    "--exec",
    "program",
    metavar="CMD",
    envvar=_EXEC_VARIABLE,
    help="Run this program, without a shell, with JSON on its stdin.",
)
@click.option(
    "--again",
    metavar="MINUTES",
    type=NumberRange(min=0.01, max=1_000_000),
    default=60.0,
    show_default=True,
    help="After how long to repeat an alarm that is not over.",
)
@click.option(
    "--every",
    metavar="SECONDS",
    type=NumberRange(min=0.1, max=SECONDS_MAX),
    default=5.0,
    show_default=True,
    help="How often to look.",
)
@click.option(
    "--verify",
    "verifies_every",
    metavar="MINUTES",
    type=NumberRange(min=0, max=1_000_000),
    default=60.0,
    show_default=True,
    help="How often to read every event and row as well; 0: never.",
)
@click.option(
    "--name",
    metavar="NAME",
    type=ReadAs(_name),
    default="watch",
    show_default=True,
    help="The name under which the ledger keeps its alarms.",
)
@click.option("--once", is_flag=True, help="Look once, send what is due, and stop: for a timer.")
@age_option
@quiet_option
@snapshot_options
@filter_options
def command(
    *,
    database: str | None,
    url: str | None,
    is_telegram: bool,
    program: str | None,
    again: float,
    every: float,
    verifies_every: float,
    name: str,
    once: bool,
    age: timedelta,
    quiet: timedelta | None,
    shown: SnapshotOptions,
    wanted: Filter,
    as_json: bool,
) -> None:
    """Watch a ledger, and send alarms for what `status` and `diagnose` find: at once, again, and when it is over.

    One line is printed for each notice, and every sink that is named gets it as well. The alarms are stored in the
    ledger, so a restart neither forgets nor repeats one; a sink that is down gets its notices when it is back. Damage,
    a database that cannot be reached and, with --quiet, a silence are alarms, too. The files of --snapshot are read
    again each time.

    It runs until SIGTERM or Ctrl-C. Exit code 0 with --once when every sink took its notices; 1 with --once when one
    did not, or when another watch has the same name; 2 for usage; 3 when there is no ledger of this version, or with
    --once when the ledger could not be read for 10 s, or the alarms could not be stored in it.

    \b
    Examples:
      position-ledger watch
      position-ledger watch --webhook https://alarms.example/ledger --telegram --quiet 30
      position-ledger watch --exec "/usr/local/bin/page --team trading" --again 15
      position-ledger watch --once --verify 0
    """
    if "-" in shown.files:
        raise click.UsageError("--snapshot - can be read once, and a watch reads it each time: name a file")
    sinks = _sinks(os.environ, url, program, is_telegram=is_telegram, log=_print_json if as_json else _print)
    plan = WatchPlan(
        name=name,
        connect=lambda: _opened(database, wanted),
        where=Settings.read(database).place,
        question=question_of(
            wanted, replace(shown, files=(), taken_at=None, zone=None), age=age, quiet=quiet, verifies=False
        ),
        shown=lambda: _shown(shown, wanted),
        every=timedelta(seconds=every),
        again=timedelta(minutes=again),
        verifies_every=timedelta(minutes=verifies_every) if verifies_every else None,
    )
    watcher, is_told = Watcher(plan, sinks, say), True
    with stoppable(watcher.stop):
        try:
            if once:
                is_told = watcher.once(ONCE_SECONDS, waits_for_database=True)
            else:
                watcher.run()
        finally:
            watcher.close()
    if once and watcher.is_cut_off:
        raise SystemExit(UNREACHABLE)
    if not is_told:
        raise SystemExit(REFUSED)


def _opened(database: str | None, wanted: Filter) -> PositionLedger:
    ledger = open_ledger(database)
    try:
        tell_unheard(wanted, ledger.store)
    except LedgerError:
        ledger.disconnect()
        raise
    return ledger


def _sinks(
    environment: Mapping[str, str],
    url: str | None,
    program: str | None,
    *,
    is_telegram: bool,
    log: Callable[[Notice], None],
) -> list[AlarmSink]:
    """The log, and every other sink that is named. Refuses: UsageError, whose message repeats no secret."""
    sinks: list[AlarmSink] = [LineLog(log)]
    if url is not None:
        with refused_as(f"--webhook or {webhook.URL_VARIABLE}"):
            address = PostAddress.read(url)
        secret = environment.get(webhook.SECRET_VARIABLE) or None
        if secret is None:
            say(f"webhook: not signed, because {webhook.SECRET_VARIABLE} is not set")
        with refused_as("--webhook"):
            key = None if secret is None else webhook.key_of(secret)
        sinks.append(webhook.Webhook(address, key))
    if is_telegram:
        with refused_as("--telegram"):
            sinks.append(telegram.TelegramChat.named_by(environment))
    if program is not None:
        with refused_as(f"--exec or {_EXEC_VARIABLE}"):
            sinks.append(ProgramSink.read(program))
    return sinks


def _shown(options: SnapshotOptions, wanted: Filter) -> tuple[Sequence[AccountSnapshot], dict[Account, list[str]]]:
    try:
        snapshots = options.read(wanted)
    except (click.UsageError, OSError) as wrong:
        raise SnapshotsUnreadable(wrong.message if isinstance(wrong, click.UsageError) else wrong) from None
    return snapshots, options.arguments(snapshots)


def _print(notice: Notice) -> None:
    at = notice.over_at or notice.raised_at
    show(f"{date_and_time(at)} UTC  {notice.in_words}")


def _print_json(notice: Notice) -> None:
    print_json_line(notice.as_json())
