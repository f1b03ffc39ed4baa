"""A simulated network between bot and database: a proxy on the loopback that delays everything."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from selectors import EVENT_READ, SelectorKey, SelectSelector
from statistics import median
from typing import Final, NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from scripts.benchmarks.process_pool import BenchmarkFailed, context

ADDED_SECONDS: Final = 0.00025
"""The delay in each direction: a round trip takes half a millisecond longer, as between machines of one data centre."""
_HOST: Final = "127.0.0.1"
_PINGS: Final = 200
_CHUNK_BYTES: Final = 65_536
_START_SECONDS_MAX: Final = 60.0


@dataclass(frozen=True)
class Distance:
    """The measured delay of the proxy, and the processor time that it takes itself.

    Units: `added_ms` is milliseconds for a round trip, `proxy_us` microseconds of a processor for a round trip.
    Source: queries without a statement.
    """

    added_ms: float
    proxy_us: float

    def as_json(self) -> dict[str, float]:
        """The figures, rounded."""
        return {"added_ms": round(self.added_ms, 3), "proxy_us": round(self.proxy_us, 1)}


_Upstream = tuple[socket.AddressFamily, str | tuple[str, int]]
"""The address of the server: a path, or host and port."""


class _Delayed(NamedTuple):
    """Bytes that wait until `due`; no bytes mean the end of a stream."""

    due: float
    to: socket.socket
    data: bytes


@contextmanager
def far_away(url: str) -> Iterator[tuple[str, Distance]]:
    """The URL of a server through a proxy, which runs until the end of the block, and the measured distance.

    Shape: the proxy is a process of its own, so it takes only processor time from the measured ones.
    """
    ours, theirs = context().Pipe()
    proxy = context().Process(target=_serve, args=(theirs, _upstream(url)), daemon=True)
    proxy.start()
    theirs.close()
    try:
        if not ours.poll(_START_SECONDS_MAX):
            raise BenchmarkFailed("the proxy did not start")
        there = conninfo_to_dict(url, host=_HOST, port=ours.recv())
        through = f"postgresql://{there['user']}@{_HOST}:{there['port']}/{there['dbname']}"
        near_ms = _ping_ms(url)
        before = _processor_seconds(ours)
        far_ms = _ping_ms(through)
        took = _processor_seconds(ours) - before
        yield through, Distance(added_ms=far_ms - near_ms, proxy_us=took / _PINGS * 1_000_000)
    finally:
        proxy.terminate()
        proxy.join()
        ours.close()


def _upstream(url: str) -> _Upstream:
    there = conninfo_to_dict(url)
    host, port = str(there["host"]), int(str(there.get("port") or 5432))
    if host.startswith("/"):
        return socket.AF_UNIX, str(Path(host) / f".s.PGSQL.{port}")
    return socket.AF_INET, (host, port)


def _ping_ms(url: str) -> float:
    taken = []
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(_PINGS):
            started = time.perf_counter()
            connection.execute(sql.SQL(""))
            taken.append(time.perf_counter() - started)
    return median(taken) * 1000


def _processor_seconds(pipe: Connection) -> float:
    pipe.send(None)
    seconds: float = pipe.recv()
    return seconds


def _serve(pipe: Connection, upstream: _Upstream) -> None:
    """Pass bytes on until the pipe is closed; each message on the pipe is answered with the processor time so far."""
    with socket.create_server((_HOST, 0)) as listener, SelectSelector() as selector:
        proxy = _Proxy(listener, upstream, selector)
        selector.register(pipe, EVENT_READ)
        pipe.send(listener.getsockname()[1])
        with suppress(EOFError):
            while True:
                for key in proxy.carry():
                    assert key.fileobj is pipe, "the proxy knows all others"
                    pipe.recv()
                    pipe.send(time.process_time())


class _Proxy:
    """The delayed bytes of all connections, in one queue: the delay is the same for all, so they are due in order."""

    def __init__(self, listener: socket.socket, upstream: _Upstream, selector: SelectSelector) -> None:
        self._listener, self._upstream, self._selector = listener, upstream, selector
        self._delayed: deque[_Delayed] = deque()
        selector.register(listener, EVENT_READ)

    def carry(self) -> Iterator[SelectorKey]:
        """Wait until bytes arrive or are due, and pass on those that are due; yields keys that are not the proxy's."""
        wait = max(0.0, self._delayed[0].due - time.monotonic()) if self._delayed else None
        for key, _ in self._selector.select(wait):
            if key.fileobj is self._listener:
                self._connect()
            elif key.data is None:
                yield key
            else:
                assert isinstance(key.fileobj, socket.socket), "of a connection"
                self._delay(key.fileobj, key.data)
        self._pass_on()

    def _connect(self) -> None:
        family, address = self._upstream
        bot, _ = self._listener.accept()
        server = socket.socket(family, socket.SOCK_STREAM)
        server.connect(address)
        bot.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(bot, EVENT_READ, server)
        self._selector.register(server, EVENT_READ, bot)

    def _delay(self, source: socket.socket, to: socket.socket) -> None:
        try:
            data = source.recv(_CHUNK_BYTES)
        except ConnectionError:
            data = b""
        self._delayed.append(_Delayed(time.monotonic() + ADDED_SECONDS, to, data))
        if not data:
            self._selector.unregister(source)

    def _pass_on(self) -> None:
        while self._delayed and self._delayed[0].due <= time.monotonic():
            _, to, data = self._delayed.popleft()
            with suppress(OSError):  # the receiver has hung up
                to.sendall(data) if data else to.shutdown(socket.SHUT_WR)
