"""The clock of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The time of this machine, aware and UTC."""
    return datetime.now(UTC)
