"""Keys decided by several processes side by side: they share nothing until they are written."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from domain.errors import StoreUnavailable
from domain.identifiers import PositionKey
from infrastructure.event_store.port import Store
from infrastructure.piped_processes import PipedProcesses, ProcessLost, piped_processes
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from infrastructure.transfer.statements.intake.decided_events import DecidedEvents
from infrastructure.transfer.statements.intake.key_intake import KeyIntake
from infrastructure.transfer.statements.intake.known_elsewhere import refuse_known_elsewhere
from infrastructure.transfer.statements.intake.sorting.sorted_facts import SharedFacts, SortedFacts
from infrastructure.transfer.statements.statement_report import StatementTally
from projections.rebuild import Progress

FACTS_MIN: Final = 20_000
"""With fewer, the others have hardly begun when all is decided."""
_SHARES_EACH: Final = 16
"""Of keys for each process: nobody waits longer for the last one than it takes, and progress is seen."""
_TASK: Final = "task"


class DecidedFacts(Protocol):
    """What was decided, and is to be written."""

    def write(self, progress: Progress) -> None:
        """Write all of it. Refuses: VersionConflict; StoreError, OutcomeUnknown; what was written before stays."""


class KeySharers:
    """The processes that share keys, the one that imports among them; the others start while facts are read."""

    def __init__(self, store: Store, processes: int) -> None:
        """Start nobody yet; a database in memory is seen by one process alone."""
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
        """The same progress of reading; once it comes to many facts, the others get ready."""

        def read(count: int) -> None:
            progress(count)
            if self._others is None and self._count > 1 and facts.count >= FACTS_MIN:
                self._others = self._stack.enter_context(piped_processes(self._count - 1, _get_ready))

        return read

    @contextmanager
    def decided(
        self, facts: SortedFacts, tally: StatementTally, recorded_at: datetime, progress: Progress, *, is_kept: bool
    ) -> Iterator[DecidedFacts]:
        """What the facts of all keys lead to, to be written in the block.

        Refuses: StatementRefused; StoreUnavailable, also when one of the processes was ended.
        """
        with ExitStack() as stack:
            intake = KeyIntake(self._store, facts, tally, recorded_at)
            intake.find_legs()
            refuse_known_elsewhere(self._store, facts)
            if self._others is None:
                decided = stack.enter_context(DecidedEvents(self._store, is_kept=is_kept))
                intake.run(facts.by_key(), decided, progress)
                yield decided
                return
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="position-ledger-import-")))
            task = _Task(facts.shared(folder / "facts.db"), intake.of_two_legs, recorded_at, is_kept)
            (folder / _TASK).write_bytes(pickle.dumps(task))
            shared = _SharedFolder(self._store.settings, folder)
            shares = [share for share in facts.shares(self._count * _SHARES_EACH) if share]
            parts = [_Part(folder / f"{number}.decided", share) for number, share in enumerate(shares)]
            with _none_lost(self._count, "so nothing was written; import again, perhaps with --processes 1"):
                own = _Sharer(self._store, facts, task)
                for told in self._others.each(partial(_decide, shared), parts, own.decide):
                    tally.add(told)
                    progress(told.fills + told.payments)
            yield _InParts(self._store, self._others, shared, [part.path for part in parts if is_kept])


class _SharedFolder(NamedTuple):
    """Where the ledger is, and the folder of what is shared: the first may hold a password, and is in no file."""

    settings: Settings
    folder: Path


class _Task(NamedTuple):
    """What is the same for all keys."""

    facts: SharedFacts
    of_two_legs: set[PositionKey]
    recorded_at: datetime
    is_kept: bool


class _Part(NamedTuple):
    """Keys by their places, and the file that takes what is decided of them."""

    path: Path
    places: frozenset[int]


@dataclass(frozen=True)
class _Sharer:
    """One of those who share keys."""

    store: Store
    facts: SortedFacts
    task: _Task

    def decide(self, part: _Part) -> StatementTally:
        """Decide the keys of a part into its file."""
        tally, task = StatementTally(), self.task
        with DecidedEvents(self.store, is_kept=task.is_kept, path=part.path) as decided:
            intake = KeyIntake(self.store, self.facts, tally, task.recorded_at, task.of_two_legs)
            intake.run(self.facts.by_key(part.places), decided, lambda _: None)
        return tally


@dataclass(frozen=True)
class _InParts:
    """What was decided in parts; where a database takes several writers at once, those who decided write as well."""

    store: Store
    others: PipedProcesses
    shared: _SharedFolder
    paths: Sequence[Path]

    def write(self, progress: Progress) -> None:
        """Write all of it. Refuses: as `DecidedEvents.write` does; StoreUnavailable when a process was ended."""
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


# -- in each of the others --------------------------------------------------------------------------------------


def _get_ready() -> None:
    """Import this module, which is most of what a process has to do before it can share."""
    gc.disable()  # next to nothing that is decided refers to itself, and looking for that takes a thirtieth of the time


@cache
def _sharer(shared: _SharedFolder) -> _Sharer:
    task: _Task = pickle.loads((shared.folder / _TASK).read_bytes())  # noqa: S301 - the one who imports wrote it now
    return _Sharer(open_store(shared.settings, create=False), SortedFacts.of(task.facts), task)


def _decide(shared: _SharedFolder, part: _Part) -> StatementTally:
    return _sharer(shared).decide(part)


def _write(shared: _SharedFolder, path: Path) -> int:
    return _written(_sharer(shared).store, path)
