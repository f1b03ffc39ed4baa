"""What the ledger keeps of a duplicate that it refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.identifiers import PositionKey


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A refused duplicate: who asked for what, when, and which position stood in the way."""

    ts_recorded: datetime
    stream: str
    command: str
    command_id: str
    intent_id: str | None
    source: str
    error: str
    detected_by: str
    position_id: str | None
    holder_intent_id: str | None
    message: str

    @property
    def key(self) -> PositionKey | None:
        """Which slot was asked for; None for a stream that no ledger wrote, which `verify` names."""
        try:
            return PositionKey.parse(self.stream)
        except ValueError:
            return None
