"""The port to the connections of a database: how the statements that both databases share are executed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class SqlConnections(Protocol):
    """The connections of one database."""

    def rows(self, statement: str, values: Any = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query."""

    def scan(self, statement: str, values: Any = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that may return millions."""

    def write(self, work: Callable[[Any], Result]) -> Result:
        """Run `work` in one transaction; it executes its statements on what it is given.

        Refuses: SchemaMismatch when a later version of this software has migrated the ledger since it was opened.
        """
