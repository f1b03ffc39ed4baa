"""Server-sent events: the changed parts of the board, sent to each browser as fast as it reads them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Final

from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from domain.values import timestamp_text
from infrastructure.ledger_clock import now
from scripts.serving.board import Board

STREAMS_MAX: Final = 64
SEND_SECONDS: Final = 30.0
"""The time limit for a browser to read a message; then its stream ends, and a browser reconnects by itself."""
_HEADERS: Final = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]


class EventStream:
    """The endpoint of the events; it holds one message for each browser, and no queue."""

    def __init__(self, board: Board, *, send_seconds: float = SEND_SECONDS) -> None:
        self._board, self._send_seconds = board, send_seconds
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events to one browser, until it disconnects, exceeds the time limit, or the board ends."""
        if self._open >= STREAMS_MAX:
            words = f"{STREAMS_MAX} pages are open already; close one of them\n"
            await PlainTextResponse(words, 503)(scope, receive, send)
            return
        self._open += 1
        sending = asyncio.ensure_future(self._send_changes(send))
        disconnecting = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            await asyncio.wait({sending, disconnecting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open -= 1
            sending.cancel()
            disconnecting.cancel()
            await asyncio.gather(sending, disconnecting, return_exceptions=True)

    async def _send_changes(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        sent: Mapping[str, str] = {}
        number = 0
        while (posted := await self._board.after(number)) is not None:
            number, parts = posted
            changed = {name: part for name, part in parts.items() if sent.get(name) != part}
            sent = parts
            async with asyncio.timeout(self._send_seconds):
                await send({"type": "http.response.body", "body": _event(changed), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _event(parts: Mapping[str, str]) -> bytes:
    return f"retry: 1000\ndata: {json.dumps({'now': timestamp_text(now()), 'parts': parts})}\n\n".encode()


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
