"""Privileges: those of the role that bots use, and those to create objects in the schema of a ledger."""

from __future__ import annotations

from typing import Final

from psycopg import sql

from domain.errors import SchemaMismatch
from infrastructure.event_store.postgres.appending.event_columns import EVENT_NAMES
from infrastructure.event_store.postgres.session.connections import Connection, Connections
from infrastructure.event_store.vocabulary.caution import Caution
from infrastructure.event_store.vocabulary.stored_rejection import REJECTION_COLUMNS
from infrastructure.settings import Settings

_PLACED: Final = {"ledger_events": EVENT_NAMES, "rejections": ", ".join(REJECTION_COLUMNS)}
"""The columns that a bot may insert; only the database itself assigns the nid or id of a row."""

GRANTS: Final = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "REVOKE INSERT ON ledger_events, rejections FROM {role}",
    "GRANT SELECT ON ledger_events, rejections, ledger_schema, projection_skips TO {role}",
    *(f"GRANT INSERT ({names}) ON {table} TO {{role}}" for table, names in _PLACED.items()),
    "GRANT SELECT ON SEQUENCE ledger_events_nid_seq TO {role}",
    "GRANT SELECT, UPDATE ON projections TO {role}",
    "GRANT SELECT, INSERT, UPDATE ON positions, positions_orders, projection_rows TO {role}",
    "GRANT SELECT, INSERT, UPDATE ON watches TO {role}",
)
"""All that a bot needs. Privileges beyond that, which an earlier version granted, are revoked."""

_HAS_ROLE: Final = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)"
_IS_OWNER: Final = (
    "SELECT pg_catalog.pg_get_userbyid(relowner) = %s FROM pg_class WHERE oid = 'ledger_events'::regclass::oid"
)
_GRANTED: Final = (
    "SELECT privilege_type, rolname, is_grantable FROM pg_class CROSS JOIN pg_catalog.aclexplode(relacl) AS acl"
    " LEFT JOIN pg_roles ON pg_roles.oid = acl.grantee"
    " WHERE pg_class.oid = 'positions'::regclass::oid AND acl.grantee <> relowner"
)
_BOTS: Final = (
    "WITH log AS (SELECT relowner, relacl FROM pg_class WHERE oid = 'ledger_events'::regclass::oid),"
    " acls AS (SELECT relacl AS acl FROM log UNION ALL"
    " SELECT attacl FROM pg_attribute WHERE attrelid = 'ledger_events'::regclass::oid)"
    " SELECT DISTINCT rolname FROM log CROSS JOIN acls CROSS JOIN pg_catalog.aclexplode(acls.acl) AS granted"
    " JOIN pg_roles ON pg_roles.oid = granted.grantee"
    " WHERE granted.privilege_type = 'INSERT' AND granted.grantee <> relowner"
)
_MAY_CLOSE: Final = (
    "SELECT pg_catalog.pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE oid = %s::regnamespace::oid"
)
CLOSE: Final = "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"
_MAKERS: Final = (
    "SELECT coalesce(rolname, 'PUBLIC') FROM pg_namespace CROSS JOIN pg_catalog.aclexplode(nspacl) AS acl"
    " LEFT JOIN pg_roles ON pg_roles.oid = acl.grantee WHERE nspname = %s AND acl.privilege_type = 'CREATE'"
    " AND acl.grantee <> nspowner AND acl.grantee <> ("
    "SELECT relowner FROM pg_class WHERE oid = 'ledger_events'::regclass::oid) ORDER BY 1"
)


def grant(connection: Connection, settings: Settings, runtime_role: str) -> None:
    """Grant a role what a bot needs, and nothing more; the owner has every privilege anyway.

    Refuses: SchemaMismatch when there is no such role.
    """
    if connection.execute(_HAS_ROLE, (runtime_role,)).fetchone() != (True,):
        raise SchemaMismatch(f"there is no role {runtime_role!r}; make it first: CREATE ROLE … LOGIN")
    if connection.execute(_IS_OWNER, (runtime_role,)).fetchone() == (True,):
        return
    for statement in GRANTS:
        connection.execute(
            sql.SQL(statement).format(schema=sql.Identifier(settings.schema), role=sql.Identifier(runtime_role))
        )


def bots(connection: Connection) -> list[str]:
    """The roles that may append."""
    return [name for (name,) in connection.execute(_BOTS)]


def regrant(connection: Connection, table: str) -> None:
    """Grant on a new positions table the same privileges as on the one that it will replace."""
    for privilege, role, passes_on in connection.execute(_GRANTED).fetchall():
        connection.execute(
            sql.SQL("GRANT {} ON {} TO {}{}").format(
                sql.SQL(privilege),
                sql.Identifier(table),
                sql.SQL("PUBLIC") if role is None else sql.Identifier(role),
                sql.SQL(" WITH GRANT OPTION" if passes_on else ""),
            )
        )


def close(connections: Connections) -> None:
    """Revoke CREATE in the ledger's schema from PUBLIC, if this role owns the schema."""
    schema = sql.Identifier(connections.settings.schema)
    with connections.reading() as connection:
        if connection.execute(_MAY_CLOSE, (schema.as_string(),)).fetchone() == (True,):
            connection.execute(sql.SQL(CLOSE).format(schema=schema))


def makers_caution(connections: Connections) -> Caution | None:
    """A warning when others than the owner may create objects in the ledger's schema, which could shadow ours."""
    schema = connections.settings.schema
    with connections.reading() as connection:
        found = [name for (name,) in connection.execute(_MAKERS, (schema,))]
    if not found:
        return None
    # In SQL, PUBLIC is a keyword and not the name of a role.
    makers = sql.SQL(", ").join(sql.SQL("PUBLIC") if name == "PUBLIC" else sql.Identifier(name) for name in found)
    remedy = sql.SQL("REVOKE CREATE ON SCHEMA {} FROM {}").format(sql.Identifier(schema), makers).as_string()
    return Caution(
        f"{', '.join(found)} may create tables and functions in schema {schema}, beside those of the ledger",
        f"{remedy}, as the owner of the schema",
    )
