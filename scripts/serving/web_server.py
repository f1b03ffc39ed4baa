"""The server under the page: one process, one event loop, and a clean end at SIGINT and SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from scripts.serving.board import Board
from scripts.serving.connection import Connection

CONNECTIONS_MAX: Final = 256
GRACE_SECONDS: Final = 3


class WebServer(uvicorn.Server):
    """Serves an app on one socket until it is stopped."""

    def __init__(self, app: ASGIApp, board: Board) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=CONNECTIONS_MAX,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._board = board
        told = logging.getLogger("uvicorn.error")
        told.addFilter(lambda _: not self.should_exit)  # what is cut off by a stop that was asked for is no failure

    def heed_signals(self) -> None:
        """Let SIGINT and SIGTERM end it from now on, also before it serves."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)

    def stop(self) -> None:
        """End it, in its event loop: the streams of browsers first, which would never end by themselves."""
        self._board.end()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `heed_signals`."""
        yield
