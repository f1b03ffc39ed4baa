"""What the operator of a database should know."""

from __future__ import annotations

from typing import NamedTuple


class Caution(NamedTuple):
    """What the operator of a database should know, and what would put it right."""

    message: str
    remedy: str

    def __str__(self) -> str:
        """Both, for a note."""
        return f"{self.message}. Next: {self.remedy}"


class Standing(NamedTuple):
    """Whether a commit waits for another machine, in words, and what the operator should know of it."""

    says: str
    caution: Caution | None
