"""Warnings about a file that SQLite serves, and that it may damage or grant twice all the same."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from infrastructure.event_store.vocabulary.caution import Caution
from infrastructure.settings import Settings

_FIXED_WAL_RESET = (3, 51, 3)
_MOUNTS = Path("/proc/self/mountinfo")
_OF_NETWORKS: Final = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "gfs2", "lustre", "nfs", "nfs4", "smb3"}
)


def file_caution(settings: Settings) -> Caution | None:
    """A warning about where the file lies, or else about the version of SQLite that Python uses; None for neither."""
    return (None if settings.is_memory else _network_caution(settings.where)) or _wal_caution()


def _network_caution(where: str) -> Caution | None:
    system = _file_system(where)
    if system not in _OF_NETWORKS:
        return None
    return Caution(
        f"{where} lies on a network folder ({system}). Processes of one machine may share it; bots of two machines do "
        "not see what each other writes, and both are granted the same slot, without an error",
        "let one machine alone have it open; for several, `position-ledger export --output ledger.jsonl.gz`, and "
        "import it into PostgreSQL",
    )


def _file_system(where: str) -> str | None:
    """The kind of file system on which a file lies; None when the system does not say."""
    try:
        device = Path(where).stat().st_dev
        mounts = _MOUNTS.read_text(errors="replace").splitlines()  # names of folders are any bytes
    except OSError:
        return None
    number = f"{os.major(device)}:{os.minor(device)}"
    found = (mount.partition(" - ") for mount in mounts)
    return next((what.split()[0] for mounted, _, what in found if mounted.split()[2] == number), None)


def _wal_caution() -> Caution | None:
    if sqlite3.sqlite_version_info >= _FIXED_WAL_RESET:
        return None
    return Caution(
        f"SQLite {sqlite3.sqlite_version} is older than 3.51.3, up to which two processes that write to one file are "
        "reported to be able to damage its write-ahead log. One process alone is safe; for several, use PostgreSQL, or "
        "a Python whose sqlite3.sqlite_version is later",
        "`position-ledger export --output ledger.jsonl.gz`, and import it into PostgreSQL; or run a Python with a "
        "later SQLite",
    )
