"""A network between bot and database: a proxy on the loopback that hands on what it hears a moment later."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from selectors import EVENT_READ, SelectSelector
from statistics import median
from typing import Final, NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from scripts.benchmarks.process_pool import BenchmarkFailed, context

ADDED_SECONDS: Final = 0.00025
"""Each way, so that a round trip takes half a millisecond more: two machines in one data centre."""
_HOST: Final = "127.0.0.1"
_PINGS: Final = 200
_CHUNK_BYTES: Final = 65_536
_START_SECONDS_MAX: Final = 60.0


@dataclass(frozen=True)
class Distance:
    """What lies between a bot and its database, as it was measured with questions that ask nothing.

    Units: `added_ms` to a round trip; `proxy_us` of a processor for each.
    """

    added_ms: float
    proxy_us: float

    def as_json(self) -> dict[str, float]:
        """The figures, rounded."""
        return {"added_ms": round(self.added_ms, 3), "proxy_us": round(self.proxy_us, 1)}


_Upstream = tuple[socket.AddressFamily, str | tuple[str, int]]
"""Where the server is: a path, or host and port."""


class _Held(NamedTuple):
    """What was heard, and when it goes on; no bytes at the end of a stream."""

    due: float
    to: socket.socket
    data: bytes


@contextmanager
def far_away(url: str) -> Iterator[tuple[str, Distance]]:
    """The URL of a server through a proxy that ends with the block, and how far away that is.

    Shape: the proxy is a process of its own, so that it takes no time of those that are measured but a processor's.
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
    """Carry bytes until the pipe is closed; whoever asks by it is told how long the processor was needed.

    All of it is kept back equally long, so what comes first goes first: one queue for all connections.
    """
    held: deque[_Held] = deque()
    with socket.create_server((_HOST, 0)) as listener, SelectSelector() as selector:
        selector.register(listener, EVENT_READ)
        selector.register(pipe, EVENT_READ)
        pipe.send(listener.getsockname()[1])
        while True:
            wait = max(0.0, held[0].due - time.monotonic()) if held else None
            for key, _ in selector.select(wait):
                if key.fileobj is listener:
                    _connect(listener, upstream, selector)
                elif key.fileobj is pipe:
                    try:
                        pipe.recv()
                    except EOFError:
                        return
                    pipe.send(time.process_time())
                else:
                    assert isinstance(key.fileobj, socket.socket), "of a connection"
                    data = _heard(key.fileobj)
                    held.append(_Held(time.monotonic() + ADDED_SECONDS, key.data, data))
                    if not data:
                        selector.unregister(key.fileobj)
            while held and held[0].due <= time.monotonic():
                _, to, data = held.popleft()
                with suppress(OSError):  # whoever hung up hears no more
                    to.sendall(data) if data else to.shutdown(socket.SHUT_WR)


def _connect(listener: socket.socket, upstream: _Upstream, selector: SelectSelector) -> None:
    family, address = upstream
    bot, _ = listener.accept()
    server = socket.socket(family, socket.SOCK_STREAM)
    server.connect(address)
    bot.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    selector.register(bot, EVENT_READ, server)
    selector.register(server, EVENT_READ, bot)


def _heard(connection: socket.socket) -> bytes:
    try:
        return connection.recv(_CHUNK_BYTES)
    except ConnectionError:
        return b""
