"""The web server of the page: one process, one event loop, and a clean end at SIGINT and SIGTERM."""

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
        log = logging.getLogger("uvicorn.error")
        log.addFilter(lambda _: not self.should_exit)  # a request that an intended stop cuts off is no failure

    def heed_signals(self) -> None:
        """From now on SIGINT and SIGTERM stop the server, also before it serves."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)

    def stop(self) -> None:
        """Stop it, in its event loop: first the event streams, which would never end by themselves."""
        self._board.end()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `heed_signals`."""
        yield
