"""A replica: a copy of a ledger on another server, for reading up to a settled place; no command is decided there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from domain.json_object import JsonObject


class ReplicaKind(StrEnum):
    """How a replica gets its data."""

    STANDBY = "standby"
    """Physical: it replays the write-ahead log of its primary, and can be promoted."""
    SUBSCRIBER = "subscriber"
    """Logical: it subscribes to the tables of a ledger."""


@dataclass(frozen=True)
class ReplicaPlace(JsonObject):
    """Up to where a replica is read: every event up to `nid` has arrived, and none can appear before it any more.

    `recorded_at` is when the event at `nid` was recorded. `arrived` counts later events, which are not shown because
    some before them may be missing. `left_out` counts the events that an operator left out of the rows that are read.
    `lag` is the age of the last commit that has arrived, zero when everything that was received is applied, and None
    (not known) when no primary sends.
    """

    kind: ReplicaKind
    nid: int
    recorded_at: datetime | None
    arrived: int
    left_out: int
    lag: timedelta | None

    json_keys: ClassVar = ("kind", "nid", "recorded_at", "arrived", "left_out", ("lag_seconds", "lag"))
