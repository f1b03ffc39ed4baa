"""A change of the legacy table: a row as it was, and as it became."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final

from infrastructure.legacy.importing.import_findings import FindingSeverity, ImportFinding
from infrastructure.legacy.source.legacy_row import LegacyRow
from infrastructure.legacy.source.raw import RawRow
from infrastructure.legacy.source.row_translation import Translator

MIRRORED: Final = (
    "stream",
    "status",
    "side",
    "quantity",
    "avg_px_open",
    "stop_price",
    "stop_confirmed",
    "exchange_order_id",
)
"""The values of a row that the ledger has as well."""


class Unreadable(Exception):
    """A row cannot be read as a position."""


@dataclass(frozen=True)
class TableChange:
    """One write of the old bot, by its number in the outbox: no `before` is an insert, no `after` is a delete."""

    id: int
    at: datetime
    before: LegacyRow | None
    after: LegacyRow | None

    @property
    def row(self) -> LegacyRow:
        """The row after the change, or before it was deleted."""
        row = self.after or self.before
        assert row is not None, "a change of something"
        return row

    @property
    def opens(self) -> bool:
        """Whether the row is open now, and did not exist or was closed before."""
        return self.after is not None and self.after.is_open and (self.before is None or not self.before.is_open)

    @property
    def is_passing(self) -> bool:
        """Whether no value changed that the ledger has."""
        return self.before is not None and self.after is not None and same(self.before, self.after)


def same(one: LegacyRow, other: LegacyRow) -> bool:
    """Whether two rows agree in all values that the ledger has."""
    return all(getattr(one, name) == getattr(other, name) for name in MIRRORED)


class ChangeReader:
    """Reads the rows of an outbox in the way in which `import-legacy` reads those of the table."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        """Read naive times in `zone`, if one is given."""
        self._translator = Translator(zone)

    def read(self, number: int, at: datetime, was: str | None, becomes: str | None) -> TableChange:
        """Read both rows of a change. Refuses: Unreadable, naming the row."""
        return TableChange(number, at, self._row(number, was), self._row(number, becomes))

    def row(self, values: dict[str, str | None], number: int = 0) -> LegacyRow:
        """Read one row. Refuses: Unreadable."""
        read = self._translator.read(RawRow(number, tuple(values), tuple(values.values())))
        if isinstance(read, LegacyRow):
            return read
        raise Unreadable(_complaint(read, values))

    def _row(self, number: int, text: str | None) -> LegacyRow | None:
        return None if text is None else self.row(row_values(text), number)


def row_values(text: str) -> dict[str, str | None]:
    """A row of an outbox as text by column; numbers exactly as the database wrote them."""
    read = json.loads(text, parse_float=str, parse_int=str)
    return {name: _text(value) for name, value in read.items()}


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _complaint(findings: list[ImportFinding], values: dict[str, str | None]) -> str:
    messages = [finding.message for finding in findings if finding.severity is FindingSeverity.ERROR]
    return f"row {values.get('id') or 'without id'} cannot be read as a position: {'; '.join(messages)}"
