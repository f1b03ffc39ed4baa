"""Times as they are stored, those that Python has no time for included."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

_TYPE: Final = "timestamptz"
_Times = psycopg.adapters.get_loader(psycopg.adapters.types[_TYPE].oid, Format.TEXT)


class StoredTime(Loader):
    """Gives back `infinity`, and years that Python does not have, as text: whoever reads a row then refuses it by name.

    Without it the driver raises, and nobody learns in which row.
    """

    def __init__(self, oid: int, context: psycopg.abc.AdaptContext | None = None) -> None:
        """Read times as the driver does."""
        super().__init__(oid, context)
        assert _Times is not None, "the driver reads times"
        self._times = _Times(oid, context)

    def load(self, data: Buffer) -> datetime | str:
        """The time, or its text."""
        try:
            time: datetime = self._times.load(data)
        except psycopg.DataError:
            return bytes(data).decode()
        return time


def register(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Let a connection read times so."""
    connection.adapters.register_loader(_TYPE, StoredTime)
