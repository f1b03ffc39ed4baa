"""A pool of connections: each has one borrower at a time, and their number is bounded."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final
from weakref import ref

import psycopg

from infrastructure.event_store.postgres.session.watchdog import WatchedConnection

_LOOK_AGAIN_SECONDS: Final = 0.05


class PoolTimeout(Exception):
    """There was no connection in time: all are in use, or none could be made; then the cause says why."""


class _Reservation:
    """Counts for a connection that is being made."""

    is_wanted = True


class Pool:
    """Connections, made when one is needed and none is idle.

    A KeyboardInterrupt may come between any two steps, also while a connection is given back. So there is no counter:
    connections in use are known by weak references only, and one that its borrower could not give back makes room for
    another when it is garbage-collected. A signal handler may borrow one between any two steps as well, so a copy of
    the references is looked through, and no WeakSet, which refuses to grow meanwhile.
    """

    def __init__(self, connect: Callable[[], WatchedConnection], size: int) -> None:
        self._connect, self._size = connect, size
        self._idle: SimpleQueue[WatchedConnection] = SimpleQueue()
        self._taken: set[ref[WatchedConnection] | ref[_Reservation]] = set()
        self._making = threading.RLock()  # a garbage collection under it may give back a generator's connection
        self.is_closed = False

    def borrow(self, seconds: float) -> WatchedConnection:
        """A connection that the server has not closed. Refuses: PoolTimeout."""
        deadline, reason, is_collected = time.monotonic() + seconds, None, False
        while True:
            connection = self._idle_one(0) or None
            try:
                connection = connection or self._new_one()
            except psycopg.OperationalError as refused:
                reason = refused
            connection = connection or self._idle_one(min(_LOOK_AGAIN_SECONDS, max(0, deadline - time.monotonic())))
            if connection is not None:
                return connection
            if time.monotonic() < deadline:
                continue
            if is_collected or reason is not None:
                raise PoolTimeout(f"no connection within {seconds:g} s") from reason
            gc.collect()  # a connection that was lost may be part of a reference cycle
            is_collected = True

    def _idle_one(self, seconds: float) -> WatchedConnection | None:
        while True:
            try:
                connection = self._idle.get(timeout=seconds) if seconds else self._idle.get_nowait()
            except Empty:
                return None
            if not hung_up(connection):
                return connection
            self._drop(connection)

    def _new_one(self) -> WatchedConnection | None:
        reservation = _Reservation()
        reserved = ref(reservation)
        with self._making:
            self._taken -= {taken for taken in self._taken.copy() if taken() is None}
            if len(self._taken) >= self._size:
                return None
            self._taken.add(reserved)
        try:
            connection = self._connect()
            with self._making:
                self._taken.add(connection.weakly)
            return connection
        finally:
            with self._making:
                self._taken.discard(reserved)

    def give_back(self, connection: WatchedConnection) -> None:
        """Make it idle again; a connection that is still in a transaction is closed, which rolls it back."""
        if self.is_closed or not connection.is_wanted or not connection.is_at_rest:
            self._drop(connection)
        else:
            connection.wait_as_others()
            self._idle.put(connection)

    def _drop(self, connection: WatchedConnection) -> None:
        connection.close()
        with self._making:
            self._taken.discard(connection.weakly)

    def drain(self) -> None:
        """Close every connection: idle ones now, those in use when they are given back."""
        with self._making:
            for taken in self._taken.copy():
                if (known := taken()) is not None:
                    known.is_wanted = False
        self._close_idle()

    def close(self) -> None:
        """Close idle connections now, and those in use when they are given back; lend no more."""
        self.is_closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while (connection := self._idle_one(0)) is not None:
            self._drop(connection)


def hung_up(connection: WatchedConnection) -> bool:
    """Whether the server closed an idle connection: found out from the socket, without a query.

    The first read takes the server's last message, the second one finds the end of the stream.
    """
    try:
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return False
