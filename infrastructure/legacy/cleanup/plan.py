"""The plan of a cleanup of a legacy table before the cut-over: what is changed, what is left alone, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Final

from domain.identifiers import PositionKey
from domain.json_object import JsonObject
from domain.values import EXACT, ZERO, Side, Status
from infrastructure.legacy.cleanup.evidence import CleanupEvidence
from infrastructure.legacy.importing.cycles import by_key
from infrastructure.legacy.source.legacy_row import LegacyRow
from projections.account_snapshot import PositionReport
from projections.formatting import length

INCOMPLETE: Final = (Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL)
MARK: Final = "cleanup: "
"""The prefix of every reason that is written to a table."""


class Mode(StrEnum):
    """What a cleanup searches for."""

    DUPLICATES = "duplicates"
    """Several open rows of one key, in any spelling."""
    INCOMPLETE = "incomplete"
    """Entries that began long ago, and never ended."""
    ORPHANED_DB = "orphaned-db"
    """Positions that are open in the table, and not at the exchange."""
    ORPHANED_EX = "orphaned-ex"
    """Positions at the exchange that are not in the table."""
    ALL = "all"

    @property
    def needs_snapshot(self) -> bool:
        """Whether a snapshot of the exchange is needed to find them."""
        return self not in (Mode.DUPLICATES, Mode.INCOMPLETE)

    @property
    def each(self) -> tuple[Mode, ...]:
        """The modes to run: this one, or all of them."""
        return tuple(mode for mode in Mode if mode is not Mode.ALL) if self is Mode.ALL else (self,)


@dataclass(frozen=True, slots=True)
class RowChange(JsonObject):
    """One row that will be closed; the rows `beside` are the reason, and must not have changed either."""

    mode: Mode
    row: LegacyRow
    status: Status
    why: str
    beside: tuple[LegacyRow, ...] = ()

    json_keys: ClassVar = (
        "mode",
        ("id", "row.name"),
        ("key", "row.stream"),
        ("from", "row.status"),
        ("to", "status"),
        ("kept", lambda change: [row.name for row in change.beside]),
        "why",
    )

    @property
    def exit_reason(self) -> str:
        """The reason that is written to the row."""
        return f"{MARK}{self.why}"


@dataclass(frozen=True, slots=True)
class LeftAlone(JsonObject):
    """A finding that is not corrected, because too little is known about it."""

    mode: Mode
    stream: str
    ids: tuple[str, ...]
    why: str

    json_keys: ClassVar = ("mode", ("key", "stream"), "ids", "why")


@dataclass
class Plan:
    """All changes and findings; a row is changed once at most."""

    changes: list[RowChange] = field(default_factory=list)
    left: list[LeftAlone] = field(default_factory=list)

    def is_over(self, row: LegacyRow) -> bool:
        """Whether a row is closed, or will be."""
        return not row.is_open or any(change.row is row for change in self.changes)

    def forget_what_is_settled(self, rows: Sequence[LegacyRow]) -> None:
        """Drop findings of one mode whose rows another mode changes."""
        over = {row.name for row in rows if row.is_open and self.is_over(row)}
        self.left = [left for left in self.left if not left.ids or not over.issuperset(left.ids)]

    def only(self, takes: Callable[[PositionKey], bool]) -> Plan:
        """The part of the plan for the wanted keys."""
        return Plan(
            [change for change in self.changes if takes(change.row.key)],
            [left for left in self.left if takes(PositionKey.parse(left.stream))],
        )

    def leave(self, mode: Mode, rows: Sequence[LegacyRow], why: str) -> None:
        """Note rows that are not changed."""
        self.left.append(LeftAlone(mode, rows[0].stream, tuple(row.name for row in rows), why))


def clean(rows: Sequence[LegacyRow], mode: Mode, age: timedelta, evidence: CleanupEvidence) -> Plan:
    """Decide about the rows of a table; nothing is changed yet."""
    plan = Plan()
    for one_mode in mode.each:
        match one_mode:
            case Mode.DUPLICATES:
                _find_duplicates(plan, rows, evidence)
            case Mode.INCOMPLETE:
                _find_incomplete(plan, rows, age, evidence)
            case Mode.ORPHANED_DB:
                _find_phantoms(plan, rows, evidence)
            case _:
                _find_orphans(plan, rows, evidence)
    plan.forget_what_is_settled(rows)
    return plan


def _find_duplicates(plan: Plan, rows: Iterable[LegacyRow], evidence: CleanupEvidence) -> None:
    for group in by_key(rows):
        open_rows = [row for row in group if row.is_open]
        seen = evidence.shown(group[0].key)
        for rivals in _rivals(open_rows, seen):
            _settle_duplicates(plan, rivals, seen)


def _rivals(open_rows: list[LegacyRow], seen: Sequence[PositionReport]) -> list[list[LegacyRow]]:
    """Rows that cannot all be real: those of one key, or of one side of it where the exchange holds both."""
    groups = [open_rows]
    if len({position.side for position in seen}) > 1:
        groups = [[row for row in open_rows if row.side is side] for side in Side]
    return [group for group in groups if len(group) > 1]


def _settle_duplicates(plan: Plan, rivals: list[LegacyRow], seen: Sequence[PositionReport]) -> None:
    held = next((position for position in seen if any(position.side is row.side for row in rivals)), None)
    try:
        kept, why = _real_one(rivals, held)
    except _CannotTell as hindrance:
        plan.leave(Mode.DUPLICATES, rivals, str(hindrance))
        return
    why = f"duplicate of row {kept.name}, for {why}"
    plan.changes += [RowChange(Mode.DUPLICATES, row, Status.CLOSED, why, (kept,)) for row in rivals if row is not kept]


class _CannotTell(Exception):
    """It cannot be known which row is real; the message says why."""


def _real_one(rows: list[LegacyRow], seen: PositionReport | None) -> tuple[LegacyRow, str]:
    """The row with the real position, and the evidence for it. Refuses: _CannotTell."""
    if seen is None and len({row.side for row in rows}) > 1:
        raise _CannotTell("they are on both sides, and no snapshot shows which of them is held")
    left = [row for row in rows if seen is None or row.side is seen.side]
    reasons = [] if seen is None or len(left) == len(rows) else [f"the exchange holds {seen.in_words}"]
    ordered = [row for row in left if row.exchange_order_id is not None]
    if len({row.exchange_order_id for row in ordered}) > 1:
        ordered = _filled(ordered, seen)
        reasons = [f"the exchange holds {seen.in_words}"] if seen is not None else []
    if ordered and len(ordered) < len(left):
        reasons.append(f"it names order {ordered[0].exchange_order_id}")
        left = ordered
    if len(left) > 1:
        reasons.append("it was opened first")
    return left[0], ", and ".join(reasons)


def _filled(rows: list[LegacyRow], seen: PositionReport | None) -> list[LegacyRow]:
    """Of rows that each have an order, those whose position is held: to close a held one would hide its position."""
    orders = ", ".join(f"{row.exchange_order_id} (row {row.name})" for row in rows)
    if seen is None:
        raise _CannotTell(f"they name several orders, {orders}, and no snapshot shows which of them are held")
    if matching := [row for row in rows if row.quantity == seen.quantity]:
        return matching
    total = ZERO
    for row in rows:
        total = EXACT.add(total, row.quantity)
    sum_of = "all of them together" if total == seen.quantity else "none of them"
    raise _CannotTell(f"they name several orders, {orders}, and the exchange holds {seen.in_words}: {sum_of}")


def _find_incomplete(plan: Plan, rows: Sequence[LegacyRow], age: timedelta, evidence: CleanupEvidence) -> None:
    open_rows = [row for row in rows if row.is_open]
    for row in open_rows:
        since = evidence.now - row.opened_at
        if row.status not in INCOMPLETE or plan.is_over(row) or since < age:
            continue
        old = f"{row.status.value} for {length(since)}"
        seen, doubts = evidence.shown_as(row), evidence.doubts(row, open_rows)
        if seen is not None and seen.side is row.side:
            plan.leave(
                Mode.INCOMPLETE, [row], f"{old}, and the exchange holds {seen.in_words}: it is real; see to its stop"
            )
        elif not doubts:
            status = Status.CLOSED if row.status is Status.PENDING_SL else Status.FAILED
            plan.changes.append(RowChange(Mode.INCOMPLETE, row, status, f"{old}, not at the exchange"))
        elif (
            evidence.of(row.key.exchange) is None
            and row.status is Status.PENDING_ENTRY
            and row.exchange_order_id is None
        ):
            plan.changes.append(RowChange(Mode.INCOMPLETE, row, Status.FAILED, f"{old}, no order was ever noted"))
        else:
            plan.leave(Mode.INCOMPLETE, [row], f"{old}; {'; '.join(doubts)}")


def _find_phantoms(plan: Plan, rows: Sequence[LegacyRow], evidence: CleanupEvidence) -> None:
    open_rows = [row for row in rows if row.is_open]
    for row in open_rows:
        if row.status in INCOMPLETE or plan.is_over(row):
            continue
        seen, doubts = evidence.shown_as(row), evidence.doubts(row, open_rows)
        if seen is not None and seen.side is row.side:
            continue
        if doubts:
            plan.leave(Mode.ORPHANED_DB, [row], "; ".join(doubts))
            continue
        instead = "nothing" if seen is None else seen.in_words
        why = f"not at the exchange, which holds {instead}"
        plan.changes.append(RowChange(Mode.ORPHANED_DB, row, Status.CLOSED, why))


def _find_orphans(plan: Plan, rows: Sequence[LegacyRow], evidence: CleanupEvidence) -> None:
    held = {(row.key.symbol, row.key.exchange, row.side) for row in rows if not plan.is_over(row)}
    for exchange in sorted({snapshot.exchange or "" for snapshot in evidence.snapshots}):
        snapshot = evidence.of(exchange)
        for seen in (snapshot.positions if snapshot else None) or ():
            if (seen.key.symbol, exchange, seen.side) not in held:
                why = (
                    f"the exchange holds {seen.in_words}, and no open row: no row is made up for it; import the table, "
                    "and adopt it in the ledger"
                )
                plan.left.append(LeftAlone(Mode.ORPHANED_EX, seen.key.stream, (), why))
