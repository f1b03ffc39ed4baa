"""The view that shows positions as the legacy table did."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from typing import Final

from infrastructure.event_store.compat_view import ViewName, ViewRefused
from infrastructure.event_store.sqlite.connections import Connections

_TEMPLATE: Final = files(__package__) / "legacy_view.sql"
_KIND: Final = "SELECT type FROM sqlite_schema WHERE name = ? COLLATE NOCASE"


def create(connections: Connections, name: ViewName) -> None:
    """Make or renew the view, under its schema and name in one. Refuses: ViewRefused when its name is taken."""

    def write(connection: sqlite3.Connection) -> None:
        found = connection.execute(_KIND, (name.joined,)).fetchone()
        if found is not None and found[0] != "view":
            raise ViewRefused.by_no_view(name.joined)
        connection.execute(f'DROP VIEW IF EXISTS "{name.joined}"')
        connection.execute(_TEMPLATE.read_text().format(view=f'"{name.joined}"'))

    connections.write(write)
