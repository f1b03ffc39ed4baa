"""The advisory locks of a ledger; each schema has its own."""

from __future__ import annotations

import zlib
from typing import Final

from infrastructure.settings import Settings

MIGRATION_LOCK: Final = 20_557
"""Held by a process that creates or migrates the schema."""
APPEND_LOCK: Final = 20_558
"""Writers share it; the query for the high-water mark takes it exclusively, for an instant."""

FILL_LOCK: Final = 20_559
"""Held by a process that fills the positions table of an earlier version."""


def lock_key(settings: Settings) -> int:
    """The second half of a lock's key, which stands for the schema."""
    return zlib.crc32(settings.schema.encode()) - 2**31
