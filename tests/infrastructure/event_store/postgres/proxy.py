"""A TCP proxy in front of a server: it cuts connections at a chosen moment, holds bytes back, or refuses to connect."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

HOST = "127.0.0.1"
TICK_SECONDS = 0.01
SILENCE_SECONDS = 60.0
"""How long one call may wait for a side that takes nothing, or says nothing where it must."""
SSL_REQUEST = struct.pack("!II", 8, 80877103)

Cut = Literal["before", "after", "unheard"]
"""Before a request went on; as soon as it did; or when it was answered, without the answer."""


class Proxy:
    """Everything goes through unless one of the switches says otherwise."""

    def __init__(self, upstream: str, certificate: ssl.SSLContext | None = None) -> None:
        self._upstream = upstream
        self._certificate = certificate
        self.is_open = True
        self.delay_seconds = 0.0
        self.fate: Callable[[], Cut | None] = lambda: None
        self.cuts: list[Cut] = []
        self._links: set[_Link] = set()
        self._stopped = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(TICK_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def url(self, options: str = "") -> str:
        """The upstream's URL, through here."""
        parts = urlsplit(self._upstream)
        told = conninfo_to_dict(self._upstream)
        return f"postgresql://{told.get('user', 'postgres')}@{HOST}:{self.port}{parts.path}?{options}"

    def cut(self) -> None:
        """Reset every connection that there is; what was held back is lost."""
        for link in list(self._links):
            link.is_cut = True

    def hold_requests(self) -> None:
        """Let nothing from the client through on the connections that there are; it waits here."""
        for link in list(self._links):
            link.requests_flow = False

    def hold_answers(self) -> None:
        """Let nothing from the server through on the connections that there are; it waits here."""
        for link in list(self._links):
            link.answers_flow = False

    def release(self) -> None:
        """Let through what was held."""
        for link in list(self._links):
            link.requests_flow = link.answers_flow = True

    def close(self) -> None:
        self._stopped.set()
        self.cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            if not self.is_open:
                _reset(client)
                continue
            self._threads.append(threading.Thread(target=self._serve, args=(client,)))
            self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        link: _Link | None = None
        try:
            client = self._secured(client)
            link = _Link(self, client, self._connected())
            self._links.add(link)
            link.pump(self._stopped)
        except OSError:
            pass  # a side that went away is what this is for
        finally:
            if link is not None:
                self._links.discard(link)
                _reset(link.server)
            _reset(client)

    def _secured(self, client: socket.socket) -> socket.socket:
        client.settimeout(SILENCE_SECONDS)
        if self._certificate is None:
            return client
        asked = client.recv(len(SSL_REQUEST), socket.MSG_WAITALL)
        assert asked == SSL_REQUEST, "this side speaks TLS only"
        client.sendall(b"S")
        return self._certificate.wrap_socket(client, server_side=True)

    def _connected(self) -> socket.socket:
        told = conninfo_to_dict(self._upstream)
        host, port = str(told["host"]), int(str(told.get("port", 5432)))
        if not host.startswith("/"):
            return socket.create_connection((host, port), SILENCE_SECONDS)
        server = socket.socket(socket.AF_UNIX)
        server.settimeout(SILENCE_SECONDS)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server


class _Link:
    """One connection: a client, and the server behind the proxy."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self.client, self.server = proxy, client, server
        self.is_cut = False
        self._is_unheard = False
        self.requests_flow = self.answers_flow = True

    def pump(self, stopped: threading.Event) -> None:
        proxy = self._proxy
        while not self.is_cut and not stopped.is_set():
            for side in self._readable(self._flowing()):
                if side not in self._flowing():
                    continue  # held while it was waited for
                if side is self.server and proxy.delay_seconds:
                    stopped.wait(proxy.delay_seconds)
                data = side.recv(65536)
                if not data or self.is_cut:
                    return
                if side is self.server:
                    if self._is_unheard:
                        return
                    self.client.sendall(data)
                elif not self._forward(data):
                    return

    def _flowing(self) -> list[socket.socket]:
        flows = ((self.client, self.requests_flow), (self.server, self.answers_flow))
        return [side for side, flow in flows if flow]

    def _readable(self, watched: list[socket.socket]) -> list[socket.socket]:
        decrypted: list[socket.socket] = [
            side for side in watched if isinstance(side, ssl.SSLSocket) and side.pending()
        ]
        return decrypted or select.select(watched, [], [], TICK_SECONDS)[0]

    def _forward(self, data: bytes) -> bool:
        """Whether the link goes on: what comes may be a part of a request, which is answered when the rest came."""
        fate = None if self._is_unheard else self._proxy.fate()
        if fate is not None:
            self._proxy.cuts.append(fate)
        if fate != "before":
            self.server.sendall(data)
        self._is_unheard = self._is_unheard or fate == "unheard"
        return fate is None or self._is_unheard


def _reset(side: socket.socket) -> None:
    """Close a connection without a farewell."""
    with contextlib.suppress(OSError):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    side.close()


@contextmanager
def proxied(upstream: str, certificate: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    proxy = Proxy(upstream, certificate)
    try:
        yield proxy
    finally:
        proxy.close()
