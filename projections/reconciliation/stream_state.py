"""The state of each key of one account for a comparison: its open cycle, its strays, and its last change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from domain.events import InstrumentDefined
from domain.identifiers import PositionKey
from domain.instrument import ONE, Instrument
from domain.values import EXACT, is_yet_to_come, rounded
from projections.positions import PositionRow


@dataclass(frozen=True, slots=True)
class StreamState:
    """One key as the ledger knows it.

    Shape: `row` is the open cycle, if there is one. `version` is that of the stream and `cycles` the number of its
           cycles, both 0 if the stream has no event. `changed_at` is when something happened last, by the exchange's
           clock, without times in the future, which come from a wrong clock. `strays` are cycles that are over and hold
           something. `terms` is the last definition of the instrument, None if there is none.
    """

    key: PositionKey
    row: PositionRow | None = None
    version: int = 0
    cycles: int = 0
    changed_at: datetime | None = None
    strays: tuple[PositionRow, ...] = ()
    terms: Instrument | None = None

    @property
    def is_held(self) -> bool:
        """Whether there is anything to compare with an exchange."""
        return self.row is not None or bool(self.strays)

    @property
    def contract_size(self) -> Decimal:
        """The contract size in which the open cycle counts, else a stray, else the next cycle."""
        if self.row is not None:
            return self.row.contract_size
        if self.strays:
            return self.strays[0].contract_size
        return ONE if self.terms is None else self.terms.contract_size

    def in_next_unit(self, quantity: Decimal) -> Decimal:
        """A quantity in the unit of the next cycle, which differs if the instrument was defined during a cycle."""
        ahead = ONE if self.terms is None else self.terms.contract_size
        if ahead == self.contract_size:
            return quantity
        return rounded(EXACT.divide(EXACT.multiply(quantity, self.contract_size), ahead))

    @property
    def open_qty(self) -> Decimal:
        """What the open cycle holds; below zero for a short."""
        return Decimal(0) if self.row is None else _signed(self.row)

    @property
    def total_qty(self) -> Decimal:
        """What an exchange that nets a key must show: the sum of open cycle and strays; negative for a short."""
        total = self.open_qty
        for row in self.strays:
            total = EXACT.add(total, _signed(row))
        return total

    def changed_after(self, moment: datetime | None) -> bool:
        """Whether something happened after a moment; True if the moment is not known."""
        if self.changed_at is None:
            return False
        return moment is None or self.changed_at > moment

    def with_cycle(self, row: PositionRow, now: datetime) -> StreamState:
        """Add a cycle of the key."""
        known = [at for at in (self.changed_at, row.updated_at, row.closed_at) if at and not is_yet_to_come(at, now)]
        return replace(
            self,
            row=row if row.status.is_open else self.row,
            version=max(self.version, row.version),
            cycles=max(self.cycles, row.cycle),
            changed_at=max(known, default=None),
        )

    def with_terms(self, event: InstrumentDefined) -> StreamState:
        """Add a definition of the instrument, which is an event of the stream, too, and counts for its version."""
        return replace(self, terms=event.terms, version=max(self.version, event.originator_version))


def _signed(row: PositionRow) -> Decimal:
    return EXACT.multiply(row.quantity, row.side.sign)


def stream_states(
    rows: Iterable[PositionRow],
    exchange: str | None,
    account: str | None,
    *,
    now: datetime,
    strays: Iterable[PositionRow],
    defined: Iterable[InstrumentDefined],
) -> dict[PositionKey, StreamState]:
    """The state of every key of one account at one exchange that has an event."""
    found: dict[PositionKey, StreamState] = {}
    left = {row.position_id for row in strays}
    for row in rows:
        if (row.exchange, row.account) == (exchange, account):
            key = PositionKey.parse(row.stream)
            state = found.get(key, StreamState(key)).with_cycle(row, now)
            if row.position_id in left:
                state = replace(state, strays=(*state.strays, row))
            found[key] = state
    for event in defined:
        key = PositionKey.parse(event.originator_id)
        if (key.exchange, key.account) == (exchange, account):
            found[key] = found.get(key, StreamState(key)).with_terms(event)
    return found
