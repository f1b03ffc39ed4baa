"""The options that `status`, `diagnose` and `watch` share, as a Question about the health of a ledger."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import click

from domain.identifiers import PositionKey
from infrastructure.ledger_clock import now
from infrastructure.operations.health import Question
from projections.positions import PositionRow
from scripts.options.filters import Filter
from scripts.options.params import NumberRange
from scripts.options.snapshots import SnapshotOptions


def quiet_option(run: Callable[..., None]) -> Callable[..., None]:
    """Add `--quiet MINUTES`; the command gets it as the timedelta `quiet`, or None."""

    @click.option(
        "--quiet",
        metavar="MINUTES",
        type=NumberRange(min=0.01, max=1_000_000),
        help="Warn when neither an event nor a refusal was recorded for so long; without it no silence is a warning.",
    )
    @functools.wraps(run)
    def hearing(quiet: float | None, **others: Any) -> None:
        run(quiet=None if quiet is None else timedelta(minutes=quiet), **others)

    return hearing


def question_of(
    wanted: Filter,
    shown: SnapshotOptions,
    *,
    since: datetime | None = None,
    age: timedelta,
    quiet: timedelta | None,
    verifies: bool,
    reports: bool = False,
) -> Question:
    """The question of the options as of now; the snapshots are read here. `since` leaves out cycles opened before it.

    Refuses: a usage error for a file that is no snapshot.
    """

    def takes(each: PositionRow | PositionKey) -> bool:
        return wanted.takes(each) and (since is None or isinstance(each, PositionKey) or each.opened_at >= since)

    at, snapshots = now(), shown.read(wanted)
    return Question(
        now=at,
        age=age,
        takes=takes,
        snapshots=snapshots,
        rules=shown.rules(wanted),
        evidence=shown.arguments(snapshots),
        quiet=quiet,
        verifies=verifies,
        reports=reports,
    )
