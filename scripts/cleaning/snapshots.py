"""Snapshots of exchanges as they are named on the command line."""

from __future__ import annotations

from collections.abc import Iterable

import click

from infrastructure.snapshots.document import Given, read_snapshot
from projections.snapshot import Snapshot


def from_file(name: str, given: Given) -> Snapshot:
    """Read a file. Refuses: a usage error for a snapshot of another exchange than the one asked for, or of none."""
    with click.open_file(name, "rb") as stream:
        data = stream.read()
    try:
        snapshot = read_snapshot(data, given)
    except ValueError as wrong:
        raise click.UsageError(f"{name}: {wrong}") from None
    if snapshot.exchange is None:
        doubts = "; ".join(snapshot.doubts) or "it does not say of which exchange it is"
        raise click.UsageError(f"{name}: {doubts}; name it with --exchange")
    return snapshot


def need_exact_times(snapshots: Iterable[Snapshot]) -> None:
    """To look, the earliest time that a snapshot can mean will do; to change anything, somebody must say which it is.

    Refuses: a usage error.
    """
    for snapshot in snapshots:
        if not snapshot.is_time_exact:
            raise click.UsageError(" ".join(snapshot.notes) or "say with --taken-at when the snapshot was taken")
