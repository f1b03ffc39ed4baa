"""Divergences: differences between the legacy table and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from domain.json_object import JsonObject
from domain.values import timestamp_text
from infrastructure.legacy.explained_kind import ExplainedKind


class DivergenceKind(ExplainedKind):
    """The kinds of divergences, worst first."""

    SECOND_ROW = "second_row", "the old bot opened a second row while the ledger holds the slot"
    ROLLBACK_WITHOUT_PROOF = (
        "rollback_without_proof",
        "a row is rolled back, and nothing proves that the exchange is flat",
    )
    REFUSED = "refused", "the ledger refuses what the old bot did"
    CONTRADICTED = "contradicted", "a row is over while another row of the same position is still open"
    DIFFERS = "differs", "row and position differ after all that could be mirrored"
    DELETED = "deleted", "a row was deleted while its position is open"
    NOT_IMPORTED = "not_imported", "a row that was neither imported nor inserted since the trigger is there"
    NOT_MIRRORED = "not_mirrored", "a fact that the ledger has no use for"
    UNREADABLE = "unreadable", "a row that cannot be understood"


@dataclass(frozen=True)
class Divergence(JsonObject):
    """One divergence: the change, the position, and the difference. `facts` are for programs."""

    kind: DivergenceKind
    change: int
    at: datetime
    legacy_id: str | None
    position_id: str | None
    message: str
    facts: dict[str, Any] = field(default_factory=dict)

    json_keys: ClassVar = ("kind", "change", "at", "legacy_id", "position_id", "message", "**facts")

    def __str__(self) -> str:
        """The divergence on one line."""
        where = " ".join(part for part in (f"row {self.legacy_id}" if self.legacy_id else "", self.position_id) if part)
        return f"{timestamp_text(self.at)} {self.kind.value}: {where}: {self.message}"
