"""Errors of exports and imports."""

from __future__ import annotations

from typing import Self

from domain.errors import LedgerError


class ExportRefused(LedgerError):
    """What was asked for cannot be written there, or not in this format."""


class ImportRefused(LedgerError):
    """The file is not a whole export of a ledger, or the ledger is not one that it may go into."""

    @classmethod
    def at(cls, line: int, why: str) -> Self:
        """Name the line of the file."""
        return cls(f"line {line:,}: {why}", line=line)
