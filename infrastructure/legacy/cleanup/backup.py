"""The backup of rows of a legacy table: complete and exact, and on the disk before anything is changed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from psycopg import sql

from domain.errors import LedgerError
from domain.json_object import JsonObject
from infrastructure.atomic_file import whole_file
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
    """The statement for psql that restores the rows of a backup; the variable `backup` has the content of its file."""

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
class Backup(JsonObject):
    """The whole rows, the reason of the change, and the statement that restores them."""

    changes: Sequence[RowChange]
    table: str
    reason: str
    restore: str
    made_at: datetime

    json_keys: ClassVar = (
        ("format", lambda _: FORMAT),
        "made_at",
        "table",
        "reason",
        "restore",
        ("rows", lambda backup: [change.row.raw.as_dict() for change in backup.changes]),
        "changes",
    )

    def write(self, path: Path) -> None:
        """Write a new file, and wait until it is on the disk. Refuses: BackupRefused, also for a file that exists."""
        taken = f"there is a file {path} already; name another one with --backup FILE"
        if os.path.lexists(path):  # a device, which would store nothing, and a link are refused as well
            raise BackupRefused(taken)
        try:
            with whole_file(path) as file:
                file.write(f"{json.dumps(self.as_json(), indent=2, ensure_ascii=False)}\n".encode())
        except FileExistsError:
            raise BackupRefused(taken) from None
        except OSError as error:
            raise BackupRefused(
                f"the backup cannot be written to {path}: {error}; nothing was changed. Name another file with --backup"
            ) from error
