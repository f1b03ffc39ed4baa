"""The file that a connection has open, and the check that its name still means that file."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

from domain.errors import StoreUnavailable

Identity = tuple[int, int]


class FileConnection(sqlite3.Connection):
    """A connection that remembers the identity of the write-ahead log to which it appends."""

    log: Identity | None = None


class LedgerFile:
    """The file of a ledger and the write-ahead log beside it; each needs the other."""

    def __init__(self, where: str) -> None:
        """Resolve the path. Refuses: StoreUnavailable for a relative path if the current folder was deleted."""
        try:
            self.path = Path(os.path.realpath(where))
        except FileNotFoundError as gone:
            raise StoreUnavailable(
                f"{where} is named from the current folder, and that was deleted; change into one that is there, or "
                "name the ledger by its absolute path"
            ) from gone
        self._name, self._log = str(self.path), f"{self.path}-wal"
        self._where = where
        self._identity = self._identity_of(self._name)
        self._was_filled = False

    @property
    def is_there(self) -> bool:
        """Whether there is a file of this name."""
        return self._stat(self._name) is not None

    @property
    def has_folder(self) -> bool:
        """Whether its folder exists."""
        folder = self._stat(str(self.path.parent))
        return folder is not None and stat.S_ISDIR(folder.st_mode)

    def _identity_of(self, path: str) -> Identity | None:
        """Device and inode of a file; None when there is none of this name."""
        found = self._stat(path)
        return None if found is None else (found.st_dev, found.st_ino)

    def _stat(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(path)  # noqa: PTH116 - asked twice an append, and a Path takes as long again
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as wrong:
            raise StoreUnavailable(
                f"{self._where} cannot be looked up: {wrong.strerror}; nothing was written. Look at the path, at the "
                "rights to each of its folders, and at the disk"
            ) from wrong

    def meet(self, connection: FileConnection) -> None:
        """Remember which file a connection has opened, before it is used."""
        connection.execute("SELECT 1 FROM sqlite_schema").fetchone()  # the first read opens the write-ahead log
        connection.log = self._identity_of(self._log)
        if self._identity is None:
            self._identity = self._identity_of(self._name)

    def require(self, connection: FileConnection) -> None:
        """Refuses: StoreUnavailable unless both names still mean the files that the connection has open."""
        self.require_name()
        log = self._identity_of(self._log)
        if connection.log is None:
            connection.log = log
        elif log != connection.log:
            raise StoreUnavailable(
                f"{self._where}-wal was deleted or replaced while {self._where} was open, so nobody else would see "
                "what is appended; nothing was written. End every process that has the ledger open, and look at it "
                "with `position-ledger verify`"
            )

    def require_name(self) -> None:
        """Refuses: StoreUnavailable unless the name still means the file that was opened first, and it is not emptied.

        A connection works on for a long time with cached pages of a file that has been emptied.
        """
        found = self._stat(self._name)
        named = None if found is None else (found.st_dev, found.st_ino)
        if self._identity is not None and named != self._identity:
            became = "is not there any more" if found is None else "is another file by now"
            raise StoreUnavailable(
                f"{self._where} was opened as the ledger, and {became}: it was moved, replaced or deleted; nothing was "
                "written. Put that file back, or connect to it where it is now"
            )
        is_empty = found is None or found.st_size == 0
        if is_empty and self._was_filled:
            raise StoreUnavailable(
                f"{self._where} was emptied while it was open; nothing was written. Keep {self._where}-wal if it is "
                "there, end every process that has the ledger open, and restore a backup"
            )
        self._was_filled = not is_empty
