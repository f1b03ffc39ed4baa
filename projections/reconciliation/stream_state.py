"""What the ledger has on each key of one account: the cycle that is open, and since when nothing changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.identifiers import PositionKey
from projections.positions import PositionRow


@dataclass(frozen=True, slots=True)
class StreamState:
    """One key as the ledger sees it.

    Shape: `row` is the open cycle, if there is one; `version` that of the stream and `cycles` how many it has, 0 when
           nothing ever happened; `changed_at` the last thing that happened there, by the exchange's clock.
    """

    key: PositionKey
    row: PositionRow | None = None
    version: int = 0
    cycles: int = 0
    changed_at: datetime | None = None

    def changed_after(self, moment: datetime | None) -> bool:
        """Whether what was seen at a moment may have been overtaken since; of an unknown moment, it may."""
        if self.changed_at is None:
            return False
        return moment is None or self.changed_at > moment

    def with_cycle(self, row: PositionRow) -> StreamState:
        """Know of one more cycle of the key."""
        last = max(filter(None, (self.changed_at, row.updated_at, row.closed_at)))
        return replace(
            self,
            row=row if row.status.is_open else self.row,
            version=max(self.version, row.version),
            cycles=max(self.cycles, row.cycle),
            changed_at=last,
        )


def standings(rows: Iterable[PositionRow], exchange: str | None, account: str | None) -> dict[PositionKey, StreamState]:
    """Every key of one account at one exchange that the ledger ever heard of."""
    found: dict[PositionKey, StreamState] = {}
    for row in rows:
        if (row.exchange, row.account) == (exchange, account):
            key = PositionKey.parse(row.stream)
            found[key] = found.get(key, StreamState(key)).with_cycle(row)
    return found
