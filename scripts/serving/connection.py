"""A connection of a browser: one that does not end its question, or takes no answer, is let go, for it has a place."""

from __future__ import annotations

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

ASK_SECONDS: Final = 10.0
"""How long a question may take to arrive, its body with it; between two of them the server waits less."""
TAKE_SECONDS: Final = 30.0
"""How long an answer may wait until more of it is taken."""
_STILL_ASKING: Final = (h11.IDLE, h11.SEND_BODY)


class Connection(H11Protocol):
    """One connection, with a bound on its questions and one on its answers."""

    _asked: asyncio.TimerHandle | None = None
    _taken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A browser came, and says what it wants soon."""
        super().connection_made(transport)
        self._asked = self.loop.call_later(ASK_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        """More of a question: the bound is for all of it, however many pieces it has."""
        super().data_received(data)
        if self.conn.their_state not in _STILL_ASKING:
            self._has_asked()
        elif self._asked is None:
            self._asked = self.loop.call_later(ASK_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        """The browser does not keep up."""
        super().pause_writing()
        self._wait_until_less_than(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It keeps up again."""
        super().resume_writing()
        self._has_taken()

    def _wait_until_less_than(self, size: int) -> None:
        def look() -> None:
            left = self.transport.get_write_buffer_size()
            if left < size:
                self._wait_until_less_than(left)
            else:
                self.transport.abort()

        self._taken = self.loop.call_later(TAKE_SECONDS, look)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._has_asked()
        self._has_taken()
        super().connection_lost(exc)

    def _has_asked(self) -> None:
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None

    def _has_taken(self) -> None:
        if self._taken is not None:
            self._taken.cancel()
            self._taken = None
