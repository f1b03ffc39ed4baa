"""A ledger that is being opened on asyncio: to be awaited, or entered at once."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, TypeVar

Opened = TypeVar("Opened", bound=AbstractAsyncContextManager[Any])


class Opening(Coroutine[Any, Any, Opened]):
    """`ledger = await connect(…)`, `async with await connect(…)` and `async with connect(…)` mean the same ledger."""

    def __init__(self, opening: Coroutine[Any, Any, Opened]) -> None:
        """Begin nothing yet: it is opened when it is awaited or entered."""
        self._opening = opening

    def __await__(self) -> Generator[Any, Any, Opened]:
        return self._opening.__await__()

    def send(self, value: Any, /) -> Any:
        """As of any coroutine: a task may be made of it."""
        return self._opening.send(value)

    def throw(self, *error: Any) -> Any:
        """As of any coroutine."""
        return self._opening.throw(*error)

    def close(self) -> None:
        """Never open it."""
        self._opening.close()

    async def __aenter__(self) -> Opened:
        self._opened = await self._opening
        await self._opened.__aenter__()
        return self._opened

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, trace)
