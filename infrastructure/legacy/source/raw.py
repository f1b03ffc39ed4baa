"""A row of the legacy table as text, and the error of a dump that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import LedgerError


class UnreadableDump(LedgerError):
    """The file or table cannot be read as a legacy table; nothing was imported."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as text; None is NULL. `line` is its place in the file, or in the result of the database."""

    line: int
    columns: tuple[str, ...]
    values: tuple[str | None, ...]

    def as_dict(self) -> dict[str, str | None]:
        """The row by column."""
        return dict(zip(self.columns, self.values, strict=True))


def decoded(line: bytes, number: int) -> str:
    """A line as text. Refuses: UnreadableDump, naming the line."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise UnreadableDump(f"line {number} is not UTF-8: {wrong.reason} at its byte {wrong.start}") from None
