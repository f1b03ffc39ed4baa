"""The advisory locks of a ledger, of which each schema has its own."""

from __future__ import annotations

import zlib
from typing import Final

from infrastructure.settings import Settings

MIGRATION_LOCK: Final = 20_557
"""Held by whoever makes or migrates the schema."""
APPEND_LOCK: Final = 20_558
"""Shared by writers; exclusive, for an instant, for whoever asks how far the log is settled."""


def lock_key(settings: Settings) -> int:
    """The second half of the key of a lock, which is the schema's."""
    return zlib.crc32(settings.schema.encode()) - 2**31
