"""A turn: the time during which a transaction of one thread may use its connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Generic, TypeVar

from domain.errors import StoreUnavailable
from infrastructure.event_store.opener import Opener

Connection = TypeVar("Connection")
Value = TypeVar("Value")


class Turn(Generic[Connection]):
    """A transaction of a thread, or a part of it.

    A generator that was started in a turn may be closed or read on after its end, in another thread, or in a forked
    process. By then the connection may belong to somebody else, so the generator must not touch it.
    """

    def __init__(self, connection: Connection, opener: Opener, outer: Turn[Connection] | None) -> None:
        self.connection, self.outer = connection, outer
        self._opener, self._ended = opener, False

    @property
    def is_over(self) -> bool:
        """Whether it may no longer use its connection."""
        return self._ended or not self._opener.is_here or (self.outer is not None and self.outer.is_over)

    def end(self) -> None:
        """End the turn."""
        self._ended = True

    def require(self) -> None:
        """Refuses: StoreUnavailable, when the turn is over."""
        self._opener.require()
        if self.is_over:
            raise StoreUnavailable("the snapshot of this query is over; read all its rows inside the block")

    @contextmanager
    def lasting(self, context: AbstractContextManager[Value]) -> Iterator[Value]:
        """Enter a context of the connection; leave it only if the turn is not over, else drop it."""
        with ExitStack() as stack:
            value = stack.enter_context(context)
            try:
                yield value
            finally:
                if self.is_over:
                    stack.pop_all()
