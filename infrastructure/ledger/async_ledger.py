"""The ledger, and a subscription, for programs that run on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from domain.commands.base import Command
from domain.errors import LedgerError
from domain.identifiers import PositionKey
from domain.rejection import Rejection
from domain.values import Leg
from infrastructure.awaited_hooks import awaited_on
from infrastructure.event_store.opener import LedgerClosed, Opener, without_thread
from infrastructure.ledger.awaited_ledger import Opening
from infrastructure.ledger.ledger import PositionLedger, understood_command_id
from infrastructure.ledger.questions.as_of import PastMoment, TimeAxis
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.receipt import Receipt
from infrastructure.ledger.subscription import PATIENCE_SECONDS, Subscription
from infrastructure.ledger.typed_commands import TypedCommands
from infrastructure.witness import OnEvent, OnRefusal, OnUnprotected
from projections.positions import PositionRow
from projections.progress import Progress, no_progress
from projections.rebuild import BATCH_EVENTS, Rebuilt

if TYPE_CHECKING:
    from infrastructure.event_store.eventsourcing_adapter import LedgerApplication
    from infrastructure.operations.account_correction import Reconciled
    from infrastructure.operations.apply_corrections import Applied
    from infrastructure.operations.health import Diagnosis
    from projections.account_snapshot import AccountSnapshot
    from projections.metrics.statistics import Statistics
    from projections.reconciliation.result import ReconciliationRules
    from projections.recovery.pending_orders import PendingOrder
    from projections.recovery.proposals import Proposal

Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class AsyncPositionLedger(TypedCommands[Coroutine[Any, Any, Receipt]]):
    """The asyncio twin of PositionLedger: the same methods, awaited; threads wait for the database.

    It has its own threads, as many as there are connections in the pool, so that a command never waits for other work
    of the program. A call that is cancelled may still be recorded: ask `receipt` for its `command_id`, or send the
    command again with that id.
    """

    def __init__(self, ledger: PositionLedger) -> None:
        self._ledger = ledger
        self._threads = ThreadPoolExecutor(ledger.store.settings.pool_size, "position-ledger")
        self._opener, self._is_closed = Opener(ledger.store.settings.shown), False
        self._sendings: dict[Future[Any], set[str | None]] = {}
        """The command ids of every call that is queued or running; a cancelled caller may ask for their receipts."""

    @classmethod
    def connect(
        cls,
        url: str | None = None,
        *,
        create: bool = True,
        on_event: OnEvent | None = None,
        on_refusal: OnRefusal | None = None,
        on_unprotected: OnUnprotected | None = None,
    ) -> Opening[Self]:
        """Open a ledger, as PositionLedger.connect does, in a thread of its own; awaited, or by `async with`.

        A hook that is a coroutine function is awaited on the event loop of the caller; any other is called in a thread.
        """
        return Opening(cls._open(url, create, on_event, on_refusal, on_unprotected))

    @classmethod
    async def _open(
        cls,
        url: str | None,
        create: bool,  # noqa: FBT001 - as connect has it by name
        on_event: OnEvent | None,
        on_refusal: OnRefusal | None,
        on_unprotected: OnUnprotected | None,
    ) -> Self:
        running = asyncio.get_running_loop()

        def loop() -> asyncio.AbstractEventLoop:
            return running

        opener = ThreadPoolExecutor(1, "position-ledger-connect")
        opening = opener.submit(
            PositionLedger.connect,
            url,
            create=create,
            on_event=awaited_on(loop, on_event),
            on_refusal=awaited_on(loop, on_refusal),
            on_unprotected=awaited_on(loop, on_unprotected),
        )
        opener.shutdown(wait=False)
        try:
            return cls(await asyncio.wrap_future(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(_disconnect)
            raise

    async def disconnect(self) -> None:
        """Close the connection to the database, also if the caller is cancelled meanwhile."""
        if self._is_closed:
            return
        self._is_closed = True
        if not self._opener.is_here:  # a fork has no threads to ask
            self._ledger.disconnect()
            return
        closing = self._threads.submit(self._ledger.disconnect)
        try:
            await asyncio.wrap_future(closing)
        except asyncio.CancelledError:
            if closing.cancelled():  # it had no thread yet
                self._threads.submit(self._ledger.disconnect)
            raise
        finally:
            self._threads.shutdown(wait=False)

    @property
    def application(self) -> LedgerApplication:
        """The ledger as an application of eventsourcing, as PositionLedger has it; its calls block."""
        return self._ledger.application

    async def _run(self, call: Callable[Asked, Answer], *args: Asked.args, **kwargs: Asked.kwargs) -> Answer:
        return await asyncio.wrap_future(self._begin(partial(call, *args, **kwargs)))

    def _begin(self, call: Callable[[], Answer]) -> Future[Answer]:
        """Have a thread make a call.

        Refuses: NotOpenHere; StoreUnavailable where no thread has begun it, and the system has no room for another one.
        """
        self._opener.require()
        if self._is_closed:
            raise LedgerClosed(self._ledger.store.settings.shown)
        begun: Future[Answer] = Future()
        try:
            self._threads.submit(_make, begun, call)
        except RuntimeError as wrong:  # the executor keeps the call all the same: a thread that is free makes it later
            if begun.cancel():
                raise without_thread(self._ledger.store.settings.shown, wrong) from wrong
        return begun

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    async def handle(self, command: Command) -> Receipt:
        """Decide one command and append what follows from it."""
        return await self._send([command], self._ledger.handle, command)

    async def handle_many(self, commands: Iterable[Command]) -> list[Receipt | LedgerError]:
        """Decide a batch and append what is accepted in one transaction, as PositionLedger.handle_many does."""
        batch = list(commands)
        return await self._send(batch, self._ledger.handle_many, batch)

    async def _send(self, commands: Sequence[Command], call: Callable[[Any], Answer], sent: Any) -> Answer:
        sending = self._begin(partial(call, sent))
        self._sendings[sending] = {command.command_id for command in commands}
        sending.add_done_callback(self._sendings.pop)
        return await asyncio.wrap_future(sending)

    async def receipt(self, command_id: str | int, *, key: str | None = None) -> Receipt | None:
        """The receipt of a command, as PositionLedger.receipt finds it; a call that is under way is waited for."""
        asked = understood_command_id(command_id)
        under_way = [sending for sending, ids in self._sendings.copy().items() if asked in ids]
        return await self._run(self._receipt, asked, key, under_way)

    def _receipt(self, command_id: str, key: str | None, under_way: Sequence[Future[Any]]) -> Receipt | None:
        wait(under_way)  # threads take calls in the order of sending, so none of these waits for this one
        return self._ledger.receipt(command_id, key=key)

    async def position(
        self, position_id: str, *, as_of: PastMoment = None, by: TimeAxis | str = TimeAxis.RECORDED
    ) -> PositionRow:
        """One cycle as it stands now, or stood then."""
        return await self._run(self._ledger.position, position_id, as_of=as_of, by=by)

    async def positions(
        self,
        *,
        open: bool = False,
        unprotected: bool = False,
        symbol: str | None = None,
        exchange: str | None = None,
        account: str | None = None,
        leg: str | Leg | None = None,
        intent_id: str | int | None = None,
        as_of: PastMoment = None,
        by: TimeAxis | str = TimeAxis.RECORDED,
    ) -> list[PositionRow]:
        """All cycles, or some of them, now or at a past moment; see PositionLedger.positions."""
        return await self._run(
            self._ledger.positions,
            open=open,
            unprotected=unprotected,
            symbol=symbol,
            exchange=exchange,
            account=account,
            leg=leg,
            intent_id=intent_id,
            as_of=as_of,
            by=by,
        )

    async def cycles(self, key: str, *, as_of: PastMoment = None) -> list[int]:
        """The numbers of the cycles of a key that had begun by a moment."""
        return await self._run(self._ledger.cycles, key, as_of=as_of)

    async def history(
        self, key_or_position_id: str, *, as_of: PastMoment = None, by: TimeAxis | str = TimeAxis.RECORDED
    ) -> list[HistoryEntry]:
        """Every event of a key, or of one of its cycles."""
        return await self._run(self._ledger.history, key_or_position_id, as_of=as_of, by=by)

    async def rejections(self, key: PositionKey | str | None = None) -> list[Rejection]:
        """Every duplicate that was ever refused, or those of one key."""
        return await self._run(self._ledger.rejections, key)

    async def rebuild(
        self, progress: Progress = no_progress, *, batch_events: int = BATCH_EVENTS, processes: int = 1
    ) -> Rebuilt:
        """Fold the positions table anew from the events; `progress` is called in a thread."""
        return await self._run(self._ledger.rebuild, progress, batch_events=batch_events, processes=processes)

    async def reconcile(
        self,
        snapshots: Iterable[AccountSnapshot | Mapping[str, Any] | bytes],
        *,
        apply: str | bool | None = None,
        rules: ReconciliationRules | None = None,
    ) -> list[Reconciled]:
        """Compare with exchanges, as PositionLedger.reconcile does."""
        return await self._run(self._ledger.reconcile, snapshots, apply=apply, rules=rules)

    async def recover(
        self,
        snapshots: Iterable[AccountSnapshot | Mapping[str, Any] | bytes] = (),
        *,
        apply: str | bool | None = None,
        rules: ReconciliationRules | None = None,
    ) -> tuple[list[Proposal], list[Applied]]:
        """Judge what is unfinished, as PositionLedger.recover does."""
        return await self._run(self._ledger.recover, snapshots, apply=apply, rules=rules)

    async def diagnose(
        self,
        snapshots: Iterable[AccountSnapshot | Mapping[str, Any] | bytes] = (),
        *,
        age: timedelta | None = None,
        verifies: bool = True,
    ) -> Diagnosis:
        """Run every check, as PositionLedger.diagnose does."""
        return await self._run(self._ledger.diagnose, snapshots, age=age, verifies=verifies)

    async def statistics(self, *, since: datetime | None = None, until: datetime | None = None) -> Statistics:
        """Sum up a window of time, as PositionLedger.statistics does."""
        return await self._run(self._ledger.statistics, since=since, until=until)

    async def pending_orders(self) -> list[PendingOrder]:
        """Every order that was promised or is missing, as PositionLedger.pending_orders does."""
        return await self._run(self._ledger.pending_orders)

    def subscribe(
        self,
        *,
        after: int = 0,
        after_hash: str | None = None,
        timeout_seconds: float | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> AsyncSubscription:
        """Every event of the log past a `nid`, as PositionLedger.subscribe hands them out: `async for` them."""
        return AsyncSubscription(
            self._ledger.subscribe(
                after=after,
                after_hash=after_hash,
                timeout_seconds=timeout_seconds,
                patience_seconds=patience_seconds,
            )
        )


class AsyncSubscription(AsyncIterator[HistoryEntry]):
    """The asyncio twin of a subscription; it waits in a thread of its own, so that no command waits for it.

    A wait that is cancelled, for example by `asyncio.timeout`, loses no event: ask for the next one again.
    """

    def __init__(self, subscription: Subscription) -> None:
        """Read nothing yet."""
        self._subscription, self._opener = subscription, Opener("a subscription")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-subscription")
        self._has_ended = False

    async def __anext__(self) -> HistoryEntry:
        """The next event, waited for."""
        self._opener.require()
        while (entry := self._subscription.ready()) is None:
            if self._subscription.is_over:
                self._end()
                raise StopAsyncIteration
            await asyncio.get_running_loop().run_in_executor(self._thread, self._subscription.go_on)
        return entry

    def stop(self) -> None:
        """End it: a reader that waits for the next event returns within a moment."""
        self._subscription.stop()

    def _end(self) -> None:
        """Close the subscription in its thread, after any cancelled wait that still runs there."""
        if not self._has_ended:
            self._has_ended = True
            self._thread.submit(self._subscription.close)
            self._thread.shutdown(wait=False)


def _make(begun: Future[Answer], call: Callable[[], Answer]) -> None:
    if not begun.set_running_or_notify_cancel():
        return
    try:
        begun.set_result(call())
    except BaseException as error:  # noqa: BLE001 - whoever waits gets it
        begun.set_exception(error)
        del begun  # else it would refer to itself, by the traceback


def _disconnect(opening: Future[PositionLedger]) -> None:
    """Close a ledger that was opened for a caller who no longer waits for it."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().disconnect()
