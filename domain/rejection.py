"""What the ledger keeps of a duplicate that it refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from domain.commands.base import Command
from domain.errors import CommandRefused
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

    @classmethod
    def of(cls, command: Command, refusal: CommandRefused, *, command_id: str, ts_recorded: datetime) -> Self:
        """What is kept of a refused duplicate."""
        details: dict[str, Any] = refusal.details
        return cls(
            ts_recorded=ts_recorded,
            stream=command.key.stream,
            command=command.verb,
            command_id=command_id,
            intent_id=getattr(command, "intent_id", None),
            source=command.source.value,
            error=type(refusal).__name__,
            detected_by=details.get("detected_by", "state"),
            position_id=details.get("position_id"),
            holder_intent_id=details.get("intent_id"),
            message=refusal.message,
        )

    @property
    def key(self) -> PositionKey | None:
        """Which slot was asked for; None for a stream that no ledger wrote, which `verify` names."""
        try:
            return PositionKey.parse(self.stream)
        except ValueError:
            return None
