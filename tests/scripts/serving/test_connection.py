"""Connections that do not send or read in time are closed, and others do not notice."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from scripts.serving import connection
from scripts.serving.board import Board
from scripts.serving.web_server import WebServer

SECONDS_MAX = 30
LONG = b"x" * 30_000_000
"""More than the system keeps for a browser that takes nothing."""
UNFINISHED = (
    b"",
    b"GET / HT",
    b"GET / HTTP/1.1\r\nHost: x\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nto",
)


async def short(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def long(_: Request) -> Response:
    return Response(LONG)


@dataclass
class Server:
    """A server in this process, at a port."""

    web: WebServer
    port: int

    def connected(self) -> closing[socket.socket]:
        return closing(socket.create_connection(("127.0.0.1", self.port), SECONDS_MAX))

    def client(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.5)
    monkeypatch.setattr(connection, "ANSWER_SECONDS", 0.5)
    web = WebServer(Starlette(routes=[Route("/", short, methods=["GET", "POST"]), Route("/long", long)]), Board())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: asyncio.run(web.serve(sockets=[listening])))
        thread.start()
        try:
            yield Server(web, listening.getsockname()[1])
        finally:
            web.should_exit = True
            thread.join(SECONDS_MAX)
            assert not thread.is_alive()


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_let_go(browser: socket.socket) -> bool:
    """Whether the server ends the connection, whatever it says before."""
    try:
        while browser.recv(65_536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("said", UNFINISHED, ids=repr)
def test_who_does_not_end_a_question_keeps_no_place(server: Server, said: bytes) -> None:
    with server.connected() as idle:
        idle.sendall(said)
        assert is_let_go(idle)


def test_who_does_not_end_the_second_question_keeps_none_either(server: Server) -> None:
    with server.connected() as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(65_536)
        idle.sendall(b"GET / HT")
        assert is_let_go(idle)


def test_who_drips_a_question_keeps_none_either(server: Server) -> None:
    dripped = 0
    with server.connected() as slow, suppress(OSError):
        for letter in b"GET / HTTP/1.1\r\n" + b"x" * 100:
            slow.sendall(bytes([letter]))
            dripped += 1
            time.sleep(0.1)
    assert dripped < 60


def test_who_takes_nothing_of_an_answer_keeps_none(server: Server) -> None:
    with server.connected() as deaf:
        deaf.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        eventually(lambda: server.web.server_state.total_requests == 1)
        eventually(lambda: not server.web.server_state.connections)


def test_who_asks_and_takes_is_answered_again_and_again(server: Server) -> None:
    with closing(server.client()) as client:
        for _ in range(4):
            client.request("POST", "/", b"x" * 100_000)
            answer = client.getresponse()
            assert (answer.status, answer.read()) == (200, b"100000 bytes")
            time.sleep(0.2)  # longer in all than one question may take
        client.request("GET", "/long")
        assert client.getresponse().read() == LONG


def test_a_long_answer_is_taken_as_slowly_as_it_goes_on(server: Server) -> None:
    with server.connected() as slow:
        slow.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        taken, began = 0, time.monotonic()
        while some := slow.recv(1_000_000):
            taken += len(some)
            time.sleep(0.03)
        assert taken > len(LONG) and time.monotonic() - began > 0.5
