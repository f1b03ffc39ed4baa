"""A pooler in front of a server, which assigns a server process to each client or to each transaction."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

HOST = "127.0.0.1"
PLEASE_ENCRYPT = (80877103, 80877104)
HANDED_ON = ("user", "database", "client_encoding", "application_name")
"""What a pooler passes to the server at the start of a session."""


class Gone(Exception):
    """A side hung up."""


def received(side: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        if not (more := side.recv(length - len(data))):
            raise Gone
        data += more
    return data


def message(side: socket.socket) -> bytes:
    head = received(side, 5)
    return head + received(side, struct.unpack("!I", head[1:])[0] - 4)


def startup(told: dict[str, str]) -> bytes:
    words = b"".join(f"{name}\0{value}\0".encode() for name, value in told.items()) + b"\0"
    return struct.pack("!II", len(words) + 8, 196608) + words


class Pooler:
    """`mode` is session or transaction. It tells a process number of its own, and may refuse `options`."""

    def __init__(self, port: int, mode: str, *, ignores_options: bool) -> None:
        self._upstream, self._mode, self._ignores_options = port, mode, ignores_options
        self._numbers = count(9_000_001)
        self._shared: socket.socket | None = None
        self._lent = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._served: dict[socket.socket, socket.socket] = {}
        """In session mode, the session of the server that each client has."""
        self.is_full = False
        """Whether new clients are greeted, and then wait for a session of the server."""
        self.waited = 0
        """How many did so."""
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in (self._listener, *self._sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(Gone, OSError), client:
            told = self._asked(client)
            if "options" in told and not self._ignores_options:
                words = b"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
                client.sendall(b"E" + struct.pack("!I", len(words) + 4) + words)
                return
            server, greeting = self._session({name: told[name] for name in HANDED_ON if name in told})
            client.sendall(greeting)
            if self.is_full:
                self.waited += 1
                while True:
                    message(client)
            if self._mode == "session":
                self._served[client] = server
                threading.Thread(target=self._answer, args=(server,), daemon=True).start()
                self._ask(client)
            else:
                self._lend(client, server)

    def _asked(self, client: socket.socket) -> dict[str, str]:
        while True:
            length, code = struct.unpack("!II", received(client, 8))
            if code in PLEASE_ENCRYPT:
                client.sendall(b"N")
                continue
            words = received(client, length - 8).rstrip(b"\0").decode().split("\0")
            return dict(zip(words[::2], words[1::2], strict=True))

    def _session(self, told: dict[str, str]) -> tuple[socket.socket, bytes]:
        """A session of the server, and what a client is greeted with."""
        server = socket.create_connection((HOST, self._upstream))
        self._sockets.append(server)
        server.sendall(startup(told))
        greeting = b""
        while (said := message(server))[:1] != b"Z":
            if said[:1] == b"K":
                said = b"K" + struct.pack("!III", 12, next(self._numbers), 0)
            greeting += said
        if self._mode == "transaction":
            with self._lent:
                if self._shared is None:
                    self._shared = server
                server = self._shared
        return server, greeting + said

    def leave_session_mode(self) -> None:
        """Let clients that rest go on with one another's sessions, as PgBouncer does when its pool mode is changed."""
        clients, servers = [*self._served], [*self._served.values()]
        self._served = dict(zip(clients, [*servers[1:], *servers[:1]], strict=True))

    def _ask(self, client: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                self._served[client].sendall(data)
        with self._served.pop(client) as server, suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _answer(self, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                (client,) = (client for client, its in self._served.items() if its is server)
                client.sendall(data)

    def _lend(self, client: socket.socket, server: socket.socket) -> None:
        """The one session of the server, from the first message to the end of its transaction."""
        while True:
            asked = message(client)
            if asked[:1] == b"X":
                return
            with self._lent:
                while self._relayed(client, server, asked) != b"I":
                    asked = message(client)

    def _relayed(self, client: socket.socket, server: socket.socket, asked: bytes) -> bytes:
        """Hand on up to the end of a question, and back up to the end of its answer; the state that it leaves."""
        server.sendall(asked)
        while asked[:1] not in (b"Q", b"S"):
            asked = message(client)
            server.sendall(asked)
        while True:
            said = message(server)
            client.sendall(said)
            if said[:1] == b"Z":
                return said[5:]


@contextmanager
def pooled(port: int, mode: str, *, ignores_options: bool = False) -> Iterator[Pooler]:
    pooler = Pooler(port, mode, ignores_options=ignores_options)
    try:
        yield pooler
    finally:
        pooler.close()
