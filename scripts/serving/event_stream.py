"""Server-sent events: the parts of the board that changed, to each browser as fast as it takes them."""

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
"""Who takes nothing for so long is let go; a browser that is still there asks again by itself."""
_HEADERS: Final = [(b"content-type", b"text/event-stream"), (b"x-accel-buffering", b"no")]


class EventStream:
    """The endpoint of the events; it holds one message a browser, and no queue."""

    def __init__(self, board: Board, *, send_seconds: float = SEND_SECONDS) -> None:
        self._board, self._send_seconds = board, send_seconds
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell one browser, until it is gone, or takes nothing, or the board ends."""
        if self._open >= STREAMS_MAX:
            words = f"{STREAMS_MAX} pages are looked at already; close one of them\n"
            await PlainTextResponse(words, 503)(scope, receive, send)
            return
        self._open += 1
        telling = asyncio.ensure_future(self._tell(send))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait({telling, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open -= 1
            telling.cancel()
            gone.cancel()
            await asyncio.gather(telling, gone, return_exceptions=True)

    async def _tell(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        told: Mapping[str, str] = {}
        number = 0
        while (posted := await self._board.after(number)) is not None:
            number, parts = posted
            changed = {name: part for name, part in parts.items() if told.get(name) != part}
            told = parts
            async with asyncio.timeout(self._send_seconds):
                await send({"type": "http.response.body", "body": _event(changed), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _event(parts: Mapping[str, str]) -> bytes:
    return f"retry: 1000\ndata: {json.dumps({'now': timestamp_text(now()), 'parts': parts})}\n\n".encode()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
