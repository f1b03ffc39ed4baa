"""The findings of an audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from domain.json_object import JsonObject


@dataclass(frozen=True)
class IntegrityFinding(JsonObject):
    """One thing that is damaged: its place, and what is wrong.

    `kind`: `version`, `hash`, `nid`, `columns`, `event`, `stream`, `row`, `projection`, `refusal`, `guard`, `storage`
    or `anchor`. `stream`: the stream of the damaged events or rows; None for damage outside the streams, such as to a
    refusal or a guard.
    """

    kind: str
    where: str
    message: str
    stream: str | None = None

    json_keys: ClassVar = ("kind", "where", "message")
