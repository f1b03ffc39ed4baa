"""The HTTP server of the simulated exchange."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from infrastructure.simulation.http.loopback_server import HttpAnswer, served


def test_an_answer_is_one_segment() -> None:
    """The head alone would be acknowledged late, 40 ms on Linux, and the body waits for that at every call."""
    with (
        served(lambda _method, path, _params: HttpAnswer({"asked": path})) as url,
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=10) as client,
    ):
        for _ in range(20):  # of a new connection the first few are acknowledged at once
            client.sendall(b"GET /price HTTP/1.1\r\nHost: exchange\r\n\r\n")
            assert client.recv(65_536).endswith(b'{"asked": "/price"}')
