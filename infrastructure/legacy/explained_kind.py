"""A kind of something, with what it means to people."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class ExplainedKind(StrEnum):
    """A kind that programs know by its name, and people by its meaning."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        """A kind is its name; the meaning is kept beside it."""
        kind = str.__new__(cls, name)
        kind._value_, kind.meaning = name, meaning
        return kind
