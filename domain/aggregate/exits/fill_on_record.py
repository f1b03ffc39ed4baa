"""A recorded fill of an order, with its corrections."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from domain.aggregate.exits.exit_count import ExitCount, part_of
from domain.commands.requests import ClosingFill
from domain.events import FillCorrected
from domain.holding import Holding
from domain.values import ZERO


class FillCorrection(NamedTuple):
    """A correction of a fill: the digest of its command, its time, whether that was said, and what the fill was."""

    request: str
    at: datetime
    is_timed: bool
    qty: Decimal
    px: Decimal


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
    corrections: tuple[FillCorrection, ...] = ()
    """In the order in which they were recorded."""
    at: datetime | None = None
    """When it happened; None if the command gave no time."""
    fee_said: Decimal = ZERO
    """The part of its fee that the end of the cycle had stated already."""
    reason: str | None = None
    """Why an exit happened, where that was said."""
    version: int = 0
    """The version of the event that recorded it."""
    is_seen: bool = False
    """Whether it is an entry of which an adjustment had counted all, when it was recorded."""

    def is_told_by(self, qty: Decimal, px: Decimal) -> bool:
        """Whether these are its quantity and price, today or as first recorded."""
        first = self.corrections[0] if self.corrections else self
        return (qty, px) in ((self.qty, self.px), (first.qty, first.px))

    def was_corrected(self, request: str, at: datetime) -> bool:
        """Whether a command with this digest corrected it, and another one did after this time."""
        return any(each.at > at for each in self.corrections) and any(
            each.request == request for each in self.corrections
        )

    def corrected_to(self, qty: Decimal, px: Decimal, at: datetime) -> tuple[Decimal, Decimal]:
        """Quantity and price after a correction of the exchange; what the exchange corrected later stays."""
        now_qty, now_px = self.qty, self.px
        for was in reversed(self.corrections):
            if was.is_timed and was.at > at:
                qty = qty if was.qty == now_qty else self.qty
                px = px if was.px == now_px else self.px
            now_qty, now_px = was.qty, was.px
        return qty, px

    def as_of(self, moment: datetime) -> tuple[Decimal, Decimal]:
        """Quantity and price without what the exchange corrected after a moment, as far as times were said."""
        was = next((each for each in self.corrections if each.is_timed and each.at > moment), self)
        return was.qty, was.px

    @classmethod
    def of_proof(cls, fill: ClosingFill, held: Holding, version: int) -> FillOnRecord:
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
            version=version,
        )

    def corrected(self, event: FillCorrected, fee: Decimal | None, counted: ExitCount) -> FillOnRecord:
        """The fill after a correction."""
        correction = FillCorrection(event.request, event.ts_event, event.is_timed, self.qty, self.px)
        return self._replace(
            qty=event.last_qty,
            px=event.last_px,
            fee=fee,
            counted=counted,
            corrections=(*self.corrections, correction),
        )
