"""Options for a window of time, as people write it: `24h`, `7d`, or since a time with its zone."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from domain.values import utc
from infrastructure.ledger_clock import now
from projections.health.ledger_status import OLD
from projections.metrics.statistics import MeasuredWindow
from scripts.options.params import HOURS

_AGO: Final = re.compile(r"([1-9][0-9]{0,5})\s*(m|h|d|w)", re.ASCII)
_UNITS: Final = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Far enough from the end of the calendar to add hours to any time."""


def moment(text: str, now: datetime, option: str) -> datetime:
    """A time with its zone, or `24h` and the like before `now`. Refuses: UsageError, which names the option."""
    try:
        ago = _AGO.fullmatch(text.strip())
        found = now - int(ago[1]) * _UNITS[ago[2]] if ago else utc(text)
    except (ValueError, OverflowError) as wrong:
        raise click.UsageError(f"{option} {text!r:.80}: {wrong}; or say how long ago: 90m, 24h, 7d, 4w") from None
    if not _FIRST <= found < _LAST:
        raise click.UsageError(f"{option} {text!r:.80} is no time of a ledger: name one from {_FIRST:%Y} to {_LAST:%Y}")
    return found


def read_since(_: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """The callback of a `--since` that may be absent."""
    return None if value is None else moment(value, now(), param.opts[0])


def since_option(run: Callable[..., None]) -> Callable[..., None]:
    """Add a `--since` that may be absent; the command gets it as `since`."""
    return click.option(
        "--since",
        metavar="AGO|TIME",
        callback=read_since,
        help="Only cycles opened since then: 90m, 24h, 7d, or a time.",
    )(run)


def age_option(run: Callable[..., None]) -> Callable[..., None]:
    """Add `--age HOURS`; the command gets it as the timedelta `age`."""

    @click.option(
        "--age",
        metavar="HOURS",
        type=HOURS,
        default=OLD / timedelta(hours=1),
        show_default=True,
        help="An entry or a rollback that is unfinished for longer is critical.",
    )
    @functools.wraps(run)
    def aged(age: float, **others: Any) -> None:
        run(age=timedelta(hours=age), **others)

    return aged


def window_since(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add `--since` and `--until`; the command gets a MeasuredWindow as `window`, and the time now as `asked_at`."""

    def add(run: Callable[..., None]) -> Callable[..., None]:
        @click.option(
            "--since",
            metavar="AGO|TIME",
            default=default,
            show_default=True,
            help="The beginning: an age (90m, 24h, 7d, 4w), or a time with its zone.",
        )
        @click.option("--until", metavar="AGO|TIME", help="The end, written like --since.  [default: now]")
        @functools.wraps(run)
        def within(since: str, until: str | None, **others: Any) -> None:
            asked_at = now()
            end = asked_at if until is None else moment(until, asked_at, "--until")
            window = MeasuredWindow(moment(since, asked_at, "--since"), end)
            if window.since >= window.until:
                raise click.UsageError(f"--since {since} is not before --until {until or 'now'}")
            run(window=window, asked_at=asked_at, **others)

        return within

    return add


window_options: Final = window_since("24h")
