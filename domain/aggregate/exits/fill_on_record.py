"""A recorded fill of an order, with its corrections."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain.aggregate.exits.exit_count import ExitCount, part_of
from domain.commands.requests import ClosingFill
from domain.events import FillCorrected
from domain.holding import ZERO, Holding
from domain.orders.order import CLOCKS_APART
from domain.values import EPOCH


class FillOnRecord(NamedTuple):
    """A recorded fill, with its corrections."""

    request: str
    order: str | None
    is_exit: bool
    qty: Decimal
    px: Decimal
    fee: Decimal | None
    fee_currency: str | None = None
    is_fee_in_kind: bool = False
    """Whether the fee was paid from the position itself."""
    counted: ExitCount = ExitCount()
    """How it was counted, if it is an exit."""
    is_of_dust: bool = False
    """Whether it is a sale of dust."""
    first: tuple[Decimal, Decimal] | None = None
    """Quantity and price as first recorded, if they were corrected since."""
    corrections: tuple[str, ...] = ()
    """The digests of the commands that corrected it."""
    corrected_at: datetime = EPOCH
    until: tuple[tuple[datetime, Decimal, Decimal], ...] = ()
    """Quantity and price before each correction whose time was said, with that time."""
    at: datetime | None = None
    """When it happened; None if the command gave no time."""
    fee_said: Decimal = ZERO
    """The part of its fee that the end of the cycle had stated already."""
    reason: str | None = None
    """Why an exit happened, where that was said."""

    def as_of(self, moment: datetime) -> tuple[Decimal, Decimal]:
        """Quantity and price without what the exchange corrected after a moment."""
        return next(((qty, px) for at, qty, px in self.until if at > moment), (self.qty, self.px))

    def may_be_by(self, moment: datetime) -> bool:
        """Whether it may have happened by a moment, as far as clocks tell."""
        return self.at is None or self.at - moment <= CLOCKS_APART

    @classmethod
    def of_proof(cls, fill: ClosingFill, held: Holding) -> FillOnRecord:
        """A fill in the evidence of a rollback, which closed a part of what was held."""
        return cls(
            "",
            None,
            is_exit=True,
            qty=fill.last_qty,
            px=fill.last_px,
            fee=fill.fee,
            fee_currency=fill.fee_currency,
            counted=ExitCount(fill.last_qty, part_of(held.cost, fill.last_qty, held.quantity)),
        )

    def corrected(self, event: FillCorrected, fee: Decimal | None, counted: ExitCount) -> FillOnRecord:
        """The fill after a correction; what was corrected at no time that was said is as if it never had been."""
        is_timed = event.ts_event != event.ts_recorded
        return self._replace(
            qty=event.last_qty,
            px=event.last_px,
            fee=fee,
            counted=counted,
            first=self.first or (self.qty, self.px),
            corrections=(*self.corrections, event.request),
            corrected_at=max(self.corrected_at, event.ts_event),
            until=(*self.until, (event.ts_event, self.qty, self.px)) if is_timed else self.until,
        )
