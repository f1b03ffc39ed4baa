"""The import of statements: all facts are decided before the first event is written."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from decimal import localcontext
from tempfile import gettempdir
from typing import Final

from domain.identifiers import PositionKey
from domain.values import AHEAD_MAX, EXACT
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger_clock import now
from infrastructure.transfer.statements.excluded_keys import ExcludedKeys
from infrastructure.transfer.statements.intake.ledger_checks.contract_sizes import with_known_contracts
from infrastructure.transfer.statements.intake.sorting.sorted_facts import SortedFacts
from infrastructure.transfer.statements.omitted_lines import OmittedLines
from infrastructure.transfer.statements.side_by_side import KeySharers
from infrastructure.transfer.statements.snapshot_comparison import compared
from infrastructure.transfer.statements.statement_facts import StatementLine
from infrastructure.transfer.statements.statement_report import StatementReport, StatementTally
from infrastructure.transfer.transfer_errors import StatementRefused
from projections.account_snapshot import AccountSnapshot
from projections.health.key_spellings import slip_of
from projections.progress import Progress

Phase = Callable[[str, int | None], AbstractContextManager[Progress]]
"""Shows the progress of a part of the work, by its name and its number of facts."""


@dataclass(frozen=True)
class Statement:
    """What the lines of one file say."""

    name: str
    kind: str
    facts: Iterable[StatementLine]


_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_ROOM_FOR_SQLITE: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE})


@contextmanager
def _in_temporary_files() -> Iterator[None]:
    """Sort and decide facts in temporary files. Refuses: StatementRefused when their disk has no room for them."""
    try:
        yield
    except (OSError, sqlite3.Error) as wrong:
        if isinstance(wrong, OSError):
            is_full = wrong.errno in _NO_ROOM
        else:
            is_full = getattr(wrong, "sqlite_errorcode", None) in _NO_ROOM_FOR_SQLITE
        if not is_full:
            raise
        raise StatementRefused(
            f"facts are sorted and decided in temporary files, and {gettempdir()} has no room for them ({wrong}); "
            "nothing was written. Make room there, or name another folder with TMPDIR"
        ) from None


@contextmanager
def _unseen(what: str, total: int | None) -> Iterator[Progress]:
    del what, total
    yield lambda _: None


def import_statements(
    ledger: PositionLedger,
    statements: Sequence[Statement],
    phase: Phase = _unseen,
    *,
    confirm: bool,
    excluded: Collection[PositionKey] = (),
    snapshots: Sequence[AccountSnapshot] = (),
    trust_empty: bool = False,
    processes: int = 1,
) -> StatementReport:
    """Import the facts of several files: they are decided key by key in memory, and written if `confirm`.

    Shape:   a fact that the ledger has from a statement is left out, so an import that was stopped can be run again;
             so are the facts of `excluded` keys, whatever their leg, which are counted. Batches before an error stay.
             What is open after the import is compared with `snapshots`; with
             `trust_empty` a snapshot is believed even if it shows nothing, or little. Where there are many facts,
             `processes` share the keys.
    Refuses: StatementRefused, and then nothing is written; VersionConflict when another process writes to one of the
             keys meanwhile; StoreError, OutcomeUnknown.
    """
    ledger.store.require_primary()
    tally, recorded_at = StatementTally(), now()
    omitted, excluding = OmittedLines(), ExcludedKeys(excluded)
    with _in_temporary_files(), localcontext(EXACT), ExitStack() as stack:
        facts = stack.enter_context(SortedFacts(len(statements), recorded_at + AHEAD_MAX))
        sharers = stack.enter_context(KeySharers(ledger.store, processes))
        with phase("reading", None) as progress:
            read = sharers.expecting(facts, progress)
            for statement in statements:
                wanted = excluding.without(omitted.without(statement.facts))
                facts.add(statement.name, with_known_contracts(ledger.store, wanted), read)
            facts.settle(tally)
        for exchange in facts.exchanges:
            if slip := slip_of(exchange, facts.exchanges):
                tally.found(slip)
        with phase("deciding", facts.count) as progress:
            decided = stack.enter_context(sharers.decided(facts, tally, recorded_at, progress, is_kept=confirm))
        for finding in omitted.findings:
            tally.found(finding)
        for finding in compared(ledger.store, tally.ends, snapshots, recorded_at, trust_empty=trust_empty):
            tally.found(finding)
        for key, counts in excluding.counts.items():
            tally.exclude(key, counts)
        report = tally.report([each.kind for each in statements], confirmed=confirm, repeated=facts.repeated)
        if confirm:
            with phase("writing", facts.count) as progress:
                decided.write(progress)
    return report
