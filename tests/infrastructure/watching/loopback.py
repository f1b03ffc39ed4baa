"""A server on the loopback that accepts a POST, fails, hangs, answers slowly or redirects, as a test chooses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes
    answered: int | None = None
    """With which status, when it was one that was told."""


@dataclass
class Loopback:
    """What it answers next: a status, or a function that is handed the request and answers; 200 unless told."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[int | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    always: int | Callable[[BaseHTTPRequestHandler], None] = 200
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def hang(self, _: BaseHTTPRequestHandler) -> None:
        """Say nothing until the test is over."""
        self.over.wait(30)

    def trickle(self, handler: BaseHTTPRequestHandler) -> None:
        """Say something all the time, and come to no end."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not self.over.is_set():
            handler.wfile.write(b"X")
            handler.wfile.flush()
            time.sleep(0.05)


@contextmanager
def loopback() -> Iterator[Loopback]:
    told = Loopback()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            received = Received(self.path, dict(self.headers.items()), self.rfile.read(length))
            answer = told.answers.pop(0) if told.answers else told.always
            received.answered = answer if isinstance(answer, int) else None
            told.received.append(received)
            if not isinstance(answer, int):
                answer(self)
                return
            self.send_response(answer)
            if answer in {301, 302, 307, 308}:
                self.send_header("Location", f"http://127.0.0.1:{told.port}/elsewhere")
            if answer == 429:
                self.send_header("Retry-After", "7")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing is said."""

        def handle(self) -> None:
            try:
                super().handle()
            except (BrokenPipeError, ConnectionResetError):
                """Who asked has given up, which is what a test wants of it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        told.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield told
        finally:
            told.over.set()
            server.shutdown()
            thread.join()
