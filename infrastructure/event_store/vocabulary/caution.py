"""Warnings for the operator of a database."""

from __future__ import annotations

from typing import NamedTuple


class Caution(NamedTuple):
    """A warning for the operator of a database, and how to put it right."""

    message: str
    remedy: str

    def __str__(self) -> str:
        """Both as one sentence after the other."""
        return f"{self.message}. Next: {self.remedy}"


class Standing(NamedTuple):
    """The replication of a database: whether a commit waits for another machine, as a sentence, and a warning."""

    says: str
    caution: Caution | None
