"""Who keeps locks of a ledger for so long that whatever records, or asks what is settled, waits for them."""

from __future__ import annotations

from typing import Final

from infrastructure.event_store.postgres.appending.locks import APPEND_LOCK, lock_key
from infrastructure.event_store.postgres.session.connections import Connections
from infrastructure.event_store.vocabulary.caution import Caution

_NAMED_MAX: Final = 3
_HOLDERS: Final = (
    "SELECT DISTINCT pid, usename::text, application_name, state, EXTRACT(epoch FROM pg_catalog.clock_timestamp()"
    " - coalesce(xact_start, state_change))::bigint AS seconds FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE granted AND pid <> pg_catalog.pg_backend_pid() AND wait_event IS DISTINCT FROM 'SyncRep'"
    " AND EXTRACT(epoch FROM pg_catalog.clock_timestamp() - coalesce(xact_start, state_change)) > %(seconds)s::numeric"
    " AND datname = pg_catalog.current_database() AND ("
    "(locktype = 'advisory' AND classid = %(lock)s::oid AND objid = %(key)s::oid AND objsubid = 2::smallint)"
    " OR (locktype = 'relation' AND mode NOT IN ('AccessShareLock', 'ShareUpdateExclusiveLock') AND relation IN ("
    "pg_catalog.to_regclass('ledger_events')::oid, pg_catalog.to_regclass('ledger_schema')::oid,"
    " pg_catalog.to_regclass('positions')::oid, pg_catalog.to_regclass('positions_orders')::oid)))"
    " ORDER BY seconds DESC, pid"
)
"""Readers and VACUUM keep nobody from an append. A commit that waits for a standby is not to be ended: it would be done
without it; what is known of the standbys says that. An idle session may still have a lock of its session."""


def lock_holders(connections: Connections) -> Caution | None:
    """The sessions that keep a lock of the ledger for longer than a command may take, as far as this role sees them."""
    settings = connections.settings
    asked = {"lock": APPEND_LOCK, "key": lock_key(settings) % 2**32, "seconds": settings.timeout_seconds}
    with connections.reading() as connection:
        found = connection.execute(_HOLDERS.encode(), asked).fetchall()
    if not found:
        return None
    known = [f"process {pid} ({', '.join(filter(None, who))}) for {seconds} s" for pid, *who, seconds in found]
    more = f", and {len(found) - _NAMED_MAX} more" if len(found) > _NAMED_MAX else ""
    return Caution(
        f"locks of this ledger are kept by {', '.join(known[:_NAMED_MAX])}{more}; what is recorded may wait for that, "
        "and be refused",
        f"find out what it does; if it is not to go on, end it: SELECT pg_catalog.pg_terminate_backend({found[0][0]})",
    )
