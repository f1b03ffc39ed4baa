"""The proxy that cuts connections in other tests does not wait for a client that sends nothing."""

from __future__ import annotations

import socket

import pytest

from tests.infrastructure.event_store.postgres.proxy import HOST, SILENCE_SECONDS, proxied


def test_the_answer_to_a_request_in_parts_is_unheard() -> None:
    with socket.create_server((HOST, 0)) as upstream:
        with proxied(f"postgresql://{HOST}:{upstream.getsockname()[1]}/") as proxy:
            proxy.fate = lambda: "unheard"
            client = socket.create_connection((HOST, proxy.port), SILENCE_SECONDS)
            server, _ = upstream.accept()
            with client, server:
                for part in (b"one", b"two"):
                    client.sendall(part)
                    assert server.recv(3, socket.MSG_WAITALL) == part
                server.sendall(b"answer")
                with pytest.raises(ConnectionResetError):
                    client.recv(1)
        assert proxy.cuts == ["unheard"]


def test_a_request_that_is_never_answered_does_not_hold_up_the_end() -> None:
    with (
        socket.create_server((HOST, 0)) as upstream,
        proxied(f"postgresql://{HOST}:{upstream.getsockname()[1]}/") as proxy,
    ):
        proxy.fate = lambda: "unheard"
        client = socket.create_connection((HOST, proxy.port), SILENCE_SECONDS)
        server, _ = upstream.accept()
        with server:
            client.sendall(b"part")
            assert server.recv(4, socket.MSG_WAITALL) == b"part"
            client.close()
            with pytest.raises(ConnectionResetError):
                server.recv(1)
