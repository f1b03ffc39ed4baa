"""The events for each browser: only changed parts, only the newest, and a time limit for one that does not read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Message

from scripts.serving import event_stream
from scripts.serving.board import Board
from scripts.serving.event_stream import EventStream
from tests.scripts.serving.asgi import scope

Send = Callable[[Message], Awaitable[None]]


class Browser:
    """One that listens; while it is `slow`, what is sent to it waits."""

    def __init__(self, stream: EventStream) -> None:
        self.told: list[dict[str, Any]] = []
        self.status = 0
        self.listens = asyncio.Event()
        self.listens.set()
        self._gone = asyncio.Event()
        self.task = asyncio.ensure_future(stream(scope("/events"), self._receive, self._send))

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.listens.wait()
        self.status = message.get("status", self.status)
        for line in message.get("body", b"").decode().splitlines():
            if line.startswith("data: "):
                self.told.append(json.loads(line.removeprefix("data: "))["parts"])

    async def leave(self) -> None:
        self._gone.set()
        await self.task


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_browser_is_told_what_changed_and_no_more() -> None:
    async def story() -> list[dict[str, Any]]:
        board = Board()
        board.post({"a": "1", "b": "1"})
        browser = Browser(EventStream(board))
        await settled()
        board.post({"a": "1", "b": "2"})
        await settled()
        await browser.leave()
        return browser.told

    assert asyncio.run(story()) == [{"a": "1", "b": "1"}, {"b": "2"}]


def test_parts_that_are_not_posted_again_stay() -> None:
    board = Board()
    board.post({"a": "1", "b": "1"})
    board.post({"b": "2"})
    assert board.posted == (2, {"a": "1", "b": "2"})


def test_a_slow_browser_is_told_the_newest_and_nothing_is_kept_for_it() -> None:
    async def story() -> list[dict[str, Any]]:
        board = Board()
        board.post({"a": "0"})
        browser = Browser(EventStream(board))
        await settled()
        browser.listens.clear()
        for number in range(1, 1000):
            board.post({"a": str(number)})
            await asyncio.sleep(0)
        browser.listens.set()
        await settled()
        await browser.leave()
        return browser.told

    told = asyncio.run(story())
    assert [told[0], told[-1]] == [{"a": "0"}, {"a": "999"}] and len(told) == 3


def test_who_takes_nothing_is_let_go() -> None:
    async def story() -> None:
        board = Board()
        board.post({"a": "0"})
        browser = Browser(EventStream(board, send_seconds=0.01))
        await settled()
        browser.listens.clear()
        board.post({"a": "1"})
        async with asyncio.timeout(30):
            await browser.task

    asyncio.run(story())


def test_the_end_of_the_board_lets_every_browser_go() -> None:
    async def story() -> None:
        board = Board()
        board.post({"a": "0"})
        browsers = [Browser(EventStream(board)) for _ in range(3)]
        await settled()
        board.end()
        async with asyncio.timeout(30):
            await asyncio.gather(*(each.task for each in browsers))

    asyncio.run(story())


def test_so_many_and_no_more_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "STREAMS_MAX", 2)

    async def story() -> list[int]:
        board = Board()
        board.post({"a": "0"})
        stream = EventStream(board)
        browsers = [Browser(stream) for _ in range(3)]
        await settled()
        await browsers[0].leave()
        browsers.append(Browser(stream))
        await settled()
        board.end()
        await asyncio.gather(*(each.task for each in browsers[1:]))
        return [each.status for each in browsers]

    assert asyncio.run(story()) == [200, 200, 503, 200]
