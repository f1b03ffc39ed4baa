"""The outbox of a legacy table: it yields every change once, in the order of writing, and none too early.

A change gets its number when it is written, but is visible only when its transaction commits: after number 6 was read,
number 5 may still appear. So the end of the outbox is noted together with a new transaction id, and the changes up to
that end are read only when every older transaction has ended. Changes of one row are in their true order, because the
second writer of a row waits until the first one has committed, and gets its number after that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Final, LiteralString, Self

import psycopg
from psycopg import errors, sql

from domain.errors import LedgerError, StoreUnavailable
from infrastructure.event_store.postgres.session import connection_info
from infrastructure.event_store.postgres.session.connection_info import KEPT_APART
from infrastructure.legacy.shadow.capture.trigger import Watched

CONNECT_TIMEOUT_SECONDS: Final = 10

_END: Final = (
    "SELECT max(id), CASE WHEN max(id) IS NOT NULL THEN pg_current_xact_id()::text::bigint END FROM {outbox}"
    " WHERE id > %s"
)
_OLDEST_RUNNING: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_CHANGES: Final = (
    "SELECT id, at, old_row::text, new_row::text FROM {outbox} WHERE id > %s AND id <= %s ORDER BY id LIMIT %s"
)
_LAST_CHANGE: Final = (
    "SELECT id, at, old_row::text, new_row::text FROM {outbox}"
    " WHERE id <= %s AND coalesce(new_row, old_row) ->> 'id' = %s ORDER BY id DESC LIMIT 1"
)
_CURSOR: Final = "SELECT id FROM {cursors} WHERE ledger = %s"
_ADVANCE: Final = (
    "INSERT INTO {cursors} (ledger, id) VALUES (%s, %s)"
    " ON CONFLICT (ledger) DO UPDATE SET id = excluded.id, at = clock_timestamp()"
)


class NoOutbox(LedgerError):
    """The database has no outbox for that table, or its URL is none."""


@dataclass(frozen=True)
class End:
    """The last number of the outbox at one moment, and the transaction before which all others must have ended."""

    id: int
    transaction: int


@dataclass(frozen=True)
class RawChange:
    """A change as it is in the outbox: its rows are JSON."""

    id: int
    at: datetime
    was: str | None
    becomes: str | None


class Outbox:
    """Reads the outbox of one table; a context manager.

    Refuses: NoOutbox; StoreUnavailable, without repeating a password.
    """

    def __init__(self, url: str, table: Watched) -> None:
        """Connect, with the session in UTC, and times as ISO has them, whatever the database spells by itself."""
        self._table = table
        try:
            self._words = connection_info.parameters_of(url)
        except ValueError as wrong:
            raise NoOutbox(
                f"--from is not a database URL: {wrong}; it looks like postgresql://user@host:5432/database, with the "
                f"password in {KEPT_APART}"
            ) from None
        with self._explained():
            self._connection = psycopg.connect(
                url,
                autocommit=True,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                client_encoding="UTF8",
                application_name="position-ledger shadow",
            )
            self._connection.execute("SET TIME ZONE 'UTC'")
            self._connection.execute("SET DateStyle = 'ISO'")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def end(self, after: int) -> End | None:
        """The current end; None if there is nothing after a number."""
        number, transaction = self._ask(_END, (after,))[0]
        return None if number is None else End(number, transaction)

    def is_settled(self, end: End) -> bool:
        """Whether no further change can appear up to an end that was noted."""
        oldest_running: int = self._ask(_OLDEST_RUNNING)[0][0]
        return oldest_running > end.transaction

    def changes(self, after: int, upto: int, limit: int) -> list[RawChange]:
        """The next changes up to a number that is settled."""
        return [RawChange(*values) for values in self._ask(_CHANGES, (after, upto, limit))]

    def last_change(self, legacy_id: str, upto: int) -> RawChange | None:
        """The last change of a row up to a number; it scans the outbox, because this is seldom needed."""
        found = self._ask(_LAST_CHANGE, (upto, legacy_id))
        return RawChange(*found[0]) if found else None

    def cursor(self, ledger: str) -> int:
        """How far a ledger has read; 0 when it has not begun."""
        found = self._ask(_CURSOR, (ledger,))
        return found[0][0] if found else 0

    def advance(self, ledger: str, number: int) -> None:
        """Store how far a ledger has read."""
        with self._explained():
            self._connection.execute(self._written(_ADVANCE), (ledger, number))

    def _ask(self, question: LiteralString, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._explained():
            return self._connection.execute(self._written(question), values).fetchall()

    def _written(self, statement: LiteralString) -> sql.Composed:
        return sql.SQL(statement).format(
            outbox=self._table.identifier("outbox"), cursors=self._table.identifier("cursors")
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (errors.UndefinedTable, errors.InvalidSchemaName):
            raise NoOutbox(
                f"there is no outbox beside {self._table}; `position-ledger shadow --print-trigger --table "
                f"{self._table}` prints the SQL that makes one"
            ) from None
        except psycopg.Error as error:
            reason = connection_info.without_secrets(" ".join(str(error).split()), self._words)
            raise StoreUnavailable(f"the outbox of {self._table} could not be read: {reason}") from None
