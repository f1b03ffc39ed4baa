"""The browser tab of the tests waits for the page that was asked for, and for no other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.scripts.serving.tab import Tab

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthere"


@pytest.fixture
def slow_to_serve() -> Iterator[str]:
    """The address of a server that hangs up on who comes first, as one does on a browser that is slow to ask."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        is_over = threading.Event()

        def serve() -> None:
            hung_up = 0
            while not is_over.is_set():
                connection, _ = server.accept()
                with connection:
                    if hung_up < 2:
                        hung_up += 1
                    elif connection.recv(65_536):
                        connection.sendall(PAGE)

        thread = threading.Thread(target=serve)
        thread.start()
        address = server.getsockname()
        yield f"http://127.0.0.1:{address[1]}/"
        is_over.set()
        socket.create_connection(address).close()
        thread.join()


def test_a_page_that_its_server_hung_up_on_is_waited_for(slow_to_serve: str) -> None:
    with Tab() as tab:
        tab.open(slow_to_serve)
        assert tab.run("document.body.textContent") == "there"
