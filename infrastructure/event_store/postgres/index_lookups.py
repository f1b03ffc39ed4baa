"""The check that the indexes find every row: what a damaged unique index does not find could be recorded twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg import errors

from infrastructure.event_store.postgres.guards import UNIQUE
from infrastructure.event_store.postgres.session.connections import Connection, Connections
from infrastructure.event_store.vocabulary.storage import Storage
from projections.formatting import counted

_TABLES: Final = ("ledger_events", "positions", "positions_orders")
"""The tables that decide what is recorded; rows of other projections are folded anew when they are missing."""
_INDEXES: Final = {
    "ledger_events_mark": "ledger_events USING btree (stream, mark, cycle) WHERE mark IS NOT NULL",
    "positions_strays": "positions USING btree (stream) WHERE stray",
    **UNIQUE,
}
_ONE_BY_ONE: Final = "SELECT " + ", ".join(
    f"pg_catalog.set_config('enable_{way}', 'off', true)"
    for way in ("hashjoin", "mergejoin", "seqscan", "bitmapscan", "tidscan", "memoize", "material")
)
"""Makes PostgreSQL look up each row by an index; otherwise it would join the table with itself."""


def _missed(on: str) -> tuple[str, str]:
    """The table of an index, and the query that reads it page by page and counts the rows missing in the index."""
    parts = re.fullmatch(r"(\w+) USING btree \((.*?)\)(?: WHERE (.*))?", on)
    assert parts is not None, on
    table, columns, condition = parts.groups()
    rows = f"SELECT ctid AS at, {columns} FROM {table}"
    part = f" WHERE {condition}" if condition else ""
    same = " AND ".join(f"found.{column} = each.{column}" for column in [*columns.split(", "), "at"])
    return table, (
        f"SELECT pg_catalog.count(*) FROM ({rows} TABLESAMPLE pg_catalog.system (100){part}) AS each"
        f" WHERE NOT EXISTS (SELECT FROM ({rows}{part}) AS found WHERE {same})"
    )


_MISSED: Final = {
    name: (table, question) for name, on in _INDEXES.items() for table, question in [_missed(on)] if table in _TABLES
}


def storage(connections: Connections) -> Storage:
    """The indexes that are damaged or do not find every row, and those that this server does not use for lookups.

    Nothing is known of the latter.
    """
    broken, unchecked = [], []
    with _looking_up(connections) as connection:
        for name, (table, question) in _MISSED.items():
            if not _is_used(connection, name, question):
                unchecked.append(f"index {name}: this server does not use it for lookups")
                continue
            try:
                with connection.transaction():
                    found = connection.execute(question.encode()).fetchone()
            except (errors.DataCorrupted, errors.IndexCorrupted) as cause:
                broken.append(f"{name}: {str(cause).splitlines()[0]}")
                continue
            assert found is not None, "a count is one row"
            if found[0]:
                broken.append(f"{counted(found[0], 'row')} of {table} missing from index {name}")
    return Storage(broken, unchecked)


def _is_used(connection: Connection, name: str, question: str) -> bool:
    plan = connection.execute(f"EXPLAIN (FORMAT JSON) {question}".encode()).fetchone()
    return f'"Index Name": "{name}"' in json.dumps(plan)


@contextmanager
def _looking_up(connections: Connections) -> Iterator[Connection]:
    """A transaction (or a savepoint of the one that this thread is in) in which rows are looked up by index."""
    with connections.reading() as connection, connection.transaction(force_rollback=True):
        connection.execute(_ONE_BY_ONE.encode())
        yield connection
