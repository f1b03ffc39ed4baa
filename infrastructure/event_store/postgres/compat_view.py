"""The view that shows positions as the legacy table did, and how views survive the swap of the positions table."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import psycopg
from psycopg import errors, sql

from infrastructure.event_store.compat_view import ViewName, ViewRefused
from infrastructure.event_store.postgres.session.connections import Connection, Connections
from infrastructure.event_store.postgres.session.server_errors import explained
from infrastructure.event_store.sql.dialect import POSTGRES
from infrastructure.settings import Settings

_TEMPLATE: Final = files(__package__) / "legacy_view.sql"
_GRANTS: Final = ("GRANT USAGE ON SCHEMA {schema} TO {role}", "GRANT SELECT ON {view} TO {role}")
_HAS_SCHEMA: Final = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)"
_CREATE_SCHEMA: Final = "CREATE SCHEMA IF NOT EXISTS {schema}"
_IS_VIEW: Final = "SELECT relkind IN ('v', 'm') FROM pg_class WHERE oid = pg_catalog.to_regclass(%s)::oid"
_LOOKING: Final = (
    "SELECT nspname, relname, pg_catalog.pg_get_userbyid(relowner),"
    " coalesce(' WITH (' || pg_catalog.array_to_string(reloptions, ', ') || ')', ''),"
    " pg_catalog.pg_get_viewdef(pg_class.oid)"
    " FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE relkind = 'v' AND pg_class.oid IN ("
    "SELECT ev_class FROM pg_rewrite JOIN pg_depend ON classid = 'pg_rewrite'::regclass::oid AND objid = pg_rewrite.oid"
    " WHERE refclassid = 'pg_class'::regclass::oid AND refobjid = 'positions'::regclass::oid) ORDER BY pg_class.oid"
)
_ORDERS: Final = POSTGRES.orders.format(table="positions").replace("positions.", "p.")
"""Replaces `p.orders` in a view from before schema 5: the same text, read from the table that has the orders now."""


def statements(name: ViewName, settings: Settings, role: str | None = None) -> list[str]:
    """The statements that create the schema of the view, create or replace the view, and let a role read it."""
    schema = name.schema or settings.schema
    names = {"schema": sql.Identifier(schema), "view": sql.Identifier(schema, name.name)}
    view = _TEMPLATE.read_text().format(view=names["view"].as_string()).strip().removesuffix(";")
    grants = [sql.SQL(grant).format(**names, role=sql.Identifier(role)).as_string() for grant in _GRANTS if role]
    return [sql.SQL(_CREATE_SCHEMA).format(**names).as_string(), view, *grants]


def create(connections: Connections, name: ViewName, role: str | None = None) -> None:
    """Create or replace the view. Refuses: ViewRefused when its name is taken; StoreUnavailable."""
    try:
        with connections.alone() as connection, connection.transaction():
            make_schema, *others = statements(name, connections.settings, role)
            if connection.execute(_HAS_SCHEMA, (name.schema or connections.settings.schema,)).fetchone() != (True,):
                connection.execute(make_schema.encode())
            _require_ours(connection, name, connections.settings)
            for statement in others:
                connection.execute(statement.encode())
    except errors.WrongObjectType:
        raise ViewRefused.by_no_view(str(name)) from None
    except psycopg.Error as error:
        raise explained(error, connections.settings) from None


def _require_ours(connection: Connection, name: ViewName, settings: Settings) -> None:
    schema = name.schema or settings.schema
    is_view = connection.execute(_IS_VIEW, (sql.Identifier(schema, name.name).as_string(),)).fetchone() == (True,)
    if is_view and (schema, name.name) not in {each[:2] for each in connection.execute(_LOOKING)}:
        raise ViewRefused.by_another(str(name), settings.shown)


class ViewsOfPositions:
    """The views over the positions table, which must be defined anew after a swap: a view keeps to a table, not a name.

    They are locked before the table, in the order in which a reader locks; and replaced, not dropped, so that their
    privileges and the views over them stay.
    """

    def __init__(self, connection: Connection) -> None:
        """Lock the views, and read their definitions."""
        self._connection = connection
        self._definitions = connection.execute(_LOOKING).fetchall()
        for schema, name, owner, _, _ in self._definitions:
            # Changes nothing and locks only the view: LOCK TABLE would also lock every table it reads, the log too.
            view = sql.Identifier(schema, name)
            connection.execute(sql.SQL("ALTER VIEW {} OWNER TO {}").format(view, sql.Identifier(owner)))

    def look_again(self) -> None:
        """Define them anew over the table that has the name `positions` now."""
        for schema, name, _, options, definition in self._definitions:
            view = sql.Identifier(schema, name).as_string()
            found = definition.replace("p.orders", _ORDERS) if " positions p" in definition else definition
            self._connection.execute(f"CREATE OR REPLACE VIEW {view}{options} AS {found}".encode())
