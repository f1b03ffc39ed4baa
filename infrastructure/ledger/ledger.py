"""PositionLedger.handle(command): load, decide, append, answer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from weakref import WeakSet

from domain.aggregate.command_result import CommandResult
from domain.alteration import altered
from domain.commands.base import Command
from domain.commands.order_requests import DefineInstrument
from domain.commands.requests import Reduce
from domain.decisions.decision import CommandContext, already_open, resized
from domain.errors import (
    CommandRefused,
    HistoryDamaged,
    InvalidCommand,
    LedgerError,
    OutcomeUnknown,
    PositionAlreadyOpen,
    StoreError,
    StoreUnavailable,
    VersionConflict,
)
from domain.events import PositionEvent
from domain.identifiers import PositionId
from domain.rejection import Rejection
from domain.values import AHEAD_MAX, Source, identifier, is_yet_to_come, timestamp_text, utc
from infrastructure.event_store.codec import encode
from infrastructure.event_store.port import Store
from infrastructure.event_store.sql.migrations import beside
from infrastructure.event_store.vocabulary.append_conflicts import AppendInDoubt, IntentTaken, SlotTaken, VersionTaken
from infrastructure.ledger.aggregate_cache import AggregateCache, CachedPosition, may_be_told_again
from infrastructure.ledger.doubts import Doubts
from infrastructure.ledger.durability import require_durable, still_holds
from infrastructure.ledger.questions.ledger_questions import LedgerQuestions
from infrastructure.ledger.receipt import Receipt
from infrastructure.ledger.subscription import PATIENCE_SECONDS, Subscription
from infrastructure.ledger.typed_commands import TypedCommands
from infrastructure.ledger_clock import now
from infrastructure.operations.ledger_operations import LedgerOperations
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from infrastructure.witness import LOGGER, OnEvent, OnRefusal, OnUnprotected, Witness, needs_plain, warn
from projections.positions import PositionRow
from projections.progress import Progress, no_progress
from projections.rebuild import BATCH_EVENTS, Rebuilt

if TYPE_CHECKING:
    from infrastructure.event_store.eventsourcing_adapter import LedgerApplication

ATTEMPTS_MAX: Final = 50
"""How often one command is decided because other processes keep appending to its stream."""


def _new_command_id() -> str:
    return os.urandom(16).hex()


class PositionLedger(TypedCommands[Receipt], LedgerQuestions, LedgerOperations):
    """Who holds the open position on a symbol at an exchange, and everything that ever happened to it.

    Thread-safe; a context manager. There is one method for each command. It returns a Receipt, or raises an error of
    `domain.errors`. Nothing is acknowledged before it is on the disk, and a refused command changes nothing.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime] = now,
        new_id: Callable[[], str] = _new_command_id,
        on_event: OnEvent | None = None,
        on_refusal: OnRefusal | None = None,
        on_unprotected: OnUnprotected | None = None,
    ) -> None:
        """Use a store that is already open; `clock` and `new_id` are for tests."""
        self.store = store
        self._clock, self._new_id = (lambda: utc(clock())), new_id
        self._witness = Witness(on_event, on_refusal, on_unprotected)
        self._cache, self._doubts = AggregateCache(store), Doubts(store)
        self._subscriptions: WeakSet[Subscription] = WeakSet()

    @classmethod
    def connect(
        cls,
        url: str | None = None,
        *,
        create: bool = True,
        on_event: OnEvent | None = None,
        on_refusal: OnRefusal | None = None,
        on_unprotected: OnUnprotected | None = None,
    ) -> Self:
        """Open the ledger at a URL, LEDGER_DATABASE_URL, or `sqlite:///ledger.db`.

        `create` creates or migrates the database, and logs a warning (logger `position_ledger`) when it created one;
        without it the database must exist and be migrated. The hooks are called in a thread of their own: for every
        event that is recorded through this ledger, for every refusal, and for a position that becomes unprotected.
        Refuses: InvalidSettings, SchemaMismatch, StoreUnavailable; ValueError for a hook that has to be awaited.
        """
        needs_plain(on_event, on_refusal, on_unprotected)
        store = open_store(Settings.read(url), create=create)
        if store.is_new and not store.settings.is_memory:
            others = f"; {beside(store.siblings)}, of which this one knows nothing" if store.siblings else ""
            LOGGER.warning("made a new ledger: %s%s", store.settings.place, others)
        ledger = cls(store, on_event=on_event, on_refusal=on_refusal, on_unprotected=on_unprotected)
        if store.is_outdated:
            try:
                store.fill_once(ledger.rebuild)
            except BaseException:
                ledger.disconnect()
                raise
        return ledger

    def disconnect(self) -> None:
        """End every subscription, make the queued calls of the hooks, close the store; a `with` block does so."""
        for subscription in list(self._subscriptions):
            subscription.stop()
        self._witness.close()
        self._cache.clear()
        self.store.close()

    @cached_property
    def application(self) -> LedgerApplication:
        """The ledger as an application of the eventsourcing library: its repository and notification log."""
        from infrastructure.event_store.eventsourcing_adapter import LedgerApplication  # noqa: PLC0415 - a bot need not wait for it

        return LedgerApplication(self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    # -- commands -----------------------------------------------------------------------------------------------

    def handle(self, command: Command) -> Receipt:
        """Decide one command and append its events: once, or not at all.

        When another process appended first, the command is decided again on what that process wrote, so that the
        answer says who won.
        Refuses: CommandRefused and its subclasses; StoreError; OutcomeUnknown.
        """
        began = time.perf_counter()
        try:
            receipt = self._answer(command)
        except LedgerError as error:
            self._witness.refused(command, error, time.perf_counter() - began)
            raise
        self._witness.answered(command, receipt.position_id, receipt.outcome, time.perf_counter() - began)
        return receipt

    def _answer(self, command: Command) -> Receipt:
        stamp = self._stamp(command)
        try:
            receipt = self._handle(command, stamp)
        except LedgerError as error:
            self._doubts.require_known((stamp.command_id,), error)
            raise
        self._doubts.forget((stamp.command_id,))
        return receipt

    def _handle(self, command: Command, stamp: CommandContext) -> Receipt:
        self.store.require_primary()
        raced = was_mistaken = False
        if (holder := self._open_under_former_key(command)) is not None:
            return self._refuse(command, stamp, already_open(holder, stamp.ts_event, command), raced=False)
        for attempt in range(ATTEMPTS_MAX):
            held = self._cache.checkout(command, may_assume=attempt == 0 and self.store.is_remote)
            try:
                answer = held.position.decide(command, stamp)
            except CommandRefused as refusal:
                if not held.is_fresh:
                    continue
                moved = held.position.modified_on >= stamp.ts_recorded
                self._cache.put(held)
                return self._refuse(command, stamp, refusal, raced=raced or (was_mistaken and moved))
            row = held.position.row  # once it is put back, another thread may decide on the position
            if not held.position.pending_events:
                if not still_holds(self.store, held, stamp.command_id):
                    continue
                self._cache.put(held)
                return self._turned(command, stamp.command_id, answer) or Receipt.of("replayed", answer, row)
            try:
                self._append([held])
            except VersionTaken:
                raced, was_mistaken = raced or not held.is_assumed, was_mistaken or held.is_assumed
                if not held.is_assumed:
                    warn("%s %s is decided anew: somebody else was faster", command.key, command.verb)
                continue
            except IntentTaken:
                if (cycle := self._cycle_of_intent(command)) is None:
                    continue  # the event that claimed the intent has been lost since
                return self._first_answer(command, stamp, cycle)
            return Receipt.of("recorded", answer, row)
        raise VersionConflict(
            f"{command.key} was changed by others {ATTEMPTS_MAX} times while this command was decided; send it again"
        )

    def handle_many(self, commands: Iterable[Command]) -> list[Receipt | LedgerError]:
        """Decide a batch in order and append everything that is accepted in one transaction.

        Shape: one answer for each command, in order; a refused command does not stop the others. When a command is
        refused or may belong to an older cycle, or another process wrote to one of the streams meanwhile, the commands
        are handled one by one instead. An error of the database is then the answer to the command that met it and to
        all commands after it, which are not tried; to send them again with the same `command_id` is safe.
        Refuses: StoreError or OutcomeUnknown as long as no command of the batch has been answered with a receipt.
        """
        batch = list(commands)
        command_ids = [command.command_id for command in batch if command.command_id]
        try:
            return self._handle_many(batch, command_ids)
        except LedgerError as error:
            self._doubts.require_known(command_ids, error)
            raise

    def _handle_many(self, batch: Sequence[Command], command_ids: Collection[str]) -> list[Receipt | LedgerError]:
        began = time.perf_counter()
        self.store.require_primary()
        held_by_stream: dict[str, CachedPosition] = {}
        receipts: list[Receipt] = []
        for command in batch:
            stream = command.key.stream
            held = held_by_stream.get(stream) or self._cache.taken(stream) or self._cache.load(stream)
            held_by_stream[stream] = held
            is_of_another = command.cycle is not None and command.cycle != held.position.cycle
            if is_of_another or may_be_told_again(command, held.position) or self._open_under_former_key(command):
                return self._one_by_one(batch)
            pending = len(held.position.pending_events)
            try:
                answer = held.position.decide(command, self._stamp(command))
            except CommandRefused:
                return self._one_by_one(batch)
            recorded = len(held.position.pending_events) > pending
            receipts.append(Receipt.of("recorded" if recorded else "replayed", answer, held.position.row))
        unchanged = [held for held in held_by_stream.values() if not held.position.pending_events]
        if not all(still_holds(self.store, held) for held in unchanged):  # asked before anything is recorded
            return self._one_by_one(batch)
        try:
            self._append([held for held in held_by_stream.values() if held.position.pending_events])
        except (VersionTaken, IntentTaken):
            return self._one_by_one(batch)
        for held in unchanged:
            self._cache.put(held)
        self._doubts.forget(command_ids)
        for command, receipt in zip(batch, receipts, strict=True):
            self._witness.answered(command, receipt.position_id, receipt.outcome, time.perf_counter() - began)
        return [*receipts]

    def _one_by_one(self, batch: Sequence[Command]) -> list[Receipt | LedgerError]:
        answers: list[Receipt | LedgerError] = []
        for command in batch:
            try:
                answers.append(self.handle(command))
            except CommandRefused as refusal:
                answers.append(refusal)
            except (StoreError, OutcomeUnknown) as error:
                if not any(isinstance(answer, Receipt) for answer in answers):
                    raise
                untried = len(batch) - len(answers) - 1
                return [*answers, error, *[_not_tried(error) for _ in range(untried)]]
        return answers

    def _open_under_former_key(self, command: Command) -> PositionRow | None:
        """The open cycle under a key that this command's symbol meant in an earlier version.

        No cycle is opened under such a key by these words any more, so one look before the decision is enough.
        """
        if not command.former_keys or command.source is Source.IMPORT or isinstance(command, DefineInstrument):
            return None
        rows = (self._cache.load(key.stream).position.row for key in command.former_keys)
        return next((row for row in rows if row is not None and row.status.is_open), None)

    def _stamp(self, command: Command) -> CommandContext:
        now = self._clock()
        if command.at is not None and is_yet_to_come(command.at, now) and command.source is not Source.IMPORT:
            raise InvalidCommand(
                f"{command.verb}: at {timestamp_text(command.at)} is yet to come: the ledger's clock says "
                f"{timestamp_text(now)}, and {AHEAD_MAX.seconds} s ahead of it are allowed; look which clock is wrong",
                command=command.verb,
            )
        return CommandContext(command.command_id or self._new_id(), command.at or now, now)

    def _append(self, cached: Sequence[CachedPosition]) -> None:
        before: dict[str, PositionRow] = {}
        rows: list[PositionRow] = []
        events: list[PositionEvent] = []
        heads: dict[str, str] = {}
        for held in cached:
            if held.before is not None:
                before[held.before.position_id] = held.before
            heads[held.position.id] = held.head
            rows += held.project_pending()
            events += held.pending()
        try:
            self.store.insert_events([*map(encode, events)], rows=rows, before=before, heads=heads)
        except AppendInDoubt as doubt:
            self._doubts.settle(doubt)
        except SlotTaken as guard:
            first = {event.originator_id: event.originator_version for event in reversed(events)}
            if any(self._cache.load(stream).position.version != first[stream] - 1 for stream in heads):
                raise VersionTaken(str(guard)) from guard
            raise HistoryDamaged(
                f"the positions table shows another open cycle than the events of {', '.join(heads)} do ({guard}); "
                "nothing was written. Look with `position-ledger verify`, mend with `position-ledger rebuild`"
            ) from guard
        else:
            for held in cached:
                held.head, held.is_assumed, held.is_acknowledged = heads[held.position.id], False, True
                self._cache.put(held)
        self._witness.recorded(events, rows, before)

    def _refuse(self, command: Command, stamp: CommandContext, refusal: CommandRefused, *, raced: bool) -> Receipt:
        if isinstance(refusal, PositionAlreadyOpen):
            if (cycle := self._cycle_of_intent(command)) is not None:
                return self._first_answer(command, stamp, cycle)
            if raced:
                refusal.seen_at_append()
        if refusal.is_duplicate:
            self._log_rejection(command, stamp, refusal)
        raise refusal

    def _cycle_of_intent(self, command: Command) -> int | None:
        intent = getattr(command, "intent_id", None)
        return None if intent is None else self.store.cycle_of_intent(command.key.stream, intent)

    def _first_answer(self, command: Command, stamp: CommandContext, cycle: int) -> Receipt:
        """The receipt of the entry by which the same intent opened an earlier cycle, as `replayed`."""
        held = self._cache.load_cycle(command.key.stream, cycle)
        require_durable(self.store, held, stamp.command_id)
        opened = held.position
        answer: CommandResult = next(iter(opened.state.answers.values()))
        assert opened.row is not None, "it opened a cycle"
        if answer.request != command.digest:
            refusal = resized(opened.row, str(opened.row.intent_id))
            self._log_rejection(command, stamp, refusal)
            raise refusal
        return Receipt.of("replayed", answer, opened.row)

    def _turned(self, command: Command, command_id: str, answer: CommandResult) -> Receipt | None:
        """The first answer to a fill that turned the position, which names the cycle that it opened; None otherwise.

        `answer` is what it did in the cycle that it closed, and was loaded without the next one.
        """
        if not (isinstance(command, Reduce) and command.flip and answer.events):
            return None
        closed = PositionId.parse(answer.position_id)
        opened = self._cache.load_cycle(closed.key.stream, closed.cycle + 1).position
        rest = opened.state.answers.get(command_id)
        if rest is None or rest.version != answer.version + 1:
            return None
        return Receipt.of("replayed", altered(rest, events=(*answer.events, *rest.events)), opened.row)

    def _log_rejection(self, command: Command, stamp: CommandContext, refusal: CommandRefused) -> None:
        told = Rejection.of(command, refusal, command_id=stamp.command_id, ts_recorded=stamp.ts_recorded)
        self.store.log_rejection(told)

    # -- questions ----------------------------------------------------------------------------------------------

    def receipt(self, command_id: str | int, *, key: str | None = None) -> Receipt | None:
        """The receipt of a command whose answer was lost in a crash or a cancelled task: `replayed`, as if sent again.

        Shape:   None when no event answers the command: it was never sent, it was refused (`rejections` lists refused
                 duplicates), or it said nothing new. A recent command is found at once. Before the answer is None, the
                 whole log is read, or only one stream if `key` names it (a key or a position id).
        Refuses: InvalidCommand when an argument is no id or no key; OutcomeUnknown while an earlier sending by this
                 process is in doubt, or while it cannot be found out whether the events are durable; StoreUnavailable,
                 also on a replica, because the latest commands may be missing there.
        """
        self.store.require_primary()
        command_id = understood_command_id(command_id)
        held = self._cache.load_answered(command_id, None if key is None else self._place(key)[0].stream)
        if held is None:
            self._doubts.require_known((command_id,), CommandRefused(f"nothing is on record of {command_id}"))
            return None
        require_durable(self.store, held, command_id)
        return Receipt.of("replayed", held.position.state.answers[command_id], held.position.row)

    def subscribe(
        self,
        *,
        after: int = 0,
        after_hash: str | None = None,
        timeout_seconds: float | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Subscription:
        """Every event of the log after a `nid`, once and in log order: first those that exist, then new ones.

        It ends when it is stopped, when the ledger is disconnected, or when no new event came for `timeout_seconds`: 0
        reads only what exists, None waits for ever. To go on later, subscribe again: `after` the `nid` of the last
        event, and with its hash as `after_hash`, so that an event that was lost meanwhile is noticed.
        Refuses: while it is read, StoreUnavailable when the log could not be read for `patience_seconds`;
        HistoryDamaged at an event that cannot be read; PastLost when the last event is no longer in the log.
        """
        subscription = Subscription(
            self.store,
            self.store.wakeups(),
            after=after,
            after_hash=after_hash,
            timeout_seconds=timeout_seconds,
            patience_seconds=patience_seconds,
        )
        self._subscriptions.add(subscription)
        return subscription

    # -- upkeep -------------------------------------------------------------------------------------------------

    def rebuild(
        self, progress: Progress = no_progress, *, batch_events: int = BATCH_EVENTS, processes: int = 1
    ) -> Rebuilt:
        """Fold a new positions table from the events, and swap it for the old one.

        With several `processes` each folds a share of the streams; each imports the main module of the caller again.
        """
        from infrastructure.walks.positions_rebuild import rebuilt  # noqa: PLC0415 - a bot need not wait for it

        return rebuilt(self.store, progress, batch_events=batch_events, processes=processes)


def _not_tried(error: LedgerError) -> StoreUnavailable:
    return StoreUnavailable(f"not tried, because the command before it failed: {error.message}")


def understood_command_id(said: str | int) -> str:
    """Read an id exactly as a command does, so that it finds what was sent. Refuses: InvalidCommand."""
    try:
        return identifier(said)
    except ValueError as wrong:
        raise InvalidCommand(f"command_id: {wrong}") from None
