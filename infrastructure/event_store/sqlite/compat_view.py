"""The view that shows positions as the legacy table did."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from typing import Final

from infrastructure.event_store.compat_view import ViewName, ViewRefused
from infrastructure.event_store.sql.dialect import SQLITE
from infrastructure.event_store.sqlite.connections import Connections

_TEMPLATE: Final = files(__package__) / "legacy_view.sql"
_KIND: Final = "SELECT type FROM sqlite_schema WHERE name = ? COLLATE NOCASE"
_READING_ORDERS: Final = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'view' AND sql LIKE '% json_each(p.orders) %'"
)
_ORDERS: Final = SQLITE.orders.format(table="positions").replace("positions.", "p.")
"""Replaces `p.orders` in a view from before schema 5: the same text, read from the table that has the orders now."""


def look_again(connection: sqlite3.Connection) -> None:
    """Define anew the views that read the orders from a column of the positions table, where they used to be."""
    for name, definition in connection.execute(_READING_ORDERS).fetchall():
        connection.execute(f'DROP VIEW "{name}"')
        connection.execute(definition.replace("p.orders", _ORDERS))


def create(connections: Connections, name: ViewName) -> None:
    """Create or replace the view under its joined name. Refuses: ViewRefused when the name belongs to no view."""

    def write(connection: sqlite3.Connection) -> None:
        found = connection.execute(_KIND, (name.joined,)).fetchone()
        if found is not None and found[0] != "view":
            raise ViewRefused.by_no_view(name.joined)
        connection.execute(f'DROP VIEW IF EXISTS "{name.joined}"')
        connection.execute(_TEMPLATE.read_text().format(view=f'"{name.joined}"'))

    connections.write(write)
