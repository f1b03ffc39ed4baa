"""The store: what a ledger needs of a database. SQLite is one implementation, PostgreSQL another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
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
from infrastructure.event_store.sql.conditions import compared, until
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
"""More events than any command leads to; they stand one after the other in its stream."""
SOUGHT_AT_ONCE: Final = 100_000
"""Places of the log in which a command is looked for by one question: a part of the time that a question has."""


class WatchMemory(NamedTuple):
    """All that a watch remembers, as text; `turn` goes up by one each time, from 1."""

    turn: int
    body: str


class Store(ABC):
    """Append-only events, the positions table and the rejections log, in one database."""

    settings: Settings
    placeholder: ClassVar[str]
    """How the database's driver writes a parameter."""
    is_outdated: bool = False
    """Whether the table of positions was given columns that only a rebuild fills."""
    is_remote: bool
    """Whether asking costs a round trip over a network, so that it may pay to assume."""
    names_moments: ClassVar[bool] = True
    """Whether others can use a snapshot by its name; else everybody has to begin while nothing is written."""
    takes_writers_at_once: ClassVar[bool] = True
    """Whether several processes that write beside each other are done before one of them would be."""
    is_new: bool = False
    """Whether there was no ledger before it was opened."""
    siblings: Sequence[str] = ()
    """Of a ledger that was made now, the schemas of the same database that have one already."""

    def require_primary(self) -> None:  # noqa: B027 - a primary refuses nothing
        """Refuses: StoreUnavailable on a replica, where nothing is decided: what it holds is of the past."""

    @contextmanager
    def settled(self) -> Iterator[ReplicaPlace | None]:
        """On a replica, let everything that this thread reads be as of one settled place; None on a primary.

        Refuses: StoreUnavailable when no follower on the primary has said what is settled.
        """
        yield None

    def visible(self, as_of: AsOf | None) -> AsOf | None:
        """A moment, as far as it may be looked at here: on a replica nothing is after its settled place."""
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
        """Append events and write the rows they lead to, in one transaction.

        `before` are the rows as they were, by position; of what is not given all orders are written, else those that
        changed. `heads` are the hashes that the streams end with, and are those of the new ends afterwards; what is not
        given is looked up. Whatever does not follow the end that is given is refused: the stream moved, or its past was
        lost.
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
        """Make an append as `insert_events` would write it, for `append_ready`; nothing is asked of the database.

        Streams that `heads` does not name are taken to be new; afterwards it names all of them.
        """

    @abstractmethod
    def append_ready(self, ready: ReadyAppend) -> None:
        """Write an append that a store of this kind made, in one transaction.

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
        """Write events as they were recorded elsewhere, the rows they lead to, and refusals, in one transaction.

        Refuses: VersionTaken unless the log ends at `after`; IntentTaken, SlotTaken; StoreUnavailable.
        """

    def settle(self, append: UnsettledAppend, seconds: float) -> bool | None:
        """Whether an append in doubt was made, for good; None while that may still change.

        `seconds` bounds each wait. Refuses: VersionTaken when somebody else's event stands there; StoreUnavailable.
        """
        raise AssertionError(f"{type(self).__name__} leaves no append in doubt: {append}, {seconds:g} s")

    @abstractmethod
    def holds(self, end: StreamEnd) -> bool:
        """Whether an event that was acknowledged still stands in the log; a failover or a restore may have lost it."""

    def keeps(self, end: StreamEnd) -> bool | None:
        """Whether an event stands in the log, for good; None when the database does not say: it may change yet."""
        return self.holds(end)

    @abstractmethod
    def snapshot(self, moment: str | None = None, *, as_found: bool = False) -> AbstractContextManager[object]:
        """Let everything that this thread reads be of one moment, or of the moment of a snapshot elsewhere.

        `as_found` is for whoever looks for damage: what is no text in the database comes as text that shows its bytes,
        where else HistoryDamaged is raised.
        """

    def spans(self, count: int) -> list[StreamSpan]:
        """All streams, in about so many spans with as many events each; one where no moment can be shared."""
        del count
        return [ALL_STREAMS]

    def moment(self) -> str:
        """The id by which another process can use the snapshot that this thread is in, while it lasts."""
        raise AssertionError(f"{type(self).__name__} has no name for a moment")

    def still(self) -> AbstractContextManager[object]:
        """Keep every writer waiting, so that whoever begins a snapshot meanwhile sees the same moment."""
        raise AssertionError(f"{type(self).__name__} names a moment instead")

    @abstractmethod
    def load(self, stream: str) -> list[RecordedEvent]:
        """The events of a stream since it was last flat: enough to decide the next command."""

    @abstractmethod
    def load_cycle(self, stream: str, cycle: int) -> list[RecordedEvent]:
        """The events of one cycle, late ones included."""

    @abstractmethod
    def load_cycles(self, places: Sequence[CyclePlace]) -> Iterator[RecordedEvent]:
        """The events of some cycles, late ones included, cycle by cycle and oldest first."""

    @abstractmethod
    def reaches(self, as_of: AsOf) -> Iterator[StreamReach]:
        """How far each stream had come that had begun by a moment."""

    @abstractmethod
    def gone_on(self, reaches: Sequence[StreamReach]) -> Iterator[CyclePlace]:
        """The cycles that had begun by then, and of which something was recorded after it."""

    @abstractmethod
    def following(
        self, places: Sequence[CyclePlace], kinds: Sequence[str], *, reach: int, limit: int
    ) -> Iterator[RecordedEvent]:
        """For each place the first events of some kinds that are of a later cycle and so many versions away at most."""

    @abstractmethod
    def cycle_of_intent(self, stream: str, intent_id: str) -> int | None:
        """The cycle that an intent opened."""

    @abstractmethod
    def cycle_of_order(self, stream: str, exchange_order_id: str) -> int | None:
        """The last cycle of a stream whose entry was this order of the exchange."""

    @abstractmethod
    def select(
        self, conditions: Sequence[str], values: Sequence[Any], order: str, limit: int | None = None
    ) -> Iterator[RecordedEvent]:
        """Events that meet all conditions, which are written with our placeholder, in an order of columns."""

    def history(self, stream: str, cycle: int | None = None, as_of: AsOf | None = None) -> Iterator[RecordedEvent]:
        """A stream, or one cycle of it, oldest first.

        A cycle is found by its marks, however long its stream is; only one that has none is looked for in all of it.
        """
        if cycle and (of_cycle := self.load_cycle(stream, cycle)):
            moment = self.visible(as_of)
            yield from of_cycle if moment is None else filter(moment.__contains__, of_cycle)
            return
        conditions, values = until(self.visible(as_of), self.placeholder)
        for column, value in (("stream", stream), ("cycle", cycle)):
            if value is not None:
                conditions.append(f"{column} = {self.placeholder}")
                values.append(value)
        yield from self.select(conditions, values, "version")

    @abstractmethod
    def cycles(self, stream: str, as_of: AsOf | None = None) -> list[int]:
        """The numbers of the cycles of a stream that had begun by a moment, in order; found by their marks."""

    def of_command(self, command_id: str, stream: str | None = None) -> list[RecordedEvent]:
        """The events that a command led to, oldest first; of one that was sent to several streams, the last one's.

        The log is read from its end, for no index lists commands: one of late is found at once, and for one that was
        never recorded all of it is read, or all of the stream where that is said. It is read part by part, each of
        which is answered in time, however many there are.
        """
        asked = {"command_id =": command_id, "stream =": stream}
        if stream is None:
            last = self._last_of_command(command_id)
        else:
            last = next(self.select(*compared(asked, self.placeholder), "version DESC", 1), None)
        if last is None:
            return []
        near = asked | {"stream =": last.originator_id, "version >": last.originator_version - EVENTS_MAX}
        return list(self.select(*compared(near, self.placeholder), "version"))

    def _last_of_command(self, command_id: str) -> RecordedEvent | None:
        end = next(self.select([], [], "nid DESC", 1), None)
        until_nid = 0 if end is None else end.id
        while until_nid > 0:
            part = {"command_id =": command_id, "nid >": until_nid - SOUGHT_AT_ONCE, "nid <=": until_nid}
            found = next(self.select(*compared(part, self.placeholder), "nid DESC", 1), None)
            if found is not None:
                return found
            until_nid -= SOUGHT_AT_ONCE
        return None

    def of_no_cycle(self) -> Iterator[RecordedEvent]:
        """What was recorded of streams and of none of their cycles, oldest first."""
        conditions, values = until(self.visible(None), self.placeholder)
        return self.select([*conditions, f"cycle = {self.placeholder}"], [*values, 0], "nid")

    def log(self, *, after: int = 0, as_of: AsOf | None = None, limit: int | None = None) -> Iterator[RecordedEvent]:
        """All events in the order in which they were recorded; without a moment, up to the high-water mark.

        The end is looked for here and not by the database: for a range of places between two parameters a planner
        expects few rows, fetches all of them before it sorts, and would do so again for every batch.
        """
        moment = self.visible(as_of) or AsOf(nid=self.high_water_mark())
        conditions, values = until(replace(moment, nid=None), self.placeholder)
        for event in self.select([*conditions, f"nid > {self.placeholder}"], [*values, after], "nid", limit):
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
        return self.select(*compared(span.conditions(), self.placeholder), "stream, version")

    def batches(self, span: StreamSpan, size: int) -> Iterator[list[RecordedEvent]]:
        """The same, so many at a time; between two of them nothing is held, so that whoever has them may write.

        The end is looked for here, as that of the log is.
        """
        begins, place = f"stream >= {self.placeholder}", list[Any]((span.first,))
        while batch := list(self.select([begins], place, "stream, version", size)):
            within = [event for event in batch if span.end is None or event.originator_id < span.end]
            if within:
                yield within
            if len(within) < len(batch):
                return
            begins, place = f"(stream, version) > ({self.placeholder}, {self.placeholder})", [*batch[-1][1:3]]

    @abstractmethod
    def stream_names(self) -> Iterator[str]:
        """Every stream that has an event, in order; as quick as there are few, however long they are."""

    @abstractmethod
    def rows(
        self, *, open_only: bool = False, strays_only: bool = False, position_id: str | None = None
    ) -> Iterator[PositionRow]:
        """Rows of the positions table, oldest first.

        Only those that are open or strays, or strays alone.
        """

    @abstractmethod
    def listed(self, *, open_only: bool = False) -> Iterator[Listed]:
        """The same rows for a list of them all, oldest first: without what no list shows they are read sooner."""

    @abstractmethod
    def rows_by_stream(self, span: StreamSpan = ALL_STREAMS) -> Iterator[PositionRow | UnreadableRow | UnreadRow]:
        """Rows of the positions table in the order of `streams`, and what stands there that is none."""

    @abstractmethod
    def lines_without_row(self) -> Iterator[tuple[str, int]]:
        """The ids of which there are orders in the positions table and no row, and how many orders each has."""

    @abstractmethod
    def as_stored(self, row: PositionRow) -> tuple[Any, ...]:
        """A row as `rows_by_stream` gives it back unread: what is equal to that need not be read.

        Refuses: AssertionError for what would never be stored.
        """

    @abstractmethod
    def log_rejection(self, rejection: Rejection) -> None:
        """Record a refused duplicate."""

    def rejections(self, stream: str | None = None, *, since: datetime | None = None) -> Iterator[Rejection]:
        """All refused duplicates, or those of one stream, or from some time on, oldest first."""
        asked = {"stream =": stream, "ts_recorded >=": since and timestamp_text(since)}
        conditions, values = compared(asked, self.placeholder)
        yield from map(rejection_from, self.select_rejections(conditions, values))

    @abstractmethod
    def select_rejections(self, conditions: Sequence[str], values: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """The columns of refused duplicates that meet all conditions, written with our placeholder, oldest first."""

    @abstractmethod
    def refusal_counts(self) -> list[RefusalCount]:
        """How many duplicates were ever refused, by kind."""

    @abstractmethod
    def profit_lines(self) -> Iterator[ProfitLine]:
        """What all cycles brought so far, by as many lines as the database likes."""

    @abstractmethod
    def settled_refusals(self) -> int | None:
        """How many refused duplicates there are, before the last of which none can appear any more; None: not known."""

    @abstractmethod
    def places_handed_out(self) -> int | None:
        """The last place in the log that the database gave to anybody; None where it does not tell this role."""

    def unverifiable(self) -> list[str]:
        """What of a ledger is not kept in this database, and so cannot be verified here, in words."""
        return []

    @abstractmethod
    def caution(self) -> Caution | None:
        """What the operator of this database should know, if anything."""

    def obstacle(self) -> Caution | None:
        """What keeps everybody from recording, if anything does; a replica is for reading anyway."""
        return None

    def replication(self) -> Standing | None:
        """The replication that it stands on; None of a file, and of a replica, which says its place instead."""
        return None

    @abstractmethod
    def broken_guards(self) -> dict[str, str]:
        """The triggers, unique indexes and checks of the schema that do not guard this database as they should.

        Shape: by name the statement that makes each.
        """

    @abstractmethod
    def storage(self) -> Storage:
        """Look whether every row is found that the database keeps, which takes as long as there are many."""

    @abstractmethod
    def tracking(self, projection: str) -> Checkpoints:
        """The checkpoints and rows of a projection that follows the log."""

    @abstractmethod
    def watch_memory(self, name: str) -> WatchMemory | None:
        """What a watch remembered last; None of one that never remembered anything."""

    @abstractmethod
    def watch_memories(self) -> dict[str, WatchMemory]:
        """What every watch remembered last, by name."""

    @abstractmethod
    def remember(self, name: str, memory: WatchMemory) -> bool:
        """Keep the memory of a watch, if it follows the turn that is kept.

        Shape: whether it is kept; if not, another watch of this name was faster, and nothing was written.
        """

    @abstractmethod
    def rebuilding(self) -> AbstractContextManager[PositionTable]:
        """A new positions table beside the one that is read."""

    @abstractmethod
    def table_beside(self, name: str) -> PositionTable:
        """The table of a rebuild that another process began, to be filled."""

    @abstractmethod
    def count_events(self) -> int:
        """How many events there are."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection."""
