"""A replica: a copy of a ledger on another server, read as of a settled place; nothing is decided there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from domain.json_object import JsonObject


class ReplicaKind(StrEnum):
    """How a replica is fed."""

    STANDBY = "standby"
    """Physical: it replays what its primary did, and can be promoted."""
    SUBSCRIBER = "subscriber"
    """Logical: it subscribes to the tables of a ledger."""


@dataclass(frozen=True)
class ReplicaPlace(JsonObject):
    """Up to where a replica is read: all up to `nid` has arrived, and nothing can appear before it any more.

    `recorded_at` is when the event at `nid` was recorded. `arrived` events after it are there and not shown, for some
    before them may be missing. `left_out` is how many an operator left out of the rows that are read. `lag` is how long
    ago the last of what has arrived was committed, nothing when all that was received is applied, and None when nobody
    sends: then it is not known.
    """

    kind: ReplicaKind
    nid: int
    recorded_at: datetime | None
    arrived: int
    left_out: int
    lag: timedelta | None

    json_keys: ClassVar = ("kind", "nid", "recorded_at", "arrived", "left_out", ("lag_seconds", "lag"))
