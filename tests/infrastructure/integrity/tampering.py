"""Changing what an SQLite ledger keeps, as whoever owns its file can."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

Tamper = Callable[[str], None]


def on_sqlite(file: str, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        for _, text in triggers:
            connection.execute(text)
        connection.commit()
