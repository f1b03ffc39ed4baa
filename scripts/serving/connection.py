"""A browser's connection, bounded in time: one that does not finish its request, or takes no answer, is closed."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS: Final = 10.0
"""How long a request with its body may take to arrive; between two requests the server itself waits for less."""
ANSWER_SECONDS: Final = 30.0
"""How long an answer may wait until the browser takes more of it."""
_INCOMPLETE: Final = (h11.IDLE, h11.SEND_BODY)


class Connection(H11Protocol):
    """One connection, with a timer for the request that arrives and one for the answer that waits."""

    _request_timer: asyncio.TimerHandle | None = None
    _answer_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first request."""
        super().connection_made(transport)
        self._request_timer = self.loop.call_later(REQUEST_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Read a piece of a request; the time limit is for all pieces together."""
        super().data_received(data)
        if self.conn.their_state not in _INCOMPLETE:
            self._end_request_timer()
        elif self._request_timer is None:
            self._request_timer = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _should_upgrade(self) -> bool:
        """Answer in HTTP who asks for another protocol; uvicorn would advise to install one that is not served."""
        return False

    def pause_writing(self) -> None:
        """Start the timer of the answer, because the browser does not keep up."""
        super().pause_writing()
        self._wait_until_less_than(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Stop the timer of the answer, because the browser keeps up again."""
        super().resume_writing()
        self._end_answer_timer()

    def _wait_until_less_than(self, size: int) -> None:
        def look() -> None:
            left = self.transport.get_write_buffer_size()
            if left < size:
                self._wait_until_less_than(left)
            else:
                self.transport.abort()

        self._answer_timer = self.loop.call_later(ANSWER_SECONDS, look)

    def connection_lost(self, exc: Exception | None) -> None:
        """End both timers."""
        self._end_request_timer()
        self._end_answer_timer()
        super().connection_lost(exc)

    def _end_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _end_answer_timer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None
