"""What rows of a legacy table were before they were changed: whole, exact, and on the disk before anything happens."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

from psycopg import sql

from domain.errors import LedgerError
from domain.values import timestamp_text
from infrastructure.legacy.cleanup.plan import MARK, RowChange

FORMAT: Final = "position-ledger cleanup backup, version 1"
_RESTORE: Final = (
    "UPDATE {table} AS t SET {columns} FROM jsonb_populate_recordset(NULL::{table}, :'backup'::jsonb -> 'rows') AS b"
    " WHERE {same}"
)
_STILL_AS_WE_LEFT_IT: Final = " AND t.{reason} LIKE {mark}"


class BackupRefused(LedgerError):
    """The backup cannot be written; nothing was changed."""


def restoring(place: tuple[str, str], changed: Sequence[str], identity: Sequence[str], reason: str | None) -> str:
    """The statement that puts the rows of a backup back, for psql, where `backup` holds the file."""

    def each(pattern: str, names: Sequence[str], separator: str) -> sql.Composed:
        return sql.SQL(separator).join(sql.SQL(pattern).format(name=sql.Identifier(name)) for name in names)

    statement = sql.SQL(_RESTORE).format(
        table=sql.Identifier(*place),
        columns=each("{name} = b.{name}", changed, ", "),
        same=each("t.{name} IS NOT DISTINCT FROM b.{name}", identity, " AND "),
    )
    if reason is not None:
        statement += sql.SQL(_STILL_AS_WE_LEFT_IT).format(reason=sql.Identifier(reason), mark=sql.Literal(f"{MARK}%"))
    return statement.as_string(None)


@dataclass(frozen=True)
class Backup:
    """What is to be kept: the whole rows, why they are changed, and how they are put back."""

    changes: Sequence[RowChange]
    table: str
    reason: str
    restore: str
    made_at: datetime

    def as_json(self) -> dict[str, Any]:
        """The document, as it is written."""
        return {
            "format": FORMAT,
            "made_at": timestamp_text(self.made_at),
            "table": self.table,
            "reason": self.reason,
            "restore": self.restore,
            "rows": [change.row.raw.as_dict() for change in self.changes],
            "changes": [change.as_json() for change in self.changes],
        }

    def write(self, path: Path) -> None:
        """Write a file that is not there yet, and wait until the disk has it. Refuses: BackupRefused."""
        try:
            with path.open("x", encoding="utf-8") as file:
                _write(file, self.as_json())
            _sync_folder(path.resolve().parent)
        except FileExistsError:
            raise BackupRefused(f"there is a file {path} already; name another one with --backup FILE") from None
        except OSError as error:
            raise BackupRefused(
                f"the backup cannot be written to {path}: {error}; nothing was changed. Name another file with --backup"
            ) from error


def _write(file: TextIO, document: dict[str, Any]) -> None:
    json.dump(document, file, indent=2, ensure_ascii=False)
    file.write("\n")
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """A file is there after a power cut only when its folder says so."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
