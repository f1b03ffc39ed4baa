"""Errors of exports and imports."""

from __future__ import annotations

from typing import Self

from domain.errors import LedgerError


class ExportRefused(LedgerError):
    """The export cannot be written to this destination, or not in this format."""


class _FileRefused(LedgerError):
    """A file cannot be imported, mostly because of one of its lines."""

    @classmethod
    def at(cls, line: int, why: str) -> Self:
        """Name the line of the file."""
        return cls(f"line {line:,}: {why}", line=line)


class ImportRefused(_FileRefused):
    """The file is not a whole export of a ledger, or it must not be imported into this ledger."""


class StatementRefused(_FileRefused):
    """The file is no such statement, or contradicts what is in the ledger; nothing of it is written."""

    def in_file(self, name: str) -> Self:
        """Name the file as well."""
        return type(self)(f"{name}: {self.message}", **self.details, file=name)
