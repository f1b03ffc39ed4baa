"""One POST, in bounded time: no redirect is followed, TLS is checked, and without it only this machine is reached."""

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
"""How long all of it may take, from the first packet to the answer."""
_ANSWER_MAX: Final = 65_536
RETRY_AFTER_MAX: Final = 3_600.0


@dataclass(frozen=True)
class PostAddress:
    """Where a POST goes to; the path may hold a secret, and is not shown."""

    is_tls: bool
    host: str
    port: int
    path: str = field(repr=False)

    @classmethod
    def read(cls, url: str) -> Self:
        """Read a URL. Refuses: ValueError, which repeats nothing of it but the scheme and the host."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in {"https", "http"} or not host:
            raise ValueError("it is no URL of a host that is reached by https:// (or, on this machine, http://)")
        if parts.username is not None or parts.password is not None:
            raise ValueError(f"the URL of {host} has a user or a password in it, which a list of processes shows")
        if any(letter.isspace() or not letter.isprintable() or ord(letter) > 126 for letter in url):
            raise ValueError(f"the URL of {host} has letters in it that no URL has; write them as %XX")
        is_tls = parts.scheme == "https"
        if not is_tls and not is_this_machine(host):
            raise ValueError(f"http://{host} is another machine, and all between could read along: use https://")
        query = f"?{parts.query}" if parts.query else ""
        return cls(is_tls, host, parts.port or (443 if is_tls else 80), f"{parts.path or '/'}{query}")


@dataclass(frozen=True)
class PostAnswer:
    """What was answered."""

    status: int
    retry_after: float | None
    body: bytes = field(repr=False)


def post(address: PostAddress, body: bytes, headers: Mapping[str, str], seconds: float = SECONDS_MAX) -> PostAnswer:
    """Send a body, whatever is answered. Refuses: DeliveryFailed when there was no answer in time."""
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
        found = PostAnswer(answer.status, _seconds(answer.headers.get("Retry-After")), answer.read(_ANSWER_MAX))
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


def _seconds(said: str | None) -> float | None:
    """What a server asks for; a date, or anything else, is not understood."""
    return min(float(said), RETRY_AFTER_MAX) if said and said.isascii() and said.isdigit() else None


def require_taken(address: PostAddress, answer: PostAnswer, retry_after: float | None = None) -> None:
    """Refuse with DeliveryFailed whatever does not say that it was taken."""
    if 200 <= answer.status < 300:
        return
    words = "which is a redirect, and none is followed" if 300 <= answer.status < 400 else "and did not take it"
    raise DeliveryFailed(
        f"{address.host} answered {answer.status}, {words}",
        answer.retry_after if retry_after is None else min(retry_after, RETRY_AFTER_MAX),
    )
