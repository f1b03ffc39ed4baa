"""Keys decided by several processes side by side: they share nothing until they are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from domain.errors import StoreUnavailable
from domain.identifiers import PositionKey
from infrastructure.event_store.port import Store
from infrastructure.piped_processes import ProcessLost, piped_processes
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from infrastructure.transfer.statements.intake.decided_events import DecidedEvents
from infrastructure.transfer.statements.intake.key_intake import KeyIntake
from infrastructure.transfer.statements.intake.sorting.sorted_facts import SharedFacts, SortedFacts
from infrastructure.transfer.statements.statement_report import StatementTally
from projections.rebuild import Progress

FACTS_MIN: Final = 50_000
"""With fewer, a process takes longer to begin than to decide its share."""


class _Task(NamedTuple):
    settings: Settings
    facts: SharedFacts
    of_two_legs: set[PositionKey]
    recorded_at: datetime
    is_kept: bool


@contextmanager
def decided_keys(
    store: Store,
    facts: SortedFacts,
    tally: StatementTally,
    recorded_at: datetime,
    progress: Progress,
    *,
    is_kept: bool,
    processes: int,
) -> Iterator[list[DecidedEvents]]:
    """What the facts of all keys lead to, to be written in the block; by one process, where there are not many.

    Refuses: StatementRefused; StoreUnavailable, also when one of the processes was ended.
    """
    with ExitStack() as stack:
        intake = KeyIntake(store, facts, tally, recorded_at)
        intake.find_legs()
        if processes > 1 and facts.count >= FACTS_MIN and not store.settings.is_memory:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="position-ledger-import-")))
            shared = facts.shared(folder / "facts.db")
            task = _Task(store.settings, shared, intake.of_two_legs, recorded_at, is_kept)
            paths = [folder / f"{number}.decided" for number in range(processes)]
            _share(task, facts.shares(processes), paths, tally, progress)
            yield [stack.enter_context(DecidedEvents.found(store, path)) for path in paths if is_kept]
        else:
            decided = stack.enter_context(DecidedEvents(store, is_kept=is_kept))
            intake.run(facts.by_key(), decided, progress)
            yield [decided]


def _share(
    task: _Task, shares: list[frozenset[int]], paths: list[Path], tally: StatementTally, progress: Progress
) -> None:
    try:
        with piped_processes(len(shares)) as processes:
            for part in processes.each(partial(_part, task), [*zip(shares, paths, strict=True)]):
                tally.add(part)
                progress(part.fills + part.payments)
    except ProcessLost as lost:
        raise StoreUnavailable(
            f"one of the {len(shares)} processes that shared the keys {lost}, so nothing was written; import again, "
            "perhaps with --processes 1"
        ) from None


def _part(task: _Task, share: tuple[frozenset[int], Path]) -> StatementTally:
    (places, path), tally = share, StatementTally()
    with (
        closing(open_store(task.settings, create=False)) as store,
        SortedFacts.of(task.facts) as facts,
        DecidedEvents(store, is_kept=task.is_kept, path=path) as decided,
    ):
        intake = KeyIntake(store, facts, tally, task.recorded_at, task.of_two_legs)
        intake.run(facts.by_key(places), decided, lambda _: None)
    return tally
