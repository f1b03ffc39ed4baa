"""What the ledger has on each key of one account: the cycle that is open, and since when nothing changed."""

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
    """One key as the ledger sees it.

    Shape: `row` is the open cycle, if there is one; `version` that of the stream and `cycles` how many it has, 0 when
           nothing ever happened; `changed_at` the last thing that happened there, by the exchange's clock: what was
           stamped by a clock that was wrong, and is yet to come, says nothing of that. `strays` are cycles that are
           over and hold something; `terms` what was said that a quantity is worth, None if nothing was.
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
        """How many units one of a quantity is here: as the open cycle counts, or else the next one will."""
        if self.row is not None:
            return self.row.contract_size
        if self.strays:
            return self.strays[0].contract_size
        return ONE if self.terms is None else self.terms.contract_size

    def in_next_unit(self, quantity: Decimal | None) -> Decimal | None:
        """A quantity as the next cycle will count it, where an instrument was defined while one was open."""
        ahead = ONE if self.terms is None else self.terms.contract_size
        if quantity is None or ahead == self.contract_size:
            return quantity
        return rounded(EXACT.divide(EXACT.multiply(quantity, self.contract_size), ahead))

    @property
    def open_qty(self) -> Decimal:
        """What the open cycle holds; below zero for a short."""
        return Decimal(0) if self.row is None else _signed(self.row)

    @property
    def total_qty(self) -> Decimal:
        """What the exchange must show, where it nets all of a key: the open cycle, and the strays beside it."""
        total = self.open_qty
        for row in self.strays:
            total = EXACT.add(total, _signed(row))
        return total

    def changed_after(self, moment: datetime | None) -> bool:
        """Whether what was seen at a moment may have been overtaken since; of an unknown moment, it may."""
        if self.changed_at is None:
            return False
        return moment is None or self.changed_at > moment

    def with_cycle(self, row: PositionRow, now: datetime) -> StreamState:
        """Know of one more cycle of the key."""
        known = [at for at in (self.changed_at, row.updated_at, row.closed_at) if at and not is_yet_to_come(at, now)]
        return replace(
            self,
            row=row if row.status.is_open else self.row,
            version=max(self.version, row.version),
            cycles=max(self.cycles, row.cycle),
            changed_at=max(known, default=None),
        )

    def with_terms(self, event: InstrumentDefined) -> StreamState:
        """Know of what somebody said a quantity is worth; that belongs to the stream, and moves its version on."""
        return replace(self, terms=event.terms, version=max(self.version, event.originator_version))


def _signed(row: PositionRow) -> Decimal:
    return EXACT.multiply(row.quantity, row.side.sign)


def standings(
    rows: Iterable[PositionRow],
    exchange: str | None,
    account: str | None,
    *,
    now: datetime,
    strays: Iterable[PositionRow] = (),
    defined: Iterable[InstrumentDefined] = (),
) -> dict[PositionKey, StreamState]:
    """Every key of one account at one exchange that the ledger ever heard of."""
    found: dict[PositionKey, StreamState] = {}
    left = {row.position_id for row in strays}
    for row in rows:
        if (row.exchange, row.account) == (exchange, account):
            key = PositionKey.parse(row.stream)
            standing = found.get(key, StreamState(key)).with_cycle(row, now)
            if row.position_id in left:
                standing = replace(standing, strays=(*standing.strays, row))
            found[key] = standing
    for event in defined:
        key = PositionKey.parse(event.originator_id)
        if (key.exchange, key.account) == (exchange, account):
            found[key] = found.get(key, StreamState(key)).with_terms(event)
    return found
