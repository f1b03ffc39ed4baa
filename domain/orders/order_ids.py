"""The exchange order ids of the orders of a cycle: of which order each is, and which are out of use."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from domain.orders.order import Order, role_of


@dataclass
class OrderIds:
    """Every exchange order id that an order of a cycle has, or had before.

    An exchange may count its conditional orders apart, so that one of them has the id of an entry.
    """

    names: dict[tuple[bool, str], str] = field(default_factory=dict)
    """The names of orders, by (closes, exchange order id)."""
    former: set[tuple[str, str]] = field(default_factory=set)
    """The ids that an event replaced with another id, as (name of the order, exchange order id)."""
    ended_at: dict[str, datetime] = field(default_factory=dict)
    """When orders that close ended at the exchange, by every id that they had; none set again since."""

    lost_at: dict[str, datetime] = field(default_factory=dict)
    """When a stop or take profit was last said to be gone, by every id that it had; it may be there again since."""

    def name_of(self, exchange_order_id: str | None, *, closes: bool) -> str | None:
        """The name of the entry order, or of the order that closes, with an id; None if there is none."""
        return None if exchange_order_id is None else self.names.get((closes, exchange_order_id))

    def identify(self, name: str, exchange_order_id: str | None) -> None:
        """Note the id of an order, if it is told."""
        if exchange_order_id is not None:
            self.names[role_of(name) != "entry", exchange_order_id] = name

    def leave(self, name: str, exchange_order_id: str | None) -> None:
        """Note an id, if it is told, that an order does not have any more, or may have been told anew."""
        if exchange_order_id is not None:
            self.former.add((name, exchange_order_id))

    def end(self, order: Order, at: datetime) -> None:
        """Note that an order that closes has ended, under every id that it had."""
        self.ended_at |= dict.fromkeys(self._all_of(order), at)

    def lose(self, order: Order, at: datetime) -> None:
        """Note when a stop or take profit was said to be gone."""
        self.lost_at |= dict.fromkeys(self._all_of(order), at)

    def _all_of(self, order: Order) -> set[str]:
        ids = {former for name, former in self.former if name == order.name}
        return ids if order.exchange_order_id is None else {*ids, order.exchange_order_id}

    def join(self, name: str, same_as: str) -> None:
        """Give an order the ids that are known under the name `same_as`."""
        self.names |= {known: name for known, order in self.names.items() if order == same_as}
        self.former |= {(name, known) for order, known in self.former if order == same_as}
