"""Reading stored times, also those that Python cannot represent."""

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
    """Returns `infinity`, and years that Python does not have, as text, so that the reader of a row can name the row.

    Without it the driver raises, and the error does not say in which row.
    """

    def __init__(self, oid: int, context: psycopg.abc.AdaptContext | None = None) -> None:
        """Load other times as the driver does."""
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
    """Make a connection load times this way."""
    connection.adapters.register_loader(_TYPE, StoredTime)
