"""The file that a connection has open, and the check that its name still means that file."""

from __future__ import annotations

import os
import shlex
import sqlite3
import stat
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from domain.errors import StoreUnavailable
from infrastructure.event_store.opener import OpenedElsewhere, Opener

Identity = tuple[int, int]


_BESIDE: Final = {
    "-wal": (
        "What was recorded last is in it alone: let every process that has the ledger open disconnect, and the last "
        "writes it into the file; one that is killed, also by SIGTERM, takes it along"
    ),
    "-shm": (
        "The locks of all processes are on it: kill every process that has the ledger open (SIGKILL, for one that ends "
        "by itself throws away what others have appended since)"
    ),
}
"""What SQLite keeps beside a file, and what to do when that is gone: the write-ahead log, and its index."""


class _Beside:
    """The identities of what the connections of this process to one file use beside it.

    SQLite opens the -shm once for all of them, so one that is opened after it was deleted uses the lost one as well.
    """

    def __init__(self, known: tuple[Identity | None, ...]) -> None:
        self.known, self.process = known, Opener.here


_IN_USE: Final = WeakValueDictionary[Identity, _Beside]()
"""By the file, as long as one of its connections is open."""


class FileConnection(sqlite3.Connection):
    """A connection that remembers what it uses beside the file."""

    beside: _Beside | None = None

    def close(self) -> None:
        """Forget what is beside the file first: whoever closes the last connection deletes it."""
        self.beside = None
        super().close()


class LedgerFile:
    """The file of a ledger and what is beside it; each needs the others."""

    def __init__(self, where: str) -> None:
        """Resolve the path. Refuses: StoreUnavailable for a relative path if the current folder was deleted."""
        try:
            self.path = Path(os.path.realpath(where))
            asked = str(Path(where).absolute())
        except FileNotFoundError as gone:
            raise StoreUnavailable(
                f"{where} is named from the current folder, and that was deleted; change into one that is there, or "
                "name the ledger by its absolute path"
            ) from gone
        self._name = str(self.path)
        self._link = None if asked == self._name else asked
        self._beside = [f"{self.path}{ending}" for ending in _BESIDE]
        self._where = where
        self._identity = self._identity_of(self._name)
        self._was_filled = False

    @property
    def is_there(self) -> bool:
        """Whether there is a file of this name."""
        return self._stat(self._name) is not None

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked while its parent had the file open, and SQLite took over its locks."""
        beside = None if self._identity is None else _IN_USE.get(self._identity)
        return beside is not None and beside.process != Opener.here

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
            return os.stat(path)  # noqa: PTH116 - asked thrice an append, and a Path takes as long again
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
        if self._identity is None:
            self._identity = self._identity_of(self._name)
        connection.beside = self._shared(self._identities_beside())

    def missing_beside(self) -> str | None:
        """What is not beside the file, if others may use it; None also when this process has a connection to it.

        An empty file, or one that is not there, has nothing beside it.
        """
        if self._identity in _IN_USE or not self._was_filled:
            return None
        found = zip(_BESIDE, self._identities_beside(), strict=True)
        return next((ending for ending, identity in found if identity is None), None)

    def lost(self, ending: str) -> StoreUnavailable:
        """The error for what is beside the file no more, though it is open in this process."""
        return StoreUnavailable(
            f"{self._where}{ending} was deleted or replaced while {self._where} was open in this process, so nobody is "
            f"answered from it; nothing was written. {_BESIDE[ending]}. Then look at it with `position-ledger verify`"
        )

    def lost_elsewhere(self, ending: str) -> StoreUnavailable:
        """The error for what is not beside the file, though another process has it open.

        A file that another program has locked for itself alone, or has without a write-ahead log, looks the same.
        """
        return StoreUnavailable(
            f"there is no {self._where}{ending}, though {self._where} is open in another process, so nobody is "
            "answered from it; nothing was written. If that process has locked the file for itself alone, wait until "
            f"it is done. If not, {self._where}{ending} was deleted. {_BESIDE[ending]}. Then look at it with "
            "`position-ledger verify`"
        )

    def inherited(self) -> OpenedElsewhere:
        """The error for a process that `is_inherited`.

        Others do not see its locks: whoever disconnects last but for it deletes the -wal under it, and with that what
        it was told is recorded.
        """
        return OpenedElsewhere(
            f"{self._where} cannot be opened here: this process was forked while its parent had the file open, and "
            "SQLite takes the locks of then for its own, for ever; nothing was written. Let the parent disconnect "
            "before it forks"
        )

    def _shared(self, found: tuple[Identity | None, ...]) -> _Beside:
        """What the connections of this process use; one that has no write-ahead log yet keeps none of others alive."""
        if self._identity is None or not any(found):
            return _Beside(found)
        return _IN_USE.setdefault(self._identity, _Beside(found))

    def _identities_beside(self) -> tuple[Identity | None, ...]:
        return tuple(map(self._identity_of, self._beside))

    def require(self, connection: FileConnection) -> None:
        """Refuses: StoreUnavailable unless all names still mean the files that the connection has open."""
        self.require_name()
        found, beside = self._identities_beside(), connection.beside
        assert beside is not None, "it is open, and was met"
        if found == beside.known:
            return
        for ending, was, now in zip(_BESIDE, beside.known, found, strict=True):
            if was not in (None, now):
                raise self.lost(ending)
        connection.beside = self._shared(found)

    def require_name(self) -> None:
        """Refuses: StoreUnavailable unless this one name still means the file that was opened, and it is not emptied.

        A link by which it was opened has to lead to it, and it has to be where it was: what is beside it is found by
        the name that it had. A connection works on for a long time with cached pages of a file that has been emptied.
        """
        if self._link is not None:
            self._require_same(self._stat(self._link))
        found = self._stat(self._name)
        self._require_same(found)
        if found is not None and found.st_nlink > 1 and stat.S_ISREG(found.st_mode):  # a folder has many
            raise StoreUnavailable(
                f"{self._where} has {found.st_nlink} names (hard links), and whoever opens it by another one writes "
                "to another write-ahead log, which this one would not see; nothing was written. End every process that "
                "has it open by another name, and delete that name; of backups that share files, delete none: open a "
                f"copy. The names: find / -samefile {shlex.quote(self._name)}"
            )
        is_empty = found is None or found.st_size == 0
        if is_empty and self._was_filled:
            raise StoreUnavailable(
                f"{self._where} was emptied while it was open; nothing was written. Keep {self._where}-wal if it is "
                "there, end every process that has the ledger open, and restore a backup"
            )
        self._was_filled = not is_empty

    def _require_same(self, found: os.stat_result | None) -> None:
        named = None if found is None else (found.st_dev, found.st_ino)
        if self._identity not in (None, named):
            became = "is not there any more" if found is None else "is another file by now"
            raise StoreUnavailable(
                f"{self._where} was opened as the ledger, and {became}: it was moved, replaced or deleted; nothing was "
                "written. Put that file back, or connect to it where it is now"
            )
