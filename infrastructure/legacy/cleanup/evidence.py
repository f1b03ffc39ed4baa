"""What snapshots of exchanges prove about the rows of a legacy table, and the doubts about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.identifiers import PositionKey
from domain.values import Status, is_yet_to_come
from infrastructure.legacy.source.legacy_row import LegacyRow
from projections.account_snapshot import AccountSnapshot, PositionReport
from projections.reconciliation.grace_periods import SETTLING
from projections.reconciliation.snapshot_trust import is_too_little


@dataclass(frozen=True)
class CleanupEvidence:
    """The latest snapshot of each exchange.

    Shape: a position in a snapshot existed. A position that is not in it did not exist, if there is no doubt about the
           snapshot, and if the row is older than it by the time that an exchange needs to show a position.
    """

    snapshots: tuple[AccountSnapshot, ...]
    now: datetime
    age_max: timedelta
    trust_empty: bool = False

    def of(self, exchange: str) -> AccountSnapshot | None:
        """The latest snapshot of an exchange."""
        return max(
            (each for each in self.snapshots if each.exchange == exchange),
            key=lambda each: (each.taken_at is not None, each.taken_at or self.now),
            default=None,
        )

    def shown(self, key: PositionKey) -> list[PositionReport]:
        """The positions that the exchange shows for a symbol; none if the snapshot is too old."""
        snapshot = self.of(key.exchange)
        if snapshot is None or any(self._age(snapshot)):
            return []
        return [position for position in snapshot.positions or () if position.key.symbol == key.symbol]

    def shown_as(self, row: LegacyRow) -> PositionReport | None:
        """The position that the exchange shows for a row, preferably one of the same side."""
        here = self.shown(row.key)
        return next((position for position in here if position.side is row.side), here[0] if here else None)

    def doubts(self, row: LegacyRow, open_rows: Sequence[LegacyRow]) -> list[str]:
        """Why the absence of a row's position from the snapshot proves nothing; empty when it is a proof."""
        snapshot = self.of(row.key.exchange)
        if snapshot is None:
            return [f"there is no --snapshot of {row.key.exchange}"]
        doubts = list(snapshot.doubts)
        if snapshot.positions is None:
            doubts.append("it has no list of positions, so it was not asked for them or not answered: that is not zero")
        else:
            doubts += [doubt for doubt in snapshot.row_doubts if snapshot.hides(row.key.symbol)]
        held = [other for other in open_rows if other.key.exchange == snapshot.exchange]
        if snapshot.positions == () and held and not self.trust_empty:
            doubts.append(
                f"it shows no positions at all while {len(held)} rows are open; if that is so, say --trust-empty"
            )
        if snapshot.positions and not self.trust_empty:
            doubts += _too_little(snapshot.positions, held)
        doubts += self._age(snapshot)
        if snapshot.taken_at is not None and min(snapshot.taken_at, self.now) - row.opened_at < SETTLING:
            doubts.append(f"it was taken at {snapshot.taken_at}, too early to show what was opened at {row.opened_at}")
        return [f"the snapshot of {snapshot.exchange}: {doubt}" for doubt in doubts]

    def _age(self, snapshot: AccountSnapshot) -> Iterator[str]:
        if snapshot.taken_at is None:
            yield "it does not say when it was taken"
        elif is_yet_to_come(snapshot.taken_at, self.now):
            yield f"it was taken at {snapshot.taken_at}, which is yet to come"
        elif self.now - snapshot.taken_at > self.age_max:
            yield f"it was taken at {snapshot.taken_at}, too long ago; take another one, or allow it with --max-age"


def _too_little(positions: Sequence[PositionReport], open_rows: Sequence[LegacyRow]) -> Iterator[str]:
    """The doubt that the snapshot has hardly any active row: it may be of another account, product or network."""
    active = {(row.key.symbol, row.side) for row in open_rows if row.status is Status.ACTIVE}
    shown = len(active & {(seen.key.symbol, seen.side) for seen in positions})
    if is_too_little(shown, len(active)):
        yield (
            f"it shows {shown or 'none'} of the {len(active)} positions that are active in the table: it may be of "
            "another account; if it is not, say --trust-empty"
        )
