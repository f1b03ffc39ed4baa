"""The triggers, indexes and checks that guard a ledger, compared by definition: by name alone one may do nothing."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

from psycopg import sql

from infrastructure.event_store.postgres.session.connections import Connections
from infrastructure.event_store.sql.schema_guards import not_there
from infrastructure.event_store.vocabulary.caution import Caution

UNIQUE: Final = {
    "ledger_events_pkey": "ledger_events USING btree (stream, version)",
    "ledger_events_nid": "ledger_events USING btree (nid)",
    "ledger_events_intent": "ledger_events USING btree (stream, intent_id) WHERE intent_id IS NOT NULL",
    "positions_pkey": "positions USING btree (position_id)",
    "positions_one_open": (
        "positions USING btree (stream) WHERE status = ANY (ARRAY['pending_entry'::text, 'entry_placed'::text,"
        " 'pending_sl'::text, 'active'::text, 'rolling_back'::text])"
    ),
    "positions_orders_pkey": "positions_orders USING btree (position_id, place)",
    "projections_pkey": "projections USING btree (name, generation)",
    "projections_is_read": "projections USING btree (name) WHERE is_read",
    "projection_rows_pkey": "projection_rows USING btree (projection, generation, position_id)",
    "projection_skips_pkey": "projection_skips USING btree (projection, nid)",
    "watches_pkey": "watches USING btree (name)",
}
_APPEND_ONLY: Final = ("ledger_events", "rejections", "projection_skips")
_TABLES: Final = (*_APPEND_ONLY, "positions", "positions_orders", "projections", "projection_rows", "watches")

_PLACES: Final = "ALTER SEQUENCE ledger_events_nid_seq INCREMENT 1 CACHE 1 NO CYCLE"
"""A sequence that caches nids or counts backwards would assign nids that followers have already passed."""
_CHECK: Final = "CHECK (hash ~ '^[0-9a-f]{64}$'::text)"

_BESIDE: Final = {
    "ledger_events_hash": " NOT VALID",
    "ledger_refuses_change": "; ALTER FUNCTION ledger_refuses_change() SET search_path = pg_catalog, pg_temp",
}
"""What migrations say beside a definition: rows of before are not looked at, and no name is looked up elsewhere."""

GUARDS: Final = {
    **{name: f"CREATE UNIQUE INDEX {name} ON {on}" for name, on in UNIQUE.items()},
    **{
        f"{table}_append_only": f"CREATE TRIGGER {table}_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change()"
        for table in _APPEND_ONLY
    },
    "ledger_events_hash": f"ALTER TABLE ledger_events ADD CONSTRAINT ledger_events_hash {_CHECK}",
    "ledger_events_nid_seq": _PLACES,
    "ledger_refuses_change": "CREATE OR REPLACE"
    + re.findall(
        r"CREATE( FUNCTION ledger_refuses_change.*?\$\$.*?\$\$)",
        (files(__package__) / "migrations" / "0001_ledger.sql").read_text(),
        re.DOTALL,
    )[0],
}
"""The statement that creates each guard, by its name; PostgreSQL 15 to 18 print the definitions in the same words."""

_THERE: Final = (
    "SELECT 'trigger', tgname::text, relname::text, pg_catalog.pg_get_triggerdef(pg_trigger.oid, true)"
    " FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
    " WHERE relnamespace = %(schema)s::regnamespace::oid AND tgenabled IN ('O', 'A')"
    " UNION ALL SELECT 'index', relname::text, '', pg_catalog.pg_get_indexdef(indexrelid, 0, true)"
    " FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
    " WHERE relnamespace = %(schema)s::regnamespace::oid AND indisunique AND indisvalid AND indisready"
    " UNION ALL SELECT 'check', conname::text, relname::text, pg_catalog.pg_get_constraintdef(pg_constraint.oid, true)"
    " FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
    " WHERE connamespace = %(schema)s::regnamespace::oid AND contype = 'c'"
    " UNION ALL SELECT CASE WHEN seqcycle THEN 'sequence in a circle' ELSE 'sequence' END, relname::text,"
    " seqincrement::text, seqcache::text FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid"
    " WHERE relnamespace = %(schema)s::regnamespace::oid"
    " UNION ALL SELECT 'function', proname::text, lanname::text, prosrc"
    " FROM pg_proc JOIN pg_language ON pg_language.oid = prolang"
    " WHERE pronamespace = %(schema)s::regnamespace::oid AND pronargs = 0::smallint"
)
"""The statements are put together in Python, not in SQL: a foreign operator may shadow ||."""
_IN_THE_WAY: Final = (
    "SELECT tgname::text, 'trigger', relname::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
    " WHERE relnamespace = %(schema)s::regnamespace::oid AND tgname::text = ANY(%(names)s) AND NOT tgisinternal"
    " AND relname::text = ANY(%(tables)s)"
    " UNION ALL SELECT conname::text, 'constraint', relname::text"
    " FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid"
    " WHERE connamespace = %(schema)s::regnamespace::oid AND conname::text = ANY(%(names)s)"
    " AND relname::text = ANY(%(tables)s)"
    " UNION ALL SELECT pg_class.relname::text, 'index', owner.relname::text"
    " FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_class AS owner ON owner.oid = indrelid"
    " WHERE pg_class.relnamespace = %(schema)s::regnamespace::oid AND pg_class.relname::text = ANY(%(names)s)"
    " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))"
)
"""What has the name of a guard, and has to go before the guard can be made."""
_DROP: Final = {
    "trigger": "DROP TRIGGER {name} ON {table}",
    "constraint": "ALTER TABLE {table} DROP CONSTRAINT {name}",
    "index": "DROP INDEX {name}",
}
_UNFIRED: Final = (
    "SELECT datname::text, rolname::text FROM pg_db_role_setting LEFT JOIN pg_database ON pg_database.oid = setdatabase"
    " LEFT JOIN pg_roles ON pg_roles.oid = setrole"
    " WHERE (datname IS NULL OR datname = pg_catalog.current_database())"
    " AND lower(setconfig::text)::text[] @> '{session_replication_role=replica}' AND (setrole = 0::oid"
    " OR pg_catalog.has_any_column_privilege(setrole, 'ledger_events'::regclass::oid, 'INSERT')) ORDER BY 1, 2"
)
"""The database and the roles that may append, whose sessions begin with all triggers switched off."""
_UNFIRED_EVERYWHERE: Final = (
    "SELECT source FROM pg_settings WHERE name = 'session_replication_role' AND reset_val = 'replica'"
    " AND source IN ('configuration file', 'command line')"
)
"""Where the server is told so for all sessions; what this session alone was told is no setting of the server."""
_FIRE_EVERYWHERE: Final = {
    "configuration file": "ALTER SYSTEM SET session_replication_role = origin; SELECT pg_catalog.pg_reload_conf()",
    "command line": "a start of the server without session_replication_role on its command line",
}
_STRANGERS: Final = (
    "SELECT 'trigger', tgname::text, relname::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
    " WHERE relnamespace = %(schema)s::regnamespace::oid AND relname::text = ANY(%(tables)s) AND NOT tgisinternal"
    " AND tgenabled <> 'D' AND NOT tgname::text = ANY(%(ours)s)"
    " UNION ALL SELECT 'rule', rulename::text, relname::text"
    " FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class"
    " WHERE relnamespace = %(schema)s::regnamespace::oid AND relname::text = ANY(%(tables)s) AND ev_enabled <> 'D'"
    " UNION ALL SELECT 'row', 'security', relname::text FROM pg_class"
    " WHERE relnamespace = %(schema)s::regnamespace::oid AND relname::text = ANY(%(tables)s) AND relrowsecurity"
    " UNION ALL SELECT 'storage', '(unlogged: empty after a crash)', relname::text FROM pg_class"
    " WHERE relnamespace = %(schema)s::regnamespace::oid AND relname::text = ANY(%(tables)s) AND relpersistence <> 'p'"
    " ORDER BY 1, 2, 3"
)


def broken(connections: Connections) -> dict[str, str]:
    """The guards that are missing, disabled or altered: the transaction that creates each anew, by its name.

    Shape: it names the schema, drops first what has the name, and leaves all as it was if the guard cannot be made.
    A snapshot still lists what was dropped after its moment, but the server has no definition of it any more.
    """
    schema = _schema(connections)
    with connections.reading() as connection:
        found = connection.execute(_THERE.encode(), {"schema": schema}).fetchall()
        known = ((name, _made(kind, name, on, text)) for kind, name, on, text in found if text is not None)
        missing = not_there(GUARDS, known)
        asked = {"schema": schema, "names": [*missing], "tables": [*_TABLES]}
        in_the_way = connection.execute(_IN_THE_WAY.encode(), asked).fetchall() if missing else []
        unfired = [
            *(_fire_again(database, role) for database, role in connection.execute(_UNFIRED.encode())),
            *(_FIRE_EVERYWHERE[source] for (source,) in connection.execute(_UNFIRED_EVERYWHERE.encode())),
        ]
    drops = {name: f"{_DROP[kind].format(name=name, table=table)}; " for name, kind, table in in_the_way}
    return {
        name: f"BEGIN; SET LOCAL search_path = {schema}; {drops.get(name, '')}{_anew(name, made)}; COMMIT"
        for name, made in missing.items()
    } | ({"session_replication_role": "; ".join(unfired)} if unfired else {})


def _fire_again(database: str | None, role: str | None) -> str:
    """The statement after which new sessions of a role, or of any, have triggers again."""
    of_role = None if role is None else sql.SQL("ROLE {}").format(sql.Identifier(role))
    of_database = None if database is None else sql.SQL("DATABASE {}").format(sql.Identifier(database))
    whose = sql.SQL(" IN ").join(each for each in (of_role, of_database) if each is not None)
    return sql.SQL("ALTER {} RESET session_replication_role").format(whose).as_string()


def _anew(name: str, made: str) -> str:
    """The statement that creates a guard on a ledger that has events: with what its migrations say beside it."""
    if name.endswith("_pkey"):
        return re.sub(
            r"CREATE UNIQUE INDEX (\w+) ON (\w+) USING btree", r"ALTER TABLE \2 ADD CONSTRAINT \1 PRIMARY KEY", made
        )
    return f"{made}{_BESIDE.get(name, '')}"


def _made(kind: str, name: str, on: str, text: str) -> str:
    """The statement that creates a guard as it was found, without storage parameters."""
    match kind:
        case "index":
            return re.sub(r" WITH \([^)]*\)", "", text)
        case "check":
            return f"ALTER TABLE {on} ADD CONSTRAINT {name} {text.removesuffix(' NOT VALID')}"
        case "sequence":
            return f"ALTER SEQUENCE {name} INCREMENT {on} CACHE {text} NO CYCLE"
        case "function":
            return f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE {on} AS $${text}$$"
        case _:
            return text


def strangers_caution(connections: Connections) -> Caution | None:
    """A warning about foreign triggers, rules, row security or unlogged storage on the tables of a ledger."""
    asked = {"schema": _schema(connections), "tables": [*_TABLES], "ours": [*GUARDS]}
    with connections.reading() as connection:
        found = [f"{kind} {name} on {table}" for kind, name, table in connection.execute(_STRANGERS.encode(), asked)]
    if not found:
        return None
    return Caution(
        f"{', '.join(found)}: no ledger makes that, and it may change, drop or hide what is recorded",
        "find out who made it, and drop it, as the owner; then `position-ledger verify`",
    )


def _schema(connections: Connections) -> str:
    return f'"{connections.settings.schema}"'
