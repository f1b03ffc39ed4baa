"""AsyncPositionLedger: the ledger for programs that run on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any, Self

from domain.commands.base import Command
from domain.errors import CommandRefused
from infrastructure.ledger.as_of import PastMoment, TimeAxis
from infrastructure.ledger.history import HistoryEntry
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.receipt import Receipt
from infrastructure.ledger.subscription import PATIENCE_SECONDS, AsyncSubscription
from infrastructure.ledger.typed_commands import TypedCommands
from projections.positions import PositionRow


class AsyncPositionLedger(TypedCommands[Coroutine[Any, Any, Receipt]]):
    """The asyncio twin of PositionLedger: the same methods, awaited; the database is waited for in threads."""

    def __init__(self, ledger: PositionLedger) -> None:
        """Wrap a ledger that is open."""
        self._ledger = ledger

    @classmethod
    async def connect(cls, url: str | None = None, *, create: bool = True) -> Self:
        """Open a ledger, as PositionLedger.connect does."""
        return cls(await asyncio.to_thread(PositionLedger.connect, url, create=create))

    async def disconnect(self) -> None:
        """Let go of the database."""
        await asyncio.to_thread(self._ledger.disconnect)

    async def __aenter__(self) -> Self:
        """Be open until the end of the block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the database."""
        await self.disconnect()

    async def handle(self, command: Command) -> Receipt:
        """Decide one command and append what follows from it."""
        return await asyncio.to_thread(self._ledger.handle, command)

    async def handle_many(self, commands: Iterable[Command]) -> list[Receipt | CommandRefused]:
        """Decide a batch and append what is accepted in one transaction."""
        return await asyncio.to_thread(self._ledger.handle_many, commands)

    async def position(
        self, position_id: str, *, as_of: PastMoment = None, by: TimeAxis | str = TimeAxis.RECORDED
    ) -> PositionRow:
        """One cycle as it stands, or stood."""
        return await asyncio.to_thread(self._ledger.position, position_id, as_of=as_of, by=by)

    async def positions(
        self,
        *,
        open: bool = False,
        unprotected: bool = False,
        as_of: PastMoment = None,
        by: TimeAxis | str = TimeAxis.RECORDED,
    ) -> list[PositionRow]:
        """All cycles, or some, now or as of then."""
        return await asyncio.to_thread(self._ledger.positions, open=open, unprotected=unprotected, as_of=as_of, by=by)

    async def history(
        self, key_or_position_id: str, *, as_of: PastMoment = None, by: TimeAxis | str = TimeAxis.RECORDED
    ) -> list[HistoryEntry]:
        """Every event of a key, or of one of its cycles."""
        return await asyncio.to_thread(self._ledger.history, key_or_position_id, as_of=as_of, by=by)

    def subscribe(
        self, *, after: int = 0, timeout_seconds: float | None = None, patience_seconds: float = PATIENCE_SECONDS
    ) -> AsyncSubscription:
        """Every event of the log past a `nid`, as PositionLedger.subscribe hands them out: `async for` them."""
        return AsyncSubscription(
            self._ledger.subscribe(after=after, timeout_seconds=timeout_seconds, patience_seconds=patience_seconds)
        )
