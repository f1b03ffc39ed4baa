"""Orders that a bot or an operator has to send: the ledger says which, and never sends one itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import ClassVar, Self

from domain.events import EntryRequested, ExitRequested, PositionEvent, RollbackFailed, RollbackStarted
from domain.json_object import JsonObject
from domain.values import EXACT, Side, plain, rounded
from projections.account_snapshot import PositionReport
from projections.positions import PositionRow

_PERCENT = Decimal(100)


@dataclass(frozen=True)
class PlannedOrders:
    """The orders that the events of a cycle planned; None means that nothing was planned."""

    stop_price: Decimal | None = None
    stop_loss_percent: Decimal | None = None
    closing_client_order_id: str | None = None
    """The client order id of the rollback that is under way; None once that failed, for its order is over."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """The reason of each promised closing order, by its client order id."""

    @classmethod
    def by(cls, events: Iterable[PositionEvent]) -> Self:
        """Read the events of one cycle."""
        planned = cls()
        for event in events:
            match event:
                case EntryRequested():
                    planned = replace(planned, stop_price=event.stop_price, stop_loss_percent=event.stop_loss_percent)
                case RollbackStarted():
                    reasons = {**planned.reasons, event.client_order_id: event.reason}
                    planned = replace(planned, closing_client_order_id=event.client_order_id, reasons=reasons)
                case RollbackFailed():
                    planned = replace(planned, closing_client_order_id=None)
                case ExitRequested():
                    planned = replace(planned, reasons={**planned.reasons, event.client_order_id: event.reason})
        return planned

    def stop_for(self, side: Side, entry: Decimal | None) -> Decimal | None:
        """The planned price of the stop for an average entry; None without a plan, or if it is on the wrong side."""
        price = self.stop_price
        if self.stop_loss_percent is not None and entry is not None:
            share = EXACT.divide(self.stop_loss_percent, _PERCENT)
            price = rounded(EXACT.multiply(entry, EXACT.subtract(Decimal(1), EXACT.multiply(side.sign, share))))
        if price is None or (entry is not None and not side.loses_at(price, entry)):
            return None
        return price


@dataclass(frozen=True, kw_only=True)
class RequiredOrder(JsonObject):
    """An order that is missing at the exchange; always reduce-only.

    Units: quantity in base asset; `stop_price` in quote asset, exact, to be rounded to the exchange's tick; None if
           there is no plan.
    """

    is_stop: bool
    symbol: str
    side: str
    quantity: Decimal
    stop_price: Decimal | None = None
    client_order_id: str | None = None

    json_keys: ClassVar = (
        ("type", lambda order: "stop_market" if order.is_stop else "market"),
        "symbol",
        "side",
        "quantity",
        "stop_price",
        ("reduce_only", lambda _: True),
        "client_order_id",
    )

    @classmethod
    def stop(cls, row: PositionRow, seen: PositionReport, planned: PlannedOrders, quantity: Decimal) -> Self:
        """The stop that is missing for `quantity` of a position at the exchange."""
        entry = row.avg_px_open if seen.avg_px_open is None else seen.avg_px_open
        return cls(
            is_stop=True,
            symbol=row.symbol,
            side=row.side.closing_order,
            quantity=quantity,
            stop_price=planned.stop_for(row.side, entry),
        )

    @classmethod
    def close(cls, row: PositionRow, seen: PositionReport, planned: PlannedOrders) -> Self:
        """The missing closing order: never for more than the ledger holds, nor than the exchange holds (I-12)."""
        return cls(
            is_stop=False,
            symbol=row.symbol,
            side=row.side.closing_order,
            quantity=min(row.quantity, seen.quantity) if row.quantity else seen.quantity,
            client_order_id=planned.closing_client_order_id,
        )

    def __str__(self) -> str:
        """The order as words."""
        if not self.is_stop:
            named = f", client order id {self.client_order_id}" if self.client_order_id else ""
            return f"market order to {self.side} {plain(self.quantity)} {self.symbol}, reduce-only{named}"
        at = "at a price that no plan says" if self.stop_price is None else f"at {plain(self.stop_price)}"
        return f"stop to {self.side} {plain(self.quantity)} {self.symbol} {at}, reduce-only"
