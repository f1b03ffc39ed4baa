"""The audit of a simulated exchange: its true state, whatever its faults make it answer."""

from __future__ import annotations

from decimal import Decimal
from threading import RLock

from domain.symbols.spelling import normalized_symbol
from domain.values import ZERO, Leg
from infrastructure.simulation.books.kept_order import KeptOrder
from infrastructure.simulation.books.leg_book import HeldLeg
from infrastructure.simulation.books.order_matching import OrderMatching
from infrastructure.trading.exchange_orders import ExchangeFill, TradedMarket


class ExchangeAudit:
    """Reads the true state, without delays and faults. A symbol may have any spelling; None means every symbol."""

    def __init__(self, books: OrderMatching, lock: RLock) -> None:
        self._books, self._lock = books, lock

    def orders(self, symbol: str | None = None) -> list[KeptOrder]:
        """Every order that was ever accepted, oldest first."""
        with self._lock:
            name = self._name(symbol)
            return [order for order in self._books.orders.values() if name in (None, order.ticket.symbol)]

    def entries(self, symbol: str | None = None) -> list[KeptOrder]:
        """Every order that opened a position, or added to one."""
        with self._lock:
            name = self._name(symbol)
            return [order for order in self._books.entries if name in (None, order.ticket.symbol)]

    def doubled(self, symbol: str | None = None) -> list[KeptOrder]:
        """The entries that added to a position that another order had opened."""
        with self._lock:
            name = self._name(symbol)
            return [order for order in self._books.doubled if name in (None, order.ticket.symbol)]

    def holders(self, symbol: str, leg: Leg = Leg.BOTH) -> list[KeptOrder]:
        """The orders that opened the present position, or added to it."""
        with self._lock:
            found = self._leg(symbol, leg)
            return [] if found is None else [self._books.orders[order_id] for order_id in found.entries]

    def held(self, symbol: str, leg: Leg = Leg.BOTH) -> Decimal:
        """The quantity held; a short is negative."""
        with self._lock:
            found = self._leg(symbol, leg)
            return ZERO if found is None else found.exposure

    def stops(self, symbol: str, leg: Leg = Leg.BOTH) -> list[KeptOrder]:
        """The open stops that would close the position."""
        with self._lock:
            name = self._spelled(symbol)
            return self._books.stops(name, leg) if name in self._books.markets else []

    def is_covered(self, symbol: str, leg: Leg = Leg.BOTH) -> bool:
        """Whether open stops would close all that is held; true when nothing is held."""
        with self._lock:
            stops = self.stops(symbol, leg)
            covered = sum((stop.left for stop in stops), ZERO)
            return any(stop.ticket.close_position for stop in stops) or covered >= abs(self.held(symbol, leg))

    def bare_seconds(self, symbol: str, leg: Leg = Leg.BOTH) -> list[float]:
        """For every position there was, oldest first, how long it was held without stops for all of it."""
        with self._lock:
            name = self._spelled(symbol)
            if name in self._books.markets:
                self._books.mark(name)
            found = self._leg(symbol, leg)
            return [] if found is None else list(found.bare_seconds)

    def market(self, symbol: str) -> TradedMarket:
        """The market of a symbol, which must be listed."""
        with self._lock:
            return self._books.markets[self._spelled(symbol)]

    def fills(self, order: KeptOrder) -> list[ExchangeFill]:
        """The fills of an order."""
        with self._lock:
            return list(order.fills)

    def _leg(self, symbol: str, leg: Leg) -> HeldLeg | None:
        return self._books.legs.get((self._spelled(symbol), leg))

    def _name(self, symbol: str | None) -> str | None:
        return None if symbol is None else self._spelled(symbol)

    def _spelled(self, symbol: str) -> str:
        return str(normalized_symbol(symbol, self._books.exchange))
