"""The watch: examines a ledger at intervals, and sends every sink a notice of each alarm."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple

from domain.errors import HistoryDamaged, StoreError, StoreUnavailable
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger_clock import ClockReading, monotonic_beside, now
from infrastructure.operations.account_comparison import Account
from infrastructure.operations.health import Question, examine
from infrastructure.watching.courier import Courier
from infrastructure.watching.damage_patrol import DamagePatrol
from infrastructure.watching.log_place import LogPlace
from infrastructure.watching.sinks.sink import AlarmSink, NoticeBatch
from infrastructure.watching.stored_watch import StoredWatch
from projections.account_snapshot import AccountSnapshot
from projections.health import diagnosis
from projections.health.alarm import Notice, alarms_of
from projections.health.alarm_book import AlarmBook
from projections.health.checks import Check, Section

AWAY_MAX: Final = timedelta(seconds=10)
"""How long a database may be out of reach, as while a standby takes over, or not writable, before that is an alarm."""
_PLACE_KEPT_SECONDS: Final = 60.0
"""How often the place in the log is stored when no alarm changes."""
_INSTALLATION: Final = frozenset({Check.DATABASE, Check.CRITERIA})
"""Checks that raise no alarm: the setup of the database, and rates of the past."""
_OF_CYCLES: Final = frozenset(
    {Check.INCOMPLETE, Check.UNPROTECTED, Check.OUTCOME_UNKNOWN, Check.ROLLING_BACK, Check.ORDERS, Check.SPELLING}
)


class SnapshotsUnreadable(Exception):
    """The snapshot files of the exchanges cannot be read."""


Shown = Callable[[], tuple[Sequence[AccountSnapshot], dict[Account, list[str]]]]
"""Reads the newest snapshots of exchanges, with the arguments that name their files. Refuses: SnapshotsUnreadable."""


@dataclass(frozen=True, kw_only=True)
class WatchPlan:
    """What is watched, how often, and after which time an alarm that is not over is told again (`again`)."""

    name: str
    connect: Callable[[], PositionLedger]
    where: str
    """The name of the ledger in notices."""
    question: Question
    shown: Shown
    every: timedelta
    again: timedelta
    verifies_every: timedelta | None
    """How often every event and row is verified; None: never."""


class _WriteOutage(NamedTuple):
    """Since when the memory of the watch cannot be written, and why not."""

    since: ClockReading
    cause: StoreError


class Watcher:
    """Judges as `status` does, sends notices through its couriers, and stores in the ledger which were delivered.

    It writes its memory before it sends and after. If it is killed in between, it sends a notice twice; none is lost.
    """

    def __init__(
        self,
        plan: WatchPlan,
        sinks: Sequence[AlarmSink],
        say: Callable[[str], None],
        *,
        clock: Callable[[], datetime] = now,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        """`say` reports what goes wrong in the watch itself; the clocks are for tests."""
        self._plan, self._say, self._clock = plan, say, clock
        self._monotonic = monotonic or monotonic_beside(clock)
        self._wake: SimpleQueue[None] = SimpleQueue()  # whose `put` a signal handler may call at any moment
        self._couriers = [Courier(sink, self._woken, say, self._moment) for sink in sinks]
        self._patrol = None if plan.verifies_every is None else DamagePatrol(plan.verifies_every, say)
        self._memory, self._book = StoredWatch(plan.name), AlarmBook()
        self._ledger: PositionLedger | None = None
        self._is_read = self._is_stopped = False
        self._place: LogPlace | None = None
        self._has_changed = True
        self._written_at = 0.0
        self._away_since: ClockReading | None = None
        self._unwritten: _WriteOutage | None = None

    # -- a run --------------------------------------------------------------------------------------------------

    def run(self, rounds: int | None = None) -> None:
        """Watch until `stop`, or for a number of rounds. Refuses: AnotherWatch."""
        done = 0
        while not self._is_stopped and (rounds is None or done < rounds):
            self.look()
            done += 1
            self._wait(time.monotonic() + self._plan.every.total_seconds())

    def stop(self) -> None:
        """End the watch after its current step. A signal handler may call it at any moment, so it raises nothing."""
        self._is_stopped = True
        self._woken()

    def _woken(self) -> None:
        self._wake.put(None)

    def _rest(self, seconds: float) -> None:
        """Wait until it is woken, `seconds` at most."""
        with suppress(Empty):
            self._wake.get(timeout=seconds)

    def once(self, seconds: float, *, waits_for_database: bool = False) -> bool:
        """Look once, and wait up to `seconds` for the sinks; returns whether they took all notices that are due.

        With `waits_for_database`, while the ledger cannot be read or written, it looks again until that works or has
        failed for AWAY_MAX, which is an alarm: a single look cannot know how long the outage has lasted.
        """
        looked_at = self._moment()
        self.look(waits=True)
        while waits_for_database and not self._is_stopped and self._is_brief(looked_at):
            self._wait(time.monotonic() + min(self._plan.every.total_seconds(), 1.0))
            looked_at = self._moment()
            self.look(waits=True)
        end = time.monotonic() + seconds
        while not self._is_stopped and time.monotonic() < end and not self._is_done():
            self._rest(0.1)
            self._deliver()
        return all(map(self._is_told, self._couriers))

    @property
    def is_cut_off(self) -> bool:
        """Whether the last look could not read the ledger, or could not write the memory of the watch."""
        return self._away_since is not None or self._unwritten is not None

    def _moment(self) -> ClockReading:
        return ClockReading(self._clock(), self._monotonic())

    def _is_brief(self, moment: ClockReading) -> bool:
        since = self._away_since or (self._unwritten and self._unwritten.since)
        return since is not None and since.until(moment) < AWAY_MAX

    def _is_done(self) -> bool:
        return all(each.is_down or self._is_told(each) for each in self._couriers)

    def _is_told(self, courier: Courier) -> bool:
        return not courier.is_down and courier.is_idle(self._book, self._clock(), self._plan.again)

    def _wait(self, until: float) -> None:
        """Wait for the next look; send notices meanwhile."""
        while not self._is_stopped and (left := until - time.monotonic()) > 0:
            self._rest(min(left, 1.0))
            self._deliver()

    def close(self) -> None:
        """Wait for the batches that are being sent, which takes bounded time, and store that they were delivered."""
        with ExitStack() as stack:
            if self._ledger is not None:
                stack.callback(self._ledger.disconnect)
            if self._patrol is not None:
                stack.callback(self._patrol.close)
            for courier in self._couriers:
                courier.close()
            self._settle(self._clock())
            self._remember()

    # -- looking ------------------------------------------------------------------------------------------------

    def look(self, *, waits: bool = False) -> None:
        """Examine the ledger now, store the alarms, and begin to send the notices that are due."""
        moment = self._moment()
        sections, judged = self._judged(moment, waits=waits)
        sections += [courier.trouble(moment) for courier in self._couriers]
        if self._unwritten is not None and self._away_since is None and not self._is_brief(moment):
            since, cause = self._unwritten
            sections.append(diagnosis.unwritable(self._plan.where, cause, since.at, since.until(moment)))
        self._has_changed |= self._book.see(alarms_of(sections), judged, moment.at)
        self._remember()
        self._deliver()

    def _judged(self, moment: ClockReading, *, waits: bool) -> tuple[list[Section], Collection[Check]]:
        try:
            ledger = self._opened()
            found = self._sections(ledger, moment.at, waits=waits)
        except HistoryDamaged as cause:
            if not self._is_read:
                raise
            found = [diagnosis.unread_history(cause)], ()
        except StoreError as cause:
            if not self._is_read and not isinstance(cause, StoreUnavailable):
                raise
            return self._while_away(cause, moment)
        if self._away_since is not None:
            self._say(f"{self._plan.where}: can be reached again")
        self._away_since = None
        return found

    def _opened(self) -> PositionLedger:
        if self._ledger is None:
            self._ledger = self._plan.connect()
        if not self._is_read:
            self._ledger.store.require_primary()
            self._place, kept = self._memory.read(self._ledger.store)
            self._book.add(kept)
            self._is_read = True
        return self._ledger

    def _sections(
        self, ledger: PositionLedger, at: datetime, *, waits: bool
    ) -> tuple[list[Section], Collection[Check]]:
        place = self._place or LogPlace.end_of(ledger)
        self._place, log_trouble = place.followed(ledger)
        question, beside = self._question(at)
        sections = [each for each in examine(ledger, question).sections if each.check not in _INSTALLATION]
        sections += [*map(diagnosis.unread_history, log_trouble), *beside]
        unknown: set[Check] = set()
        if not any(section.check is Check.INCOMPLETE for section in sections):
            unknown |= _OF_CYCLES | {Check.EXCHANGE}
        if self._patrol is not None:
            walked = self._patrol.look(ledger.store, waits=waits)
            sections += [] if walked is None else [walked]
            unknown |= {Check.DAMAGE} if walked is None else set()
        return sections, set(Check) - unknown

    def _question(self, at: datetime) -> tuple[Question, Iterable[Section]]:
        question = replace(self._plan.question, now=at)
        try:
            snapshots, evidence = self._plan.shown()
        except SnapshotsUnreadable as cause:
            return question, [diagnosis.unreadable_snapshots(cause)]
        return replace(question, snapshots=snapshots, evidence=evidence), ()

    def _while_away(self, cause: StoreError, moment: ClockReading) -> tuple[list[Section], Collection[Check]]:
        """The findings while the ledger cannot be read: no alarm is over; after AWAY_MAX the outage itself is one."""
        if self._away_since is None:
            self._away_since = moment
            self._say(f"{type(cause).__name__}: {cause}")
        if self._is_brief(moment):
            return [], ()
        since = self._away_since
        return [diagnosis.away(self._plan.where, cause, since.at, since.until(moment))], (Check.WATCH,)

    # -- telling and remembering --------------------------------------------------------------------------------

    def _settle(self, at: datetime) -> None:
        """Store which notices the sinks have taken since the last call."""
        settled = [courier.settle(self._book, at) for courier in self._couriers]
        if any(settled):
            self._book.forget([courier.name for courier in self._couriers])
            self._has_changed = True
            self._remember()

    def _deliver(self) -> None:
        at = self._clock()
        self._settle(at)
        for courier in self._couriers:
            courier.offer(self._book, self._batch, at, self._plan.again)

    def _batch(self, notices: list[Notice]) -> NoticeBatch:
        return NoticeBatch(self._plan.where, self._plan.name, self._clock(), notices)

    def _remember(self) -> None:
        """Store what changed; while the database cannot be reached, this is tried again at each look."""
        is_time = self._has_changed or time.monotonic() >= self._written_at + _PLACE_KEPT_SECONDS
        if self._ledger is None or not self._is_read or not is_time:
            return
        try:
            self._memory.write(self._ledger.store, self._place, self._book, self._clock())
            self._has_changed, self._written_at, self._unwritten = False, time.monotonic(), None
        except StoreError as cause:
            before = self._unwritten or _WriteOutage(self._moment(), cause)
            if self._away_since is None and (self._unwritten is None or str(before.cause) != str(cause)):
                self._say(f"not remembered yet: {type(cause).__name__}: {cause}")
            self._unwritten = _WriteOutage(before.since, cause)
