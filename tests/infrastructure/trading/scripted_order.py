"""An order of the scripted exchange."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from domain.values import EXACT
from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder, OrderState, OrderTicket


@dataclass
class ScriptedOrder:
    """What was asked for, and what became of it."""

    order_id: str
    ticket: OrderTicket
    state: OrderState = OrderState.OPEN
    fills: list[ExchangeFill] = field(default_factory=list)
    parts: deque[Decimal] = field(default_factory=deque)
    """What the next looks fill of it."""
    hidden_looks: int = 0
    """How many more looks do not see it."""

    @property
    def filled_qty(self) -> Decimal:
        """How much of it was filled."""
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    def as_stated(self) -> ExchangeOrder:
        """As the exchange states it."""
        filled = self.filled_qty
        cost = sum((EXACT.multiply(fill.quantity, fill.price) for fill in self.fills), Decimal(0))
        return ExchangeOrder(
            symbol=self.ticket.symbol,
            order_id=self.order_id,
            client_order_id=self.ticket.client_order_id,
            state=self.state,
            filled_qty=filled,
            avg_px=EXACT.divide(cost, filled) if filled else None,
            side=self.ticket.side,
            quantity=self.ticket.quantity,
            trigger_price=self.ticket.trigger_price,
            reduce_only=self.ticket.reduce_only,
            is_conditional=self.ticket.trigger_price is not None,
        )
