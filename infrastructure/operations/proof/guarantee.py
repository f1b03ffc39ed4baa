"""A guarantee that a ledger needs of its server, and the result of its proof."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from domain.json_object import JsonObject


class Verdict(StrEnum):
    """The result of a proof."""

    PROVEN = "proven"
    WARNING = "warning"
    """The ledger works, but something may be lost that another set-up would keep."""
    FAILED = "failed"
    """The ledger must not be kept here."""
    UNKNOWN = "unknown"
    """It could not be tried."""


@dataclass(frozen=True)
class Guarantee(JsonObject):
    """One guarantee: what its proof saw, and what to do unless it is proven."""

    check: str
    verdict: Verdict
    evidence: str
    advice: str | None = None


@dataclass(frozen=True)
class DoctorReport(JsonObject):
    """All guarantees of one server."""

    database: str
    server: str
    checks: tuple[Guarantee, ...]

    json_keys: ClassVar = ("database", "server", "ok", "checks")

    @property
    def ok(self) -> bool:
        """Whether a ledger may be kept here: nothing failed, and nothing is unknown."""
        return all(each.verdict in (Verdict.PROVEN, Verdict.WARNING) for each in self.checks)


class NotGuaranteed(Exception):
    """What was seen instead of a guarantee, and what to do about it."""

    def __init__(self, evidence: str, advice: str, verdict: Verdict = Verdict.FAILED) -> None:
        super().__init__(evidence)
        self.evidence, self.advice, self.verdict = evidence, advice, verdict
