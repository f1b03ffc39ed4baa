"""What an audit finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class IntegrityFinding:
    """One thing that is not as the events say: where, and what."""

    kind: str
    where: str
    message: str

    def as_json(self) -> dict[str, str]:
        """The finding as a program reads it."""
        return {"kind": self.kind, "where": self.where, "message": self.message}
