"""The store port: what a ledger needs of a database. SQLite is one implementation, PostgreSQL another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple

from domain.rejection import Rejection
from domain.values import timestamp_text
from infrastructure.event_store.checkpoints import Checkpoints
from infrastructure.event_store.records import EventRecord, ReadyAppend, RecordedEvent, StreamEnd
from infrastructure.event_store.replica import ReplicaPlace
from infrastructure.event_store.sql.conditions import Conditions, until
from infrastructure.event_store.sql.unread_row import UnreadableRow, UnreadRow
from infrastructure.event_store.vocabulary.append_conflicts import UnsettledAppend
from infrastructure.event_store.vocabulary.caution import Caution, Standing
from infrastructure.event_store.vocabulary.places import ALL_STREAMS, AsOf, CyclePlace, StreamReach, StreamSpan
from infrastructure.event_store.vocabulary.storage import Storage
from infrastructure.event_store.vocabulary.stored_rejection import rejection_from
from infrastructure.event_store.vocabulary.tallies import ProfitLine, RefusalCount
from infrastructure.event_store.wakeups import Wakeups
from infrastructure.settings import Settings
from projections.listed_row import Listed
from projections.positions import PositionRow
from projections.rebuild import PositionTable

EVENTS_MAX: Final = 32
"""More events than any one command records; they follow each other in its stream."""
SOUGHT_AT_ONCE: Final = 100_000
"""How many places of the log one query searches for a command: few enough to stay well within its timeout."""


class WatchMemory(NamedTuple):
    """Everything that a watch remembers, as text; `turn` counts from 1 and goes up by one at each write."""

    turn: int
    body: str


class Store(ABC):
    """Append-only events, the positions table and the rejections log, in one database."""

    settings: Settings
    is_outdated: bool = False
    """Whether the positions table is that of an earlier version, which a rebuild has to replace."""
    is_remote: bool
    """Whether a query costs a round trip over a network, so that it may pay to assume the answer."""
    names_moments: ClassVar[bool] = True
    """Whether a snapshot has a name by which others can use it; else all must begin while nothing is written."""
    takes_writers_at_once: ClassVar[bool] = True
    """Whether several processes that write at the same time are faster than one."""
    is_new: bool = False
    """Whether opening created the ledger."""
    siblings: Sequence[str] = ()
    """The other schemas of the same database that already had a ledger when this one was created."""

    def require_primary(self) -> None:  # noqa: B027 - a primary refuses nothing
        """Refuses: StoreUnavailable on a replica, where no command is decided, because it may lack the last events."""

    @contextmanager
    def settled(self) -> Iterator[ReplicaPlace | None]:
        """On a replica, make all reads of this thread see the log up to one settled place; None on a primary.

        Refuses: StoreUnavailable when no follower on the primary has recorded which place is settled.
        """
        yield None

    def visible(self, as_of: AsOf | None) -> AsOf | None:
        """The moment to read at: on a replica never after its settled place."""
        return as_of

    @abstractmethod
    def insert_events(
        self,
        records: Sequence[EventRecord],
        *,
        rows: Sequence[PositionRow] = (),
        before: Mapping[str, PositionRow] = MappingProxyType({}),
        heads: dict[str, str] | None = None,
    ) -> None:
        """Append events and write the rows that they change, in one transaction.

        `before` holds the previous rows by position id: only orders that differ from them are written, or all orders
        of a position that is not in it. `heads` holds the hash of the last event of each stream, and is updated to the
        new ones; a missing one is looked up. Events that do not follow their head are refused: another process
        appended to the stream, or its last events were lost.
        Refuses: VersionTaken, IntentTaken, SlotTaken (nothing was written); StoreUnavailable.
        """

    @abstractmethod
    def ready(
        self,
        records: Sequence[EventRecord],
        *,
        rows: Sequence[PositionRow],
        before: Mapping[str, PositionRow],
        heads: dict[str, str],
    ) -> ReadyAppend:
        """Prepare what `insert_events` would write, for `append_ready`, without a query.

        A stream that is not in `heads` is taken to be new; `heads` is updated to the new ends of all streams.
        """

    @abstractmethod
    def append_ready(self, ready: ReadyAppend) -> None:
        """Write what `ready` of the same kind of store prepared, in one transaction.

        Refuses: as `insert_events` does.
        """

    @abstractmethod
    def restore(
        self,
        events: Sequence[RecordedEvent],
        *,
        after: int,
        rows: Sequence[PositionRow],
        rejections: Sequence[Rejection],
    ) -> None:
        """Write events exactly as another ledger recorded them, their rows, and rejections, in one transaction.

        Refuses: VersionTaken unless the log ends at `after`; IntentTaken, SlotTaken; StoreUnavailable.
        """

    def settle(self, append: UnsettledAppend, seconds: float) -> bool | None:
        """Whether an append in doubt was made durably (True) or never will be (False); None while that may change.

        `seconds` bounds each wait. Refuses: VersionTaken when another event has its version; StoreUnavailable.
        """
        raise AssertionError(f"{type(self).__name__} leaves no append in doubt: {append}, {seconds:g} s")

    @abstractmethod
    def is_last(self, end: StreamEnd) -> bool:
        """Whether an event is the last of its stream: others may append to it, and a failover or a restore lose it."""

    def keeps(self, end: StreamEnd) -> bool | None:
        """Whether an event is in the log durably; None when the database cannot say, because it may still be lost."""
        return bool([*self.select({"stream =": end.stream, "version =": end.version, "hash =": end.hash}, "version")])

    @abstractmethod
    def snapshot(self, moment: str | None = None, *, as_found: bool = False) -> AbstractContextManager[object]:
        """Make all reads of this thread see one moment: that of a new snapshot, or of a named one of another process.

        `as_found` is for the search for damage: a stored value that is no valid text is returned as text that shows its
        bytes; without it such a value is HistoryDamaged.
        """

    def spans(self, count: int) -> list[StreamSpan]:
        """All streams, divided into about `count` spans with equally many events; one span if sharing is impossible."""
        del count
        return [ALL_STREAMS]

    def moment(self) -> str:
        """The name of this thread's snapshot, by which another process can use it as long as it lasts."""
        raise AssertionError(f"{type(self).__name__} has no name for a moment")

    def still(self) -> AbstractContextManager[object]:
        """Block every writer, so that all snapshots that begin meanwhile see the same moment."""
        raise AssertionError(f"{type(self).__name__} names a moment instead")

    @abstractmethod
    def load(self, stream: str) -> list[RecordedEvent]:
        """The events of a stream from where it was last flat: enough to decide the next command."""

    @abstractmethod
    def load_cycle(self, stream: str, cycle: int) -> list[RecordedEvent]:
        """The events of one cycle, late ones included."""

    @abstractmethod
    def load_cycles(self, places: Sequence[CyclePlace]) -> Iterator[RecordedEvent]:
        """The events of some cycles, late ones included, cycle by cycle and oldest first."""

    @abstractmethod
    def reaches(self, as_of: AsOf) -> Iterator[StreamReach]:
        """The last version and cycle that each stream had at a moment; a stream that began later is left out."""

    @abstractmethod
    def gone_on(self, reaches: Sequence[StreamReach]) -> Iterator[CyclePlace]:
        """The cycles that had begun by then and got further events afterwards."""

    @abstractmethod
    def following(
        self, places: Sequence[CyclePlace], kinds: Sequence[str], *, reach: int, limit: int
    ) -> Iterator[RecordedEvent]:
        """For each place the first `limit` events of some kinds of a later cycle, at most `reach` versions after it."""

    @abstractmethod
    def cycle_of_intent(self, stream: str, intent_id: str) -> int | None:
        """The cycle that an intent opened."""

    @abstractmethod
    def cycle_of_order(self, stream: str, exchange_order_id: str) -> int | None:
        """The last cycle of a stream whose entry was the order with this exchange id."""

    @abstractmethod
    def select(self, conditions: Conditions, order: str, limit: int | None = None) -> Iterator[RecordedEvent]:
        """The events that meet all conditions on their columns, sorted by the columns of `order`."""

    def last_event(self) -> RecordedEvent | None:
        """The event at the last place in the log; None while there is none."""
        return next(self.select({}, "nid DESC", 1), None)

    def history(self, stream: str, cycle: int | None = None, as_of: AsOf | None = None) -> Iterator[RecordedEvent]:
        """A stream, or one cycle of it, oldest first.

        A cycle is found by its load markers, however long its stream is; only for one without them all is searched.
        """
        if cycle and (of_cycle := self.load_cycle(stream, cycle)):
            moment = self.visible(as_of)
            yield from of_cycle if moment is None else filter(moment.__contains__, of_cycle)
            return
        yield from self.select(until(self.visible(as_of)) | {"stream =": stream, "cycle =": cycle}, "version")

    @abstractmethod
    def cycles(self, stream: str, as_of: AsOf | None = None) -> list[int]:
        """The numbers of the cycles of a stream that had begun by a moment, in order; found by their marks."""

    def of_command(self, command_id: str, stream: str | None) -> list[RecordedEvent]:
        """The events that a command recorded, oldest first; if it was sent to several streams, those of the last one.

        No index lists commands, so the log is searched from its end: a recent command is found at once, and for one
        that was never recorded the whole log is read, or the whole stream if it is given. The log is searched in parts,
        so that each query ends before its timeout however long the log is.
        """
        asked = {"command_id =": command_id, "stream =": stream}
        if stream is None:
            last = self._last_of_command(command_id)
        else:
            last = next(self.select(asked, "version DESC", 1), None)
        if last is None:
            return []
        near = asked | {"stream =": last.originator_id, "version >": last.originator_version - EVENTS_MAX}
        return list(self.select(near, "version"))

    def _last_of_command(self, command_id: str) -> RecordedEvent | None:
        end = self.last_event()
        until_nid = 0 if end is None else end.id
        while until_nid > 0:
            part = {"command_id =": command_id, "nid >": until_nid - SOUGHT_AT_ONCE, "nid <=": until_nid}
            found = next(self.select(part, "nid DESC", 1), None)
            if found is not None:
                return found
            until_nid -= SOUGHT_AT_ONCE
        return None

    def of_no_cycle(self) -> Iterator[RecordedEvent]:
        """The events that belong to a stream but to none of its cycles, oldest first."""
        return self.select(until(self.visible(None)) | {"cycle =": 0}, "nid")

    def log(self, *, after: int = 0, as_of: AsOf | None = None, limit: int | None = None) -> Iterator[RecordedEvent]:
        """All events in the order of recording; without a moment, up to the high-water mark.

        The end is checked here and not in SQL: for a range of nids between two parameters the query planner expects
        few rows, fetches all of them before it sorts, and does so again for every batch.
        """
        moment = self.visible(as_of) or AsOf(nid=self.high_water_mark())
        for event in self.select(until(replace(moment, nid=None)) | {"nid >": after}, "nid", limit):
            if moment.nid is not None and event.id > moment.nid:
                return
            yield event

    @abstractmethod
    def high_water_mark(self) -> int:
        """The place in the log below which nothing can appear any more, whatever writers are doing."""

    def wakeups(self) -> Wakeups:
        """The wait for new events in the log."""
        return Wakeups()

    def streams(self, span: StreamSpan = ALL_STREAMS) -> Iterator[RecordedEvent]:
        """All events, stream by stream, each oldest first."""
        return self.select(span.conditions(), "stream, version")

    def batches(self, span: StreamSpan, size: int) -> Iterator[list[RecordedEvent]]:
        """The same in lists of at most `size`; no query is open between two lists, so that the caller may write.

        The end is checked here and not in SQL, as in `log`.
        """
        begins: Conditions = {"stream >=": span.first}
        while batch := list(self.select(begins, "stream, version", size)):
            within = [event for event in batch if span.end is None or event.originator_id < span.end]
            if within:
                yield within
            if len(within) < len(batch):
                return
            begins = {"(stream, version) >": batch[-1][1:3]}

    @abstractmethod
    def stream_names(self) -> Iterator[str]:
        """Every stream that has an event, in order; the time depends on how many there are, not on their length."""

    @abstractmethod
    def rows(
        self, *, open_only: bool = False, strays_only: bool = False, position_id: str | None = None
    ) -> Iterator[PositionRow]:
        """Rows of the positions table, oldest first.

        With `open_only` only open cycles and strays, with `strays_only` only strays.
        """

    @abstractmethod
    def listed(self, *, open_only: bool = False) -> Iterator[Listed]:
        """The same rows with the columns of a list only, which is faster; oldest first."""

    @abstractmethod
    def rows_by_stream(self, span: StreamSpan = ALL_STREAMS) -> Iterator[PositionRow | UnreadableRow | UnreadRow]:
        """Rows of the positions table in the order of `streams`; a row that cannot be read comes as UnreadableRow."""

    @abstractmethod
    def lines_without_row(self) -> Iterator[tuple[str, int]]:
        """The position ids that have orders but no row in the positions table, and how many orders each has."""

    @abstractmethod
    def lines_out_of_place(self) -> Iterator[str]:
        """The position ids whose orders are not at the places 0, 1, 2 …, so that the next change adds a line."""

    @abstractmethod
    def as_stored(self, row: PositionRow) -> tuple[Any, ...]:
        """The columns of a row as `rows_by_stream` returns them unread: a stored row that equals them need not be read.

        Refuses: one of UNFOLDABLE for a row that would never be stored.
        """

    @abstractmethod
    def log_rejection(self, rejection: Rejection) -> None:
        """Record a refused duplicate."""

    def rejections(self, stream: str | None = None, *, since: datetime | None = None) -> Iterator[Rejection]:
        """All refused duplicates, or those of one stream, or those since a time, oldest first."""
        asked = {"stream =": stream, "ts_recorded >=": since and timestamp_text(since)}
        yield from map(rejection_from, self.select_rejections(asked))

    @abstractmethod
    def select_rejections(self, conditions: Conditions) -> Iterator[Sequence[Any]]:
        """The columns of the refused duplicates that meet all conditions, oldest first."""

    @abstractmethod
    def refusal_counts(self) -> list[RefusalCount]:
        """How many duplicates were ever refused, by kind."""

    @abstractmethod
    def profit_lines(self) -> Iterator[ProfitLine]:
        """The profit of all cycles so far; the database may sum up cycles, or give a line for each."""

    @abstractmethod
    def settled_refusals(self) -> int | None:
        """How many refused duplicates there are, when none can appear before the last any more; None if not known."""

    @abstractmethod
    def places_handed_out(self) -> int | None:
        """The last nid that the database has assigned; None where this role may not read it."""

    def unverifiable(self) -> list[str]:
        """The parts of a ledger that are not in this database, and so cannot be verified here, as sentences."""
        return []

    @abstractmethod
    def caution(self) -> Caution | None:
        """A warning for the operator of this database; None when there is none."""

    def obstacle(self) -> Caution | None:
        """What prevents every process from recording; None when nothing does, and on a replica."""
        return None

    def replication(self) -> Standing | None:
        """How this database is replicated; None for a file, and for a replica, which reports its place instead."""
        return None

    @abstractmethod
    def broken_guards(self) -> dict[str, str]:
        """The triggers, unique indexes and checks of the schema that are missing, disabled or altered.

        Shape: the statement, or the transaction, that creates each, by its name.
        """

    @abstractmethod
    def storage(self) -> Storage:
        """Check the storage of the database itself: whether its indexes find every row, for instance."""

    @abstractmethod
    def tracking(self, projection: str) -> Checkpoints:
        """The checkpoints and rows of a projection that follows the log."""

    @abstractmethod
    def watch_memory(self, name: str) -> WatchMemory | None:
        """What a watch stored last; None for a watch that never stored anything."""

    @abstractmethod
    def watch_memories(self) -> dict[str, WatchMemory]:
        """What every watch stored last, by name."""

    @abstractmethod
    def remember(self, name: str, memory: WatchMemory) -> bool:
        """Store the memory of a watch, if its turn is the one after the stored turn.

        Shape: whether it was stored; if not, another watch of this name was faster, and nothing was written.
        """

    @abstractmethod
    def fill_once(self, fill: Callable[[], object]) -> None:
        """Call `fill`, which rebuilds the positions table, if that is outdated; other processes wait for it here.

        Refuses: StoreUnavailable when another process is not done with it within the timeout; nothing was changed.
        """

    @abstractmethod
    def rebuilding(self) -> AbstractContextManager[PositionTable]:
        """A new positions table beside the one that is read, for a rebuild."""

    @abstractmethod
    def table_beside(self, name: str) -> PositionTable:
        """The new table of a rebuild that another process began, in order to fill it."""

    @abstractmethod
    def count_events(self) -> int:
        """How many events there are."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""
