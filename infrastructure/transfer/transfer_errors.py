"""Errors of exports and imports."""

from __future__ import annotations

from typing import Self

from domain.errors import LedgerError


class ExportRefused(LedgerError):
    """The export cannot be written to this destination, or not in this format."""


class ImportRefused(LedgerError):
    """The file is not a whole export of a ledger, or it must not be imported into this ledger."""

    @classmethod
    def at(cls, line: int, why: str) -> Self:
        """Name the line of the file."""
        return cls(f"line {line:,}: {why}", line=line)
