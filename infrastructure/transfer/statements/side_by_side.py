"""Deciding the facts of keys in several processes: keys are independent of each other until they are written."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import setcontext
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from domain.errors import StoreUnavailable
from domain.identifiers import PositionKey
from domain.values import EXACT
from infrastructure.event_store.port import Store
from infrastructure.piped_processes import PipedProcesses, ProcessLost, piped_processes
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from infrastructure.transfer.statements.intake.decided_events import DecidedEvents
from infrastructure.transfer.statements.intake.key_intake import KeyIntake
from infrastructure.transfer.statements.intake.ledger_checks.known_elsewhere import refuse_known_elsewhere
from infrastructure.transfer.statements.intake.ledger_checks.other_origin import refuse_other_origin
from infrastructure.transfer.statements.intake.leg_finder import LegFinder
from infrastructure.transfer.statements.intake.sorting.sorted_facts import SharedFacts, SortedFacts
from infrastructure.transfer.statements.statement_report import StatementTally
from projections.progress import Progress

FACTS_MIN: Final = 20_000
"""With fewer facts, all are decided before the other processes have started."""
_SHARES_EACH: Final = 16
"""Into how many parts the keys are divided per process, so that the wait for the last part is short."""
_TASK: Final = "task"


class DecidedFacts(Protocol):
    """Decided events that can be written."""

    def write(self, progress: Progress) -> None:
        """Write all of them. Refuses: VersionConflict; StoreError, OutcomeUnknown; batches before an error stay."""


class KeySharers:
    """The processes that share keys: the importing one, and others, which start while facts are read."""

    def __init__(self, store: Store, processes: int) -> None:
        """Start no process yet; a database in memory can be used by one process only."""
        self._store, self._count = store, 1 if store.settings.is_memory else processes
        self._stack = ExitStack()
        self._others: PipedProcesses | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def expecting(self, facts: SortedFacts, progress: Progress) -> Progress:
        """The same progress of reading; the other processes are started once there are many facts."""

        def read(count: int) -> None:
            progress(count)
            if self._others is None and self._count > 1 and facts.count >= FACTS_MIN:
                self._others = self._stack.enter_context(piped_processes(self._count - 1, _get_ready))

        return read

    @contextmanager
    def decided(
        self, facts: SortedFacts, tally: StatementTally, recorded_at: datetime, progress: Progress, *, is_kept: bool
    ) -> Iterator[DecidedFacts]:
        """The decided events of all keys, to be written within the block.

        Refuses: StatementRefused; StoreUnavailable, also when one of the processes was killed.
        """
        with ExitStack() as stack:
            refuse_other_origin(self._store, facts)
            of_two_legs = LegFinder(self._store, facts, tally).find()
            refuse_known_elsewhere(self._store, facts)
            if self._others is None:
                decided = stack.enter_context(DecidedEvents(self._store, is_kept=is_kept))
                KeyIntake(self._store, facts, tally, recorded_at, of_two_legs).run(facts.by_key(), decided, progress)
                yield decided
                return
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="position-ledger-import-")))
            task = _Task(facts.shared(folder / "facts.db"), of_two_legs, recorded_at, is_kept)
            (folder / _TASK).write_bytes(pickle.dumps(task))
            shared = _SharedFolder(self._store.settings, folder)
            shares = [share for share in facts.shares(self._count * _SHARES_EACH) if share]
            parts = [_Part(folder / f"{number}.decided", share) for number, share in enumerate(shares)]
            with _none_lost(self._count, "so nothing was written; import again, perhaps with --processes 1"):
                own = _Sharer(self._store, facts, task)
                for part_tally in self._others.each(partial(_decide, shared), parts, own.decide):
                    tally.add(part_tally)
                    progress(part_tally.fills + part_tally.payments)
            yield _InParts(self._store, self._others, shared, [part.path for part in parts if is_kept])


class _SharedFolder(NamedTuple):
    """The settings of the ledger, which are in no file because they may have a password, and the shared folder."""

    settings: Settings
    folder: Path


class _Task(NamedTuple):
    """What is the same for all keys."""

    facts: SharedFacts
    of_two_legs: set[PositionKey]
    recorded_at: datetime
    is_kept: bool


class _Part(NamedTuple):
    """Keys by their places, and the file for their decided events."""

    path: Path
    places: frozenset[int]


@dataclass(frozen=True)
class _Sharer:
    """The part of one process in deciding."""

    store: Store
    facts: SortedFacts
    task: _Task

    def decide(self, part: _Part) -> StatementTally:
        """Decide the keys of a part, and write their events to its file."""
        tally, task = StatementTally(), self.task
        with DecidedEvents(self.store, is_kept=task.is_kept, path=part.path) as decided:
            intake = KeyIntake(self.store, self.facts, tally, task.recorded_at, task.of_two_legs)
            intake.run(self.facts.by_key(part.places), decided, lambda _: None)
        return tally


@dataclass(frozen=True)
class _InParts:
    """The decided events of all parts; other processes help to write them if the database takes several writers."""

    store: Store
    others: PipedProcesses
    shared: _SharedFolder
    paths: Sequence[Path]

    def write(self, progress: Progress) -> None:
        """Write all parts. Refuses: as `DecidedEvents.write` does; StoreUnavailable when a process was killed."""
        if not self.store.takes_writers_at_once:
            for path in self.paths:
                _write_own(self.store, progress, path)
            return
        with _none_lost(len(self.others) + 1, "so not all of it was written; import again: what is there is left out"):
            own = partial(_written, self.store)
            for facts in self.others.each(partial(_write, self.shared), self.paths, own):
                progress(facts)


def _write_own(store: Store, progress: Progress, path: Path) -> None:
    with DecidedEvents.found(store, path) as decided:
        decided.write(progress)


def _written(store: Store, path: Path) -> int:
    facts: list[int] = []
    _write_own(store, facts.append, path)
    return sum(facts)


@contextmanager
def _none_lost(count: int, so: str) -> Iterator[None]:
    try:
        yield
    except ProcessLost as lost:
        raise StoreUnavailable(f"one of the {count} processes that shared the keys {lost}, {so}") from None


# -- in each of the other processes -----------------------------------------------------------------------------


def _get_ready() -> None:
    """Let the process import this module, which is most of its start, and compute exactly, as its parent does."""
    setcontext(EXACT.copy())
    gc.disable()  # deciding makes hardly any reference cycles, and the search for them takes a thirtieth of the time


@cache
def _sharer(shared: _SharedFolder) -> _Sharer:
    task: _Task = pickle.loads((shared.folder / _TASK).read_bytes())  # noqa: S301 - the importing process has written it
    return _Sharer(open_store(shared.settings, create=False), SortedFacts.of(task.facts), task)


def _decide(shared: _SharedFolder, part: _Part) -> StatementTally:
    return _sharer(shared).decide(part)


def _write(shared: _SharedFolder, path: Path) -> int:
    return _written(_sharer(shared).store, path)
