"""PositionLedger.handle(command): load, decide, append, answer."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from weakref import WeakSet

from domain.aggregate.state import CommandResult
from domain.commands.base import Command
from domain.decisions.decision import CommandContext
from domain.errors import (
    CommandRefused,
    HistoryDamaged,
    IdempotencyMismatch,
    InvalidCommand,
    LedgerError,
    OutcomeUnknown,
    PositionAlreadyOpen,
    StoreError,
    StoreUnavailable,
    UnknownPosition,
    VersionConflict,
)
from domain.events import PositionImported
from domain.identifiers import PositionId, PositionKey
from domain.rejection import Rejection
from domain.values import AHEAD_MAX, Source, timestamp_text
from infrastructure.event_store.codec import decode, encode
from infrastructure.event_store.port import (
    AppendInDoubt,
    IntentTaken,
    SlotTaken,
    Store,
    VersionTaken,
)
from infrastructure.ledger.aggregate_cache import AggregateCache, CachedPosition, may_be_told_again
from infrastructure.ledger.as_of import AsOfQuery, PastMoment, TimeAxis
from infrastructure.ledger.history import HistoryEntry
from infrastructure.ledger.receipt import Receipt
from infrastructure.ledger.subscription import PATIENCE_SECONDS, Subscription
from infrastructure.ledger.typed_commands import TypedCommands
from infrastructure.settings import Settings
from projections.exposure import is_left_over, taken_over_at
from projections.positions import PositionRow, needs_stop
from projections.rebuild import BATCH_EVENTS, Progress, Rebuild, Rebuilt

if TYPE_CHECKING:
    from infrastructure.event_store.eventsourcing_adapter import LedgerApplication

Read = TypeVar("Read")

_LOGGER: Final = logging.getLogger("position_ledger")

SETTLE_POLL_SECONDS: Final = 0.05

ATTEMPTS_MAX: Final = 50
"""How often a command is decided anew because its stream moved meanwhile."""


def now() -> datetime:
    """The clock of the ledger."""
    return datetime.now(UTC)


def _new_command_id() -> str:
    return os.urandom(16).hex()


def open_store(settings: Settings, *, create: bool = True) -> Store:
    """Open the kind of store that the settings name; the other kind is not even imported."""
    if settings.kind == "sqlite":
        from infrastructure.event_store.sqlite.store import SQLiteStore  # noqa: PLC0415 - a process needs one kind of store

        return SQLiteStore(settings, create=create)
    from infrastructure.event_store.postgres.store import PostgresStore  # noqa: PLC0415 - a process needs one kind of store

    return PostgresStore(settings, create=create)


class PositionLedger(TypedCommands[Receipt]):
    """Who holds the open position on a symbol at an exchange, and everything that ever happened to it.

    Thread-safe; a context manager. A method a command, each answered by a Receipt or refused with an error of
    `domain.errors`; nothing is acknowledged before it is on the disk, and a refusal has changed nothing.
    """

    def __init__(
        self, store: Store, *, clock: Callable[[], datetime] = now, new_id: Callable[[], str] = _new_command_id
    ) -> None:
        """Keep positions in a store that is open; `clock` and `new_id` are for tests."""
        self.store = store
        self._clock, self._new_id = clock, new_id
        self._cache = AggregateCache(store)
        self._subscriptions: WeakSet[Subscription] = WeakSet()

    @classmethod
    def connect(cls, url: str | None = None, *, create: bool = True) -> Self:
        """Open the ledger at a URL, LEDGER_DATABASE_URL, or `sqlite:///ledger.db`.

        `create` makes the database or migrates it, and warns (logger `position_ledger`) of one that it made; without
        it, both must have been done.
        Refuses: InvalidSettings, SchemaMismatch, StoreUnavailable.
        """
        store = open_store(Settings.read(url), create=create)
        if store.is_new and not store.settings.is_memory:
            _LOGGER.warning("made a new ledger: %s", store.settings.place)
        return cls(store)

    def disconnect(self) -> None:
        """End every subscription and let go of the database; also done at the end of a `with` block."""
        for subscription in list(self._subscriptions):
            subscription.stop()
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
        """Decide one command and append what follows from it: once, or not at all.

        A lost race is read back and decided anew on what the winner wrote, so that the answer says who won.
        Refuses: CommandRefused and its kinds; StoreError; OutcomeUnknown.
        """
        stamp, raced, surprised = self._stamp(command), False, False
        if (holder := self._open_before(command)) is not None:
            return self._refuse(command, stamp, _already_open(holder, command, stamp), raced=False)
        for attempt in range(ATTEMPTS_MAX):
            held, fresh = self._cache.checkout(command, may_assume=attempt == 0 and self.store.is_remote)
            try:
                answer = held.position.decide(command, stamp)
            except CommandRefused as refusal:
                if not fresh:
                    continue
                self._cache.put(held)
                moved = held.position.modified_on >= stamp.ts_recorded
                return self._refuse(command, stamp, refusal, raced=raced or (surprised and moved))
            if not held.position.pending_events:
                self._cache.put(held)
                return Receipt.of("replayed", answer)
            try:
                self._append([held])
            except VersionTaken:
                raced, surprised = raced or not held.is_assumed, surprised or held.is_assumed
                continue
            except IntentTaken:
                cycle = self._cycle_of_intent(command)
                assert cycle is not None, "taken by an event that is there"
                return self._first_answer(command, stamp, cycle)
            return Receipt.of("recorded", answer)
        raise VersionConflict(
            f"{command.key} was changed by others {ATTEMPTS_MAX} times while this command was decided; send it again"
        )

    def handle_many(self, commands: Iterable[Command]) -> list[Receipt | LedgerError]:
        """Decide a batch in order and append all that is accepted in one transaction.

        Shape: an answer for each, in order; a refused one does not hold up the others. When one is refused or may be of
        an older cycle, or somebody else wrote to one of the streams meanwhile, the batch is decided one by one
        instead: then an error of the database stands as the answer of the command that it met and of those after it,
        which are not tried. Sent again with the same `command_id`, they are safe.
        Refuses: StoreError, OutcomeUnknown while nothing of the batch, or all of it, is in question.
        """
        batch = list(commands)
        held_by_stream: dict[str, CachedPosition] = {}
        answers: list[Receipt | LedgerError] = []
        for command in batch:
            stream = command.key.stream
            held = held_by_stream.get(stream) or self._cache.load(stream)
            held_by_stream[stream] = held
            if may_be_told_again(command, held.position) or self._open_before(command):
                return self._one_by_one(batch)
            pending = len(held.position.pending_events)
            try:
                answer = held.position.decide(command, self._stamp(command))
            except CommandRefused:
                return self._one_by_one(batch)
            recorded = len(held.position.pending_events) > pending
            answers.append(Receipt.of("recorded" if recorded else "replayed", answer))
        try:
            self._append([held for held in held_by_stream.values() if held.position.pending_events])
        except (VersionTaken, IntentTaken):
            return self._one_by_one(batch)
        return answers

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

    def _open_before(self, command: Command) -> PositionRow | None:
        """The open cycle that the words of a command meant before exchanges had a table of spellings.

        None can be opened there any more, so that it is enough to look before the decision.
        """
        if command.former_key is None or command.source is Source.IMPORT:
            return None
        row = self._cache.load(command.former_key.stream).position.row
        return row if row is not None and row.status.is_open else None

    def _stamp(self, command: Command) -> CommandContext:
        now = self._clock()
        if command.at is not None and command.at - now > AHEAD_MAX and command.source is not Source.IMPORT:
            raise InvalidCommand(
                f"{command.verb}: at {timestamp_text(command.at)} is yet to come: the ledger's clock says "
                f"{timestamp_text(now)}, and {AHEAD_MAX.seconds} s ahead of it are allowed; look which clock is wrong",
                command=command.verb,
            )
        return CommandContext(command.command_id or self._new_id(), command.at or now, now)

    def _append(self, memories: Sequence[CachedPosition]) -> None:
        rows = [row for held in memories for row in held.project_pending()]
        heads = {held.position.id: held.head for held in memories}
        versions = {held.position.id: held.version for held in memories}
        try:
            events = [encode(event) for held in memories for event in held.pending()]
            self.store.insert_events(events, rows=rows, heads=heads)
        except AppendInDoubt as doubt:
            self._settle(doubt)
            return
        except SlotTaken as guard:
            if any(self._cache.load(stream).position.version != versions[stream] for stream in versions):
                raise VersionTaken(str(guard)) from guard
            raise HistoryDamaged(
                f"the positions table shows another open cycle than the events of {', '.join(heads)} do ({guard}); "
                "nothing was written. Look with `position-ledger verify`, mend with `position-ledger rebuild`"
            ) from guard
        for held in memories:
            held.head, held.is_assumed = heads[held.position.id], False
            self._cache.put(held)

    def _settle(self, doubt: AppendInDoubt) -> None:
        """Find out by reading back whether an append was made whose confirmation was lost; nothing is sent again.

        Refuses: VersionTaken, when somebody else's stands there; StoreUnavailable when it certainly was not made;
        OutcomeUnknown when that cannot be found out in time.
        """
        deadline = time.monotonic() + doubt.seconds_left
        while True:
            try:
                made = self.store.settle(doubt)
            except StoreUnavailable:
                made = None
            if made:
                return
            if made is False:
                raise StoreUnavailable(
                    f"the connection was lost before {doubt} was written; nothing was written"
                ) from doubt
            if time.monotonic() > deadline:
                raise OutcomeUnknown(
                    f"the connection was lost while {doubt} was written, and whether it was cannot be found out now; "
                    f"send the same command_id {doubt.command_id} again, it is safe",
                    command_id=doubt.command_id,
                ) from doubt
            time.sleep(SETTLE_POLL_SECONDS)

    def _refuse(self, command: Command, stamp: CommandContext, refusal: CommandRefused, *, raced: bool) -> Receipt:
        if isinstance(refusal, PositionAlreadyOpen):
            if (cycle := self._cycle_of_intent(command)) is not None:
                return self._first_answer(command, stamp, cycle)
            if raced:
                refusal.seen_at_append()
        if refusal.is_duplicate:
            self._keep_rejection(command, stamp, refusal)
        raise refusal

    def _cycle_of_intent(self, command: Command) -> int | None:
        intent = getattr(command, "intent_id", None)
        return None if intent is None else self.store.cycle_of_intent(command.key.stream, intent)

    def _first_answer(self, command: Command, stamp: CommandContext, cycle: int) -> Receipt:
        """What the intent of this command was answered when it opened an earlier cycle."""
        opened = self._cache.load_cycle(command.key.stream, cycle).position
        answer: CommandResult = next(iter(opened.state.answers.values()))
        assert opened.row is not None, "it opened a cycle"
        if answer.request != command.digest:
            refusal = IdempotencyMismatch(
                f"intent_id {opened.row.intent_id} opened {answer.position_id} with other content, and it "
                f"is {opened.status} now; an intent opens one cycle only, so ask position({answer.position_id!r}) how "
                "it stands before anything else is sent",
                position_id=answer.position_id,
            )
            self._keep_rejection(command, stamp, refusal)
            raise refusal
        return Receipt.of("replayed", answer)

    def _keep_rejection(self, command: Command, stamp: CommandContext, refusal: CommandRefused) -> None:
        details: dict[str, Any] = refusal.details
        self.store.log_rejection(
            Rejection(
                ts_recorded=stamp.ts_recorded,
                stream=command.key.stream,
                command=command.verb,
                command_id=stamp.command_id,
                intent_id=getattr(command, "intent_id", None),
                source=command.source.value,
                error=type(refusal).__name__,
                detected_by=details.get("detected_by", "state"),
                position_id=details.get("position_id"),
                holder_intent_id=details.get("intent_id"),
                message=refusal.message,
            )
        )

    # -- questions ----------------------------------------------------------------------------------------------

    def position(
        self, position_id: str, *, as_of: PastMoment = None, by: TimeAxis | str = TimeAxis.RECORDED
    ) -> PositionRow:
        """One cycle as it stands, or stood; `as_of` and `by` as for positions.

        Refuses: UnknownPosition, InvalidCommand for what is no position id or no moment.
        """
        place = _understood(PositionId.parse, position_id)
        past = AsOfQuery.read(as_of, by)
        rows: Iterable[PositionRow]
        if as_of is None:  # a stream that was opened under another spelling of a strike is found by that one
            names = (str(place), position_id.strip())
            rows = (row for name in names for row in self.store.rows(position_id=name))
        else:
            rows = past.position(self.store, place)
        for row in rows:
            return row
        raise UnknownPosition(
            f"there is no position {place}" + ("" if as_of is None else f" as of {as_of} by {past.by}")
        )

    def positions(
        self,
        *,
        open: bool = False,
        unprotected: bool = False,
        as_of: PastMoment = None,
        by: TimeAxis | str = TimeAxis.RECORDED,
    ) -> list[PositionRow]:
        """All cycles, oldest first; only open ones, or only those at the exchange without a confirmed stop.

        What is unprotected need not be open: a fill that came too late is held in a cycle that is over.
        `as_of` is a time, a version of each stream, or `#nid`: what the ledger had recorded by then. `by="event-time"`
        reads a time on the exchange's clock: what had happened by then, as far as the ledger knows today.
        Refuses: InvalidCommand for what is no such moment.
        """
        rows: Iterable[PositionRow]
        past = AsOfQuery.read(as_of, by)
        if as_of is not None:
            rows = list(past.positions(self.store))
        elif unprotected and not open:
            held = [*self.store.rows(open_only=True), *self.store.rows(late_only=True)]
            rows = sorted(held, key=lambda row: (row.opened_at, row.position_id))
        else:
            rows = self.store.rows(open_only=open)

        def is_bare(row: PositionRow) -> bool:
            if not is_left_over(row):
                return needs_stop(row)
            return taken_over_at(row, (each.event for each in past.history(self.store, row.stream, None))) is None

        return [row for row in rows if (not open or row.status.is_open) and (not unprotected or is_bare(row))]

    def history(
        self, key_or_position_id: str, *, as_of: PastMoment = None, by: TimeAxis | str = TimeAxis.RECORDED
    ) -> list[HistoryEntry]:
        """Every event of a key, or of one of its cycles, in the order of recording; `as_of` and `by` as for positions.

        Refuses: UnknownPosition when nothing ever happened there, InvalidCommand for what is neither.
        """
        key, cycle = self._place(key_or_position_id)
        for stream in (key.stream, key_or_position_id.strip().partition("#")[0]):  # or as it was spelled once
            found = AsOfQuery.read(as_of, by).history(self.store, stream, cycle)
            if found or next(self.store.history(stream, cycle), None) is not None:
                return found
        raise UnknownPosition(f"nothing ever happened to {key_or_position_id}")

    def _place(self, text: str) -> tuple[PositionKey, int | None]:
        if "#" in str(text):
            position_id = _understood(PositionId.parse, text)
            return position_id.key, position_id.cycle
        return _understood(PositionKey.parse, text), None

    def subscribe(
        self, *, after: int = 0, timeout_seconds: float | None = None, patience_seconds: float = PATIENCE_SECONDS
    ) -> Subscription:
        """Every event of the log past a `nid`, once and in log order: those that are there, then those that come.

        It ends when it is stopped or the ledger is disconnected, or after nothing new came for `timeout_seconds`: 0
        takes what is there, None waits for ever. Go on with another one, `after` the `nid` of the last event.
        Refuses: while it is read, StoreUnavailable when the log could not be read for `patience_seconds`;
        HistoryDamaged at an event that cannot be read.
        """
        subscription = Subscription(
            self.store,
            self.store.wakeups(),
            after=after,
            timeout_seconds=timeout_seconds,
            patience_seconds=patience_seconds,
        )
        self._subscriptions.add(subscription)
        return subscription

    def rejections(self, key: PositionKey | None = None) -> list[Rejection]:
        """Every duplicate that was ever refused, or those of one key, oldest first."""
        return list(self.store.rejections(None if key is None else key.stream))

    # -- upkeep -------------------------------------------------------------------------------------------------

    def rebuild(self, progress: Progress = lambda _: None, *, batch_events: int = BATCH_EVENTS) -> Rebuilt:
        """Fold the positions table anew from the events, and let it take the place of the old one."""
        with self.store.rebuilding() as table:
            return Rebuild(_DecodedLog(self.store), table, progress, batch_events=batch_events).run()

    def imported(self, key: PositionKey) -> dict[str, str]:
        """The rows that were imported into a key before: their command ids and the digests of their content."""
        events = map(decode, self.store.history(key.stream))
        return {event.command_id: event.request for event in events if isinstance(event, PositionImported)}


def _not_tried(error: LedgerError) -> StoreUnavailable:
    return StoreUnavailable(f"not tried, for the command before it met this: {error.message}")


def _understood(read: Callable[[str], Read], text: str) -> Read:
    if not isinstance(text, str):
        raise InvalidCommand(f"{text!r:.120} is not a text like APTUSDT.binance#1")
    try:
        return read(text)
    except ValueError as wrong:
        raise InvalidCommand(str(wrong)) from None


class _DecodedLog:
    """The log of a store, as projections read it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def after(self, nid: int, limit: int | None) -> list[tuple[int, Any]]:
        stored = list(self._store.log(after=nid, limit=limit))
        return [(each.id, decode(each)) for each in stored]


def _already_open(holder: PositionRow, command: Command, stamp: CommandContext) -> PositionAlreadyOpen:
    return PositionAlreadyOpen(
        holder.position_id,
        holder.status,
        since=holder.opened_at,
        at=stamp.ts_event,
        holder=holder.intent_id,
        asked=getattr(command, "intent_id", None),
    )
