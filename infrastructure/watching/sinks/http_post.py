"""One POST request in bounded time: TLS is verified, http:// reaches this machine only, no redirect is followed."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final, Self
from urllib.parse import urlsplit

from infrastructure.loopback import is_this_machine
from infrastructure.watching.sinks.sink import DeliveryFailed

SECONDS_MAX: Final = 15.0
"""How long a request may take in all, from the first packet to the end of the answer."""
_ANSWER_MAX: Final = 65_536
RETRY_AFTER_MAX: Final = 3_600.0


@dataclass(frozen=True)
class PostAddress:
    """The address of a POST request; its path may contain a secret, so it is not shown."""

    is_tls: bool
    host: str
    port: int
    path: str = field(repr=False)

    @classmethod
    def read(cls, url: str) -> Self:
        """Parse a URL. Refuses: ValueError, whose message repeats only the scheme and the host."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("it is no URL whose host and port can be read") from None
        host = parts.hostname or ""
        if parts.scheme not in {"https", "http"} or not host:
            raise ValueError("it is no URL of a host that is reached by https:// (or, on this machine, http://)")
        if parts.username is not None or parts.password is not None:
            raise ValueError(f"the URL of {host} has a user or a password in it, which a list of processes shows")
        if any(letter.isspace() or not letter.isprintable() or ord(letter) > 126 for letter in url):
            raise ValueError(f"the URL of {host} has characters in it that no URL can have; write them as %XX")
        is_tls = parts.scheme == "https"
        if not is_tls and not is_this_machine(host):
            raise ValueError(f"http://{host} is another machine, and whoever is between could read it: use https://")
        query = f"?{parts.query}" if parts.query else ""
        return cls(is_tls, host, port or (443 if is_tls else 80), f"{parts.path or '/'}{query}")


@dataclass(frozen=True)
class PostAnswer:
    """The answer of a server; `retry_after` in seconds."""

    status: int
    retry_after: float | None
    body: bytes = field(repr=False)


def post(address: PostAddress, body: bytes, headers: Mapping[str, str], seconds: float = SECONDS_MAX) -> PostAnswer:
    """Send a body; any status is returned. Refuses: DeliveryFailed when there was no whole answer in time."""
    connection = _connection(address, seconds)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        if (open_socket := connection.sock) is not None:
            with suppress(OSError):  # it was closed just now
                open_socket.shutdown(socket.SHUT_RDWR)

    watchdog = threading.Timer(seconds, give_up)
    watchdog.daemon = True
    watchdog.start()
    try:
        connection.request("POST", address.path, body, dict(headers))
        answer = connection.getresponse()
        found = PostAnswer(answer.status, _retry_after(answer.headers.get("Retry-After")), answer.read(_ANSWER_MAX))
        why = ""
    except (OSError, HTTPException) as error:
        why = f"{type(error).__name__}: {error}"
    finally:
        watchdog.cancel()
        connection.close()
    if late.is_set():
        why = f"no whole answer in {seconds:g} s"
    if why:
        raise DeliveryFailed(f"{address.host}: {why}")
    return found


def _connection(address: PostAddress, seconds: float) -> HTTPConnection:
    if address.is_tls:
        context = ssl.create_default_context()
        return HTTPSConnection(address.host, address.port, timeout=seconds, context=context)
    return HTTPConnection(address.host, address.port, timeout=seconds)


def _retry_after(header: str | None) -> float | None:
    """The seconds that a server asks to wait; None for a date or anything else."""
    return min(float(header), RETRY_AFTER_MAX) if header and header.isascii() and header.isdigit() else None


def require_taken(address: PostAddress, answer: PostAnswer, retry_after: float | None = None) -> None:
    """Refuses: DeliveryFailed for any status but 2xx; `retry_after` is used instead of that of the header."""
    if 200 <= answer.status < 300:
        return
    words = "which is a redirect, and none is followed" if 300 <= answer.status < 400 else "and did not take it"
    raise DeliveryFailed(
        f"{address.host} answered {answer.status}, {words}",
        answer.retry_after if retry_after is None else min(retry_after, RETRY_AFTER_MAX),
    )
