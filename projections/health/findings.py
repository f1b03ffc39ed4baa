"""What an audit finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from domain.json_object import JsonObject


@dataclass(frozen=True)
class IntegrityFinding(JsonObject):
    """One thing that is not as the events say: where, and what.

    `kind`: `version`, `hash`, `nid`, `columns`, `event`, `stream`, `row`, `projection`, `refusal`, `guard`, `storage`
    or `anchor`. `stream`: whose events or rows they are; None for what belongs to no history, a refusal or a guard.
    """

    kind: str
    where: str
    message: str
    stream: str | None = None

    json_keys: ClassVar = ("kind", "where", "message")
