"""An order of a simulated exchange: its true state, and the state that is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from domain.instrument import Instrument
from domain.values import EXACT
from infrastructure.simulation.books.fault_plan import Fate, OrderFault
from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder, OrderState, OrderTicket


@dataclass
class KeptOrder:
    """An order that the exchange has accepted."""

    order_id: str
    ticket: OrderTicket
    terms: Instrument
    """The terms of its market, by which its fills are valued."""
    fate: Fate
    placed_at: datetime
    quantity: Decimal
    """Zero means all that is held when it triggers."""
    is_apart: bool = False
    """Whether it is on the separate list of conditional orders, if the exchange has one."""
    state: OrderState = OrderState.OPEN
    fills: list[ExchangeFill] = field(default_factory=list)
    is_hidden: bool = False
    """Whether no query and no list shows it yet."""
    is_behind: bool = False
    """Whether it is shown without its fills for now."""
    is_forced: bool = False
    """Whether the exchange itself placed it, to liquidate or to deleverage."""

    @property
    def filled_qty(self) -> Decimal:
        """The filled quantity."""
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def left(self) -> Decimal:
        """The quantity that is not filled."""
        return EXACT.subtract(self.quantity, self.filled_qty)

    @property
    def is_open(self) -> bool:
        """Whether it may still be filled."""
        return self.state is OrderState.OPEN

    @property
    def is_conditional(self) -> bool:
        """Whether it is a stop or a target, triggered or not."""
        return self.ticket.kind.is_conditional

    @property
    def reduces(self) -> bool:
        """Whether it can only make a position smaller."""
        return self.ticket.reduce_only or self.ticket.close_position

    @property
    def average(self) -> Decimal | None:
        """The average price of its fills; None without fills."""
        if not self.fills:
            return None
        worth = sum((self.terms.worth(fill.quantity, fill.price) for fill in self.fills), Decimal(0))
        return self.terms.price(self.filled_qty, worth)

    def stated(self) -> ExchangeOrder:
        """The order as the exchange shows it now."""
        is_unpriced = self.is_behind or self.fate.has(OrderFault.UNPRICED)
        return ExchangeOrder(
            symbol=self.ticket.symbol,
            order_id=self.order_id,
            client_order_id=self.ticket.client_order_id or None,
            state=OrderState.OPEN if self.is_behind else self.state,
            filled_qty=Decimal(0) if self.is_behind else self.filled_qty,
            avg_px=None if is_unpriced else self.average,
            side=None if self.fate.has(OrderFault.SIDELESS) else self.ticket.side,
            quantity=self.quantity or None,
            trigger_price=self.ticket.trigger_price,
            reduce_only=self.reduces,
            stated_at=self.fills[-1].at if self.fills and not self.is_behind else self.placed_at,
            is_conditional=self.is_apart,
        )
