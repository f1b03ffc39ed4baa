"""A server on the loopback with scripted answers, and a ccxt client of either kind that calls it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from inspect import isawaitable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from infrastructure.ccxt_trading.ccxt_exchange import CcxtExchange
from tests.infrastructure.exchanges.exchange_server import QuietHandler, listening

SECRET = "s3cr3t-of-the-test"
KEY = "key-of-the-test"


@dataclass
class Script:
    """What is answered, by method and path: a body, a status with one (and headers), or a function of what was asked.

    None hangs up without an answer. What no route is for is answered with 404.
    """

    routes: dict[str, Any]
    asked: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, target: str, body: str) -> Any:
        path = urlsplit(target).path
        said: Any = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        name = f"{method} {path}"
        if body.startswith(("{", "[")):
            said = json.loads(body)
        else:
            said |= {name: each[0] for name, each in parse_qs(body).items()}
        self.asked.append((name, said))
        found = self.routes.get(name, (404, {"code": -1, "msg": f"no such route: {name}"}))
        return found(said) if callable(found) else found

    def sent(self, route: str) -> list[Any]:
        """What was sent to one route."""
        return [said for name, said in self.asked if name == route]


@contextmanager
def scripted(routes: dict[str, Any]) -> Iterator[Script]:
    script = Script(routes)

    class Handler(QuietHandler):
        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            found = script.answer(self.command, self.path, body)
            if found is None:
                self.close_connection = True
                return
            status, answer, headers = (*found, {})[:3] if isinstance(found, tuple) else (200, found, {})
            data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            with suppress(ConnectionError):  # a client that waits no longer has hung up
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        do_GET = do_POST = do_DELETE = reply  # noqa: N815 - as http.server has them

    with listening(Handler) as script.url:
        yield script


def client(kind: str, name: str, url: str, **config: Any) -> Any:
    """A client as a user makes one: its numbers are floats, and it would send again what failed."""
    module = import_module({"threads": "ccxt", "asyncio": "ccxt.async_support"}[kind])
    waits = {"timeout_on_exit": 0}  # the client of asyncio sleeps when it is closed
    keys = {"apiKey": KEY, "secret": SECRET, "password": "p4ss", "enableRateLimit": False, "timeout": 2_000}
    made = getattr(module, name)({**keys, **waits, "options": {"maxRetriesOnFailure": 3}, **config})
    made.urls["api"] = (
        {each: url + urlsplit(there).path for each, there in made.urls["api"].items()}
        if isinstance(made.urls["api"], dict)
        else url
    )
    return made


@dataclass
class Driven:
    """A CcxtExchange of either kind, its calls answered at once."""

    exchange: CcxtExchange
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            answer = getattr(self.exchange, name)(*args, **named)

            async def awaited() -> Any:
                return await answer

            return self.loop.run_until_complete(awaited()) if isawaitable(answer) else answer

        return call


@contextmanager
def driven(kind: str, name: str, url: str, *, account: str | None = None, **config: Any) -> Iterator[Driven]:
    made = Driven(CcxtExchange(client(kind, name, url, **config), account=account))
    try:
        yield made
    finally:
        made.close()
        made.loop.close()
