"""`--processes`: how many processes share the streams of a ledger."""

from __future__ import annotations

import os
from typing import Final

import click

_PROCESSES_MAX: Final = 4
_EVENTS_EACH: Final = 50_000
"""A further process is worth starting for so many events: about as many are read in the time that its start takes."""

processes_option = click.option(
    "--processes",
    type=click.IntRange(1, 64),
    help="How many processes share the work.  [default: as many as there are processors, at most 4; one for a small "
    "ledger]",
)


def processes_for(events: int) -> int:
    """How many processes are worth starting for a number of events."""
    return min(_PROCESSES_MAX, os.cpu_count() or 1, 1 + events // _EVENTS_EACH)
