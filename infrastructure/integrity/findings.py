"""What an audit finds."""

from __future__ import annotations

from dataclasses import dataclass

from domain.json_object import JsonObject


@dataclass(frozen=True)
class IntegrityFinding(JsonObject):
    """One thing that is not as the events say: where, and what."""

    kind: str
    where: str
    message: str
