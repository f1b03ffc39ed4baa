"""Divergences: differences between the legacy table and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final

from domain.json_object import JsonObject
from domain.values import timestamp_text


class DivergenceKind(StrEnum):
    """The kinds of divergences, worst first."""

    SECOND_ROW = "second_row"
    ROLLBACK_WITHOUT_PROOF = "rollback_without_proof"
    REFUSED = "refused"
    CONTRADICTED = "contradicted"
    DIFFERS = "differs"
    DELETED = "deleted"
    NOT_IMPORTED = "not_imported"
    NOT_MIRRORED = "not_mirrored"
    UNREADABLE = "unreadable"

    @property
    def meaning(self) -> str:
        """The kind in words, for people."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    DivergenceKind.SECOND_ROW: "the old bot opened a second row while the ledger holds the slot",
    DivergenceKind.ROLLBACK_WITHOUT_PROOF: "a row is rolled back, and nothing proves that the exchange is flat",
    DivergenceKind.REFUSED: "the ledger refuses what the old bot did",
    DivergenceKind.CONTRADICTED: "a row is over while another row of the same position is still open",
    DivergenceKind.DIFFERS: "row and position differ after all that could be mirrored",
    DivergenceKind.DELETED: "a row was deleted while its position is open",
    DivergenceKind.NOT_IMPORTED: "a row that was neither imported nor inserted since the trigger is there",
    DivergenceKind.NOT_MIRRORED: "a fact that the ledger has no use for",
    DivergenceKind.UNREADABLE: "a row that cannot be understood",
}


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
