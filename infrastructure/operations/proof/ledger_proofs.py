"""Proofs with a ledger's own tables and statements, in a scratch schema."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from itertools import count, cycle
from threading import Barrier
from typing import Any, Final

from psycopg import errors, sql

from domain.errors import CommandRefused, HistoryDamaged, PositionAlreadyOpen
from infrastructure.event_store.postgres.appending.locks import APPEND_LOCK, lock_key
from infrastructure.event_store.postgres.replication import standing
from infrastructure.event_store.postgres.session.connections import Connection, Connections
from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.proof.guarantee import NotGuaranteed, Verdict
from infrastructure.settings import Settings

_ENTRY: Final[dict[str, Any]] = {"exchange": "doctor", "side": "short", "quantity": "1"}
_RACES, _RIVALS = 5, 8
_CONNECTIONS_EACH: Final = 2
"""Few, so that all proofs together need no more than ten: a server or a pooler may allow no more."""
_SOON_SECONDS: Final = 5.0

_TOGETHER: Final = (
    "SELECT (SELECT pg_catalog.count(*) FROM ledger_events WHERE stream = %(stream)s),"
    " (SELECT xmin::text FROM ledger_events WHERE stream = %(stream)s) ="
    " (SELECT xmin::text FROM positions WHERE stream = %(stream)s)"
)
_SECOND_OPEN: Final = (
    'INSERT INTO positions SELECT (pg_catalog.jsonb_populate_record(row, \'{"position_id": "another"}\')).*'
    " FROM positions AS row WHERE stream = %s"
)
_REACHED: Final = "SELECT pg_catalog.bool_or(place::pg_lsn > %s::pg_lsn) FROM pg_catalog.unnest(%s::text[]) AS place"
_CHANGES: Final = ("UPDATE {table} SET stream = stream", "DELETE FROM {table}", "TRUNCATE {table}")
_APPEND_ONLY: Final = ("ledger_events", "rejections")
_TRIGGERS_OFF: Final = "SELECT pg_catalog.current_setting('session_replication_role') = 'replica'"
_FIRE_AGAIN: Final = (
    "history could be rewritten: session_replication_role is replica, so no trigger fires; reset it where it is set "
    "(ALTER SYSTEM, ALTER DATABASE or ALTER ROLE), and connect anew"
)
_NO_TRIGGERS: Final = "history could be rewritten: use a server that runs statement triggers"


class LedgerProofs:
    """Two ledgers on one schema, each with connections of its own."""

    def __init__(self, scratch: Settings) -> None:
        """Create the tables. Refuses: StoreError."""
        self._settings = scratch = replace(scratch, pool_size=_CONNECTIONS_EACH)
        self._one = PositionLedger(PostgresStore(scratch))
        self._other = PositionLedger(PostgresStore(scratch, create=False))
        self._connections = Connections(scratch)
        self._symbols = count(1)

    def close(self) -> None:
        """Close every connection."""
        self._one.disconnect()
        self._other.disconnect()
        self._connections.close()

    def _symbol(self) -> str:
        return f"PROOF{next(self._symbols)}USDT"

    def _opened(self, ledger: PositionLedger | None = None) -> str:
        symbol = self._symbol()
        return (ledger or self._one).request_entry(symbol=symbol, intent_id=symbol, **_ENTRY).position_id

    # -- proofs -------------------------------------------------------------------------------------------------

    def append(self) -> str:
        """One statement appends an event and writes its row, and the next query of any session sees both."""
        opened = self._opened()
        stream = opened.partition("#")[0]
        row, history = self._other.position(opened), self._other.history(opened)
        with self._connections.reading() as connection:
            found = connection.execute(_TOGETHER, {"stream": stream}).fetchone()
        if (row.position_id, len(history), found) != (opened, 1, (1, True)):
            raise NotGuaranteed(
                f"another session reads {len(history)} events; in one transaction: {found}",
                "a bot would not read what was acknowledged: use a server that reads its own writes",
            )
        return "event and row by one transaction, read by another session at once"

    def exclusive_version(self) -> str:
        """Of any number of rivals for one slot exactly one wins."""
        for _ in range(_RACES):
            self._raced([f"rival {number}" for number in range(_RIVALS)], PositionAlreadyOpen.__name__)
        return f"{_RACES} races of {_RIVALS}: one recorded in each, the others told who won"

    def intent_once(self) -> str:
        """The same intent, sent several times at once, is one event."""
        for _ in range(_RACES):
            self._raced(["the same"] * _RIVALS, "replayed")
        return f"{_RACES} times {_RIVALS} deliveries: one recorded in each, the others replayed"

    def _raced(self, intents: Sequence[str], others: str) -> None:
        """Ask for one slot with several intents at once: one is recorded, and all others get the answer `others`."""
        symbol, start, ledgers = self._symbol(), Barrier(len(intents)), cycle((self._one, self._other))

        def ask(ledger: PositionLedger, intent_id: str) -> str:
            start.wait()
            try:
                return ledger.request_entry(symbol=symbol, intent_id=intent_id, **_ENTRY).outcome
            except (CommandRefused, HistoryDamaged) as refusal:  # two events at one version would be damage
                return type(refusal).__name__

        with ThreadPoolExecutor(len(intents)) as rivals:
            answers = sorted(rivals.map(ask, ledgers, intents))
        if answers != sorted(["recorded", *[others] * (len(intents) - 1)]):
            raise NotGuaranteed(
                f"{len(intents)} rivals were answered: {', '.join(answers)}",
                "two would hold one slot: use a server whose unique constraints hold between sessions",
            )

    def one_open_cycle(self) -> str:
        """The second guard: the positions table takes one open row for each stream, whatever the events say."""
        stream = self._opened().partition("#")[0]
        with self._connections.apart() as connection:
            name = _refused(connection, errors.UniqueViolation, sql.SQL(_SECOND_OPEN), (stream,))
        if name != "positions_one_open":
            raise NotGuaranteed(
                f"a second open row was {f'refused by {name}' if name else 'taken'}",
                "use a server that has partial unique indexes (WHERE), and names the one that is violated",
            )
        return "a second open row of a stream is refused by positions_one_open"

    def append_only(self) -> str:
        """The log refuses every change, even to its owner."""
        self._opened()
        taken = []
        for table in _APPEND_ONLY:
            for change in _CHANGES:
                statement = sql.SQL(change).format(table=sql.Identifier(table))
                with self._connections.apart() as connection:
                    if _refused(connection, errors.RaiseException, statement) is None:
                        taken.append(change.format(table=table))
        if taken:
            with self._connections.apart() as connection:
                is_off = connection.execute(_TRIGGERS_OFF).fetchone() == (True,)
            raise NotGuaranteed(f"taken: {'; '.join(taken)}", _FIRE_AGAIN if is_off else _NO_TRIGGERS)
        return f"UPDATE, DELETE and TRUNCATE of {' and '.join(_APPEND_ONLY)} are refused to their owner"

    def isolation(self) -> str:
        """All reads in one snapshot see the same moment, also in another session that shares it."""
        self._opened()
        with self._one.store.snapshot():
            before, moment = self._one.store.count_events(), self._one.store.moment()
            self._opened(self._other)
            same = self._one.store.count_events()
            with self._other.store.snapshot(moment):
                shared = self._other.store.count_events()
        after = self._one.store.count_events()
        if (same, shared, after) != (before, before, before + 1):
            raise NotGuaranteed(
                f"of {before} events a snapshot saw {same} after another append, one that shares it {shared}, and "
                f"afterwards there were {after}",
                "an export or a verification would mix several moments: use a server with REPEATABLE READ",
            )
        return f"{before} events in a snapshot and in another session that shares it, while one more was appended"

    def settled_log(self) -> str:
        """No reader of the log goes past an unfinished append."""
        self._opened()
        key = (APPEND_LOCK, lock_key(self._settings))
        asks = "SELECT pg_catalog.pg_try_advisory_xact_lock(%s, %s)"
        with self._connections.apart() as writer, writer.transaction(force_rollback=True):
            writer.execute("SELECT pg_catalog.pg_advisory_xact_lock_shared(%s, %s)", key)
            writer.execute("SELECT pg_catalog.nextval(pg_catalog.pg_get_serial_sequence('ledger_events', 'nid'))")
            last = self._other.history(self._opened())[-1].nid
            with self._connections.apart() as reader:
                waits = reader.execute(asks, key).fetchone() == (False,)
        settled = self._one.store.high_water_mark()
        if not waits or settled != last:
            raise NotGuaranteed(
                f"beside an unfinished append a reader {'waits' if waits else 'goes on'}; afterwards the log is "
                f"settled up to {settled}, and its last event is {last}",
                "followers would miss events: no ledger may be followed here",
            )
        return f"a reader waits while an append is unfinished; afterwards all is settled up to nid {last}"

    def read_back(self) -> str:
        """Another connection can see whether the server process of an append has ended."""
        with closing(self._connections.alone()) as alone:
            found = alone.execute(
                "SELECT pg_catalog.pg_postmaster_start_time(), pid, backend_start FROM pg_stat_activity"
                " WHERE pid = pg_catalog.pg_backend_pid()"
            ).fetchone()
            was_seen = self._is_seen(found)
        deadline = time.monotonic() + _SOON_SECONDS
        while (is_left := self._is_seen(found)) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not was_seen:
            raise NotGuaranteed(
                "a server process at work is not seen by another connection",
                "the outcome of an append whose reply was lost could not be found out: let the role see its own "
                "processes in pg_stat_activity",
            )
        if is_left:
            raise NotGuaranteed(
                f"a process is still there {_SOON_SECONDS:g} s after its connection was closed: a pooler keeps it",
                "connect to the server itself: with a pooler, the outcome of an append whose reply was lost stays "
                "unknown for longer",
                Verdict.WARNING,
            )
        return "a process is seen by another connection while it is there, and not when it is gone"

    def _is_seen(self, backend: tuple[Any, ...] | None) -> bool:
        """Whether another connection sees the process of `backend` at work."""
        if backend is None or backend[2] is None:
            return False
        question = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s AND backend_start = %s)"
        with self._connections.apart() as connection:
            return connection.execute(question, backend[1:]).fetchone() == (True,)

    def synchronous_replication(self) -> str:
        """An acknowledged command is on another machine as well."""
        with self._connections.apart() as connection:
            found = standing.standing(connection)
            if not found.waited_for:
                warned = found.caution or (found.says, standing.ADVICE)
                raise NotGuaranteed(*warned, Verdict.WARNING if found.is_known else Verdict.UNKNOWN)
            begun = connection.execute("SELECT pg_catalog.pg_current_wal_insert_lsn()::text").fetchone()
            self._opened()
            flushed = standing.flushed_by(connection, found.waited_for)
            assert begun is not None, "a primary has a place"
            reached = connection.execute(_REACHED, (begun[0], [*flushed.values()])).fetchone() == (True,)
        places = ", ".join(f"{name} at {place}" for name, place in flushed.items())
        if not reached:
            raise NotGuaranteed(
                f"an append after {begun[0]} was acknowledged, and the standbys have: {places or 'nothing'}",
                "look at synchronous_standby_names and pg_stat_replication: a commit did not wait",
            )
        return f"an append after {begun[0]} was acknowledged when it was on a disk of {places}"

    def proofs(self) -> dict[str, Callable[[], str]]:
        """The proofs by the names of their guarantees."""
        return {
            "append": self.append,
            "exclusive version": self.exclusive_version,
            "intent once": self.intent_once,
            "one open cycle": self.one_open_cycle,
            "append-only": self.append_only,
            "isolation": self.isolation,
            "settled log": self.settled_log,
            "read back": self.read_back,
            "synchronous replication": self.synchronous_replication,
        }


def _refused(
    connection: Connection,
    expected: type[errors.Error],
    statement: sql.SQL | sql.Composed,
    values: tuple[object, ...] = (),
) -> str | None:
    """The name of the constraint or error that refused a statement; None when it was accepted. It is rolled back."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement, values)
    except expected as refusal:
        return refusal.diag.constraint_name or type(refusal).__name__
    return None
