"""An HTTP server on the loopback that runs until the end of a block."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The answer to a request; with a body of None the server hangs up without an answer."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Answerer = Callable[[str, str, Json], HttpAnswer]
"""Answers a request: its method, its path, and its parameters from the query, a form or a JSON body."""


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about a client that hung up, as a killed bot does."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(answerer: Answerer) -> Iterator[str]:
    """Answer on a free port of the loopback; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body go in one segment: a client that delays its ACK would hold the second up

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            parts = urlsplit(self.path)
            answer = answerer(self.command, parts.path, _params(parts.query, body))
            if answer.body is None:
                self.close_connection = True
                return
            data = json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _reply  # noqa: N815 - as http.server has them

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing: stderr belongs to the caller."""

    server = _QuietServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False  # a client may keep its connection
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _params(query: str, body: str) -> Json:
    params: Json = {name: values[0] for name, values in parse_qs(query).items()}
    if body.startswith("{"):
        return params | dict(json.loads(body))
    return params | {name: values[0] for name, values in parse_qs(body).items()}
