"""A simulated exchange: it takes the calls of the trading port, and makes them fail as scripted or by probability."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from domain.identifiers import normalized_account
from domain.symbols.market import market_of
from domain.symbols.spelling import normalized_symbol
from domain.symbols.venues import normalized_exchange
from domain.values import Leg
from infrastructure.exchanges.document import read_snapshot
from infrastructure.ledger_clock import now
from infrastructure.simulation.books.delays import CallMoment, Delays
from infrastructure.simulation.books.exchange_codes import IdTaken, Reason, refused, with_code
from infrastructure.simulation.books.fault_plan import (
    CALLS_MAX,
    EVERY_CALL,
    CallFault,
    Fate,
    Fault,
    FaultPlan,
    OrderFault,
)
from infrastructure.simulation.books.kept_order import KeptOrder
from infrastructure.simulation.books.order_matching import OrderMatching
from infrastructure.simulation.exchange_audit import ExchangeAudit
from infrastructure.simulation.shown_account import account_document, account_lists
from infrastructure.trading.exchange_errors import NoAnswer
from infrastructure.trading.exchange_orders import (
    ExchangeFill,
    ExchangeOrder,
    OrderState,
    OrderTicket,
    TradedMarket,
    above_zero,
    amount,
)
from projections.account_snapshot import AccountSnapshot

SHOWN_SECONDS: Final = 20.0
_OLD_ACCOUNT: Final = (CallFault.STALE_ACCOUNT, CallFault.LATE_POSITIONS)


@dataclass(frozen=True, slots=True)
class _Before:
    """The account as it was shown before the last fill, and when that was."""

    lists: dict[str, Any]
    seen: CallMoment


class SimulatedVenue:
    """One account at one exchange, in memory; thread-safe, and deterministic for a seed.

    Shape: it has the methods of Exchange. The time comes from `clock` alone; every call sleeps `latency_seconds`
           by `sleep`. Bybit attaches stops to an entry, refuses a used client order id for ever, and cancels the stops
           of a closed position. Every other exchange behaves like Binance: it lists conditional orders apart, has
           stops that close the position, and accepts the id of an order that has ended. `unique_ids` overrides the
           rule about ids.
    """

    def __init__(
        self,
        name: str = "binance",
        *,
        seed: int = 0,
        account: str | None = None,
        hedge: bool = False,
        unique_ids: bool | None = None,
        rates: Mapping[Fault, float] | None = None,
        fee_rate: str = "0.0005",
        clock: Callable[[], datetime] = now,
        sleep: Callable[[float], object] = time.sleep,
        latency_seconds: float = 0.0,
    ) -> None:
        self.name = normalized_exchange(name)
        self.account_name = normalized_account(account)
        self._is_bybit = self.name == "bybit"
        self.seed = seed
        self._has_unique_ids = self._is_bybit if unique_ids is None else unique_ids
        self.hedge, self.clock, self.sleep, self._latency = hedge, clock, sleep, latency_seconds
        self._plan = FaultPlan(seed, dict(rates or {}))
        self._shuffle = Random(seed)  # noqa: S311  # repeatable tests need a seed; it is no secret
        self._lock = threading.RLock()
        self._delays = Delays(clock, timedelta(seconds=SHOWN_SECONDS / 2))
        self._codes: deque[tuple[str, str]] = deque()
        self._before: _Before | None = None
        self._books = OrderMatching(
            exchange=self.name,
            clock=clock,
            fee_rate=Decimal(fee_rate),
            hedge=hedge,
            drops_stops=self._is_bybit,
            conditional_apart=not self._is_bybit,
        )
        self.audit = ExchangeAudit(self._books, self._lock)

    # -- markets, prices and faults -----------------------------------------------------------------------------

    def list_market(
        self,
        symbol: str,
        price: str | Decimal,
        *,
        price_tick: str = "0.0001",
        quantity_step: str = "0.001",
        min_quantity: str = "0.001",
        min_cost: str | None = "5",
        contract_size: str = "1",
        inverse: bool = False,
    ) -> None:
        """List a contract with its rules and its price.

        Refuses: ValueError for a symbol whose base and quote are not known, and for a number that is not above zero.
        """
        market = market_of(symbol, self.name)
        if market is None:
            raise ValueError(f"{symbol!r} does not say what is traded for what; write it like APT/USDT:USDT")
        name = str(normalized_symbol(symbol, self.name))
        listed = TradedMarket(
            symbol=name,
            price_tick=above_zero("price_tick", price_tick),
            quantity_step=above_zero("quantity_step", quantity_step),
            min_quantity=above_zero("min_quantity", min_quantity),
            min_cost=amount("min_cost", min_cost),
            contract_size=above_zero("contract_size", contract_size),
            inverse=inverse,
            base=market.base,
            quote=market.quote,
            settle=market.settle or (market.base if inverse else market.quote),
            last_price=above_zero("price", price),
            has_unique_ids=self._has_unique_ids,
            shown_seconds=SHOWN_SECONDS,
            attaches_stops=self._is_bybit,
            closes_position=not self._is_bybit,
        )
        with self._lock:
            self._books.markets[name] = listed

    def set_price(self, symbol: str, price: str | Decimal) -> None:
        """Set the last price: it triggers stops and targets, and fills limit orders. A new symbol is listed with it.

        Refuses: ValueError for a price that is not above zero.
        """
        moved = above_zero("price", price)
        with self._lock:
            name = str(normalized_symbol(symbol, self.name))
            if name not in self._books.markets:
                self.list_market(symbol, price)
            with self._changing():
                self._books.move(name, moved)

    def next_order(self, symbol: str, *faults: OrderFault, at_once: str | Decimal | None = None) -> None:
        """Script faults for the next market or limit order of a symbol; several calls are for one order each.

        `at_once` is the quantity that is filled at once, for faults that fill a part; otherwise the seed decides.
        """
        part = None if at_once is None else Decimal(at_once)
        with self._lock:
            self._plan.script(self._known(symbol), frozenset(faults), is_conditional=False, at_once=part)

    def next_stop(self, symbol: str, *faults: OrderFault) -> None:
        """Script faults for the next stop or target of a symbol; several calls are for one order each."""
        with self._lock:
            self._plan.script(self._known(symbol), frozenset(faults), is_conditional=True)

    def next_calls(self, fault: CallFault, calls: int = 1) -> None:
        """Script a fault for a number of the next calls that can have it."""
        with self._lock:
            self._plan.script_calls(fault, calls)

    def next_code(self, code: str, text: str = "refused by script") -> None:
        """Refuse the next order with this error code of the exchange."""
        with self._lock:
            self._codes.append((code, text))

    def fail_at(self, rates: Mapping[Fault, float]) -> None:
        """Set the probability of each fault from now on; faults that are not named happen only when scripted."""
        with self._lock:
            self._plan.rates = dict(rates)

    def calm(self) -> None:
        """Remove all faults, scripted and probable, and let everything that is delayed happen now."""
        with self._lock:
            self._plan.calm()
            self._codes.clear()
            self._before = None
            self._delays.end()

    def liquidate(self, symbol: str, leg: Leg = Leg.BOTH) -> None:
        """Close the whole position by an order of the exchange, if anything is held."""
        self._force(symbol, leg, None, "autoclose")

    def deleverage(self, symbol: str, quantity: str | Decimal, leg: Leg = Leg.BOTH) -> None:
        """Close a part of the position by an order of the exchange, if anything is held.

        Refuses: ValueError for a quantity that is not above zero.
        """
        self._force(symbol, leg, above_zero("quantity", quantity), "adl_autoclose")

    # -- the port -----------------------------------------------------------------------------------------------

    def market(self, symbol: str) -> TradedMarket:
        """As Exchange.market says."""
        with self._call():
            return self._books.markets[self._known(symbol)]

    def place(self, ticket: OrderTicket) -> ExchangeOrder:
        """As Exchange.place says. IdTaken is the NoAnswer for a client order id that an order has already."""
        with self._call():
            self._known(ticket.symbol)
            if self._codes:
                raise with_code(*self._codes.popleft())
            fate = self._plan.of_order(ticket)
            if fate.has(OrderFault.REFUSED) and ticket.trigger_price is not None:
                raise refused(self.name, Reason.AT_ONCE, "Order would immediately trigger.")
            if fate.has(OrderFault.REFUSED):
                raise refused(self.name, Reason.MARGIN, "Margin is insufficient.")
            if fate.has(OrderFault.NEVER_ARRIVED):
                raise self._silence()
            self._books.check(ticket)
            if self._is_taken(ticket.client_order_id):
                raise IdTaken(Reason.ID_TAKEN.code(self.name), ticket.client_order_id)
            if fate.has(OrderFault.DONE_LATER):
                self._delays.later(fate.calls, lambda: self._arrive_late(ticket, fate))
                raise self._silence()
            order = self._enter(ticket, fate)
            if fate.has(OrderFault.ANSWER_LOST):
                raise self._silence()
            return order.stated()

    def cancel(self, symbol: str, order: ExchangeOrder) -> ExchangeOrder | None:
        """As Exchange.cancel says."""
        with self._call():
            kept = self._books.orders.get(order.order_id)
            if kept is None or kept.ticket.symbol != self._known(symbol) or kept.is_hidden or not kept.is_open:
                return None
            self._books.expire(kept, OrderState.CANCELED)
            return kept.stated()

    def find(
        self, symbol: str, *, client_order_id: str | None = None, exchange_order_id: str | None = None
    ) -> ExchangeOrder | None:
        """As Exchange.find says. Refuses: ValueError when neither id is given."""
        if client_order_id is None and exchange_order_id is None:
            raise ValueError("an order is found by its client order id, its exchange order id or both")
        with self._call():
            name = self._known(symbol)
            found = [
                order
                for order in self._books.orders.values()
                if order.ticket.symbol == name
                and not order.is_hidden
                and client_order_id in (None, order.ticket.client_order_id)
                and exchange_order_id in (None, order.order_id)
            ]
            return max(found, key=lambda order: order.is_open).stated() if found else None

    def fills(self, symbol: str, order: ExchangeOrder) -> list[ExchangeFill]:
        """As Exchange.fills says."""
        with self._call(CallFault.SHUFFLED_FILLS) as fault:
            kept = self._books.orders.get(order.order_id)
            if kept is None or kept.ticket.symbol != self._known(symbol) or kept.is_hidden:
                return []
            found = list(kept.fills)
            if fault is CallFault.SHUFFLED_FILLS and found:
                found.append(self._shuffle.choice(found))
                self._shuffle.shuffle(found)
            return found

    def account(self) -> AccountSnapshot:
        """As Exchange.account says."""
        return read_snapshot(self.account_document())

    def account_document(self) -> bytes:
        """The account as the JSON document that `reconcile` and `recover` read."""
        with self._call(*_OLD_ACCOUNT, CallFault.CUT_OFF_ACCOUNT) as fault:
            lists = self._lists(fault)
            if fault is CallFault.CUT_OFF_ACCOUNT:
                counts = {f"{name}_count": len(lists[name]) for name in ("positions", "orders")}
                lists = lists | {name: lists[name][:-1] for name in ("positions", "orders")} | counts
            return account_document(self._books, self.account_name, lists)

    # -- for the HTTP routes ------------------------------------------------------------------------------------

    def shown_orders(self, symbol: str | None) -> list[KeptOrder]:
        """Every order that is not hidden, of a symbol or of all, oldest first."""
        with self._call():
            name = None if symbol is None else self._known(symbol)
            orders = self._books.orders.values()
            return [order for order in orders if not order.is_hidden and name in (None, order.ticket.symbol)]

    def shown_positions(self) -> list[dict[str, Any]]:
        """The positions in the form of ccxt."""
        with self._call(*_OLD_ACCOUNT) as fault:
            return list(self._lists(fault)["positions"])

    def shown_markets(self) -> list[TradedMarket]:
        """Every listed market."""
        with self._call():
            return list(self._books.markets.values())

    # -- internals; the caller holds the lock, except of _call and _force ---------------------------------------

    @contextmanager
    def _call(self, *possible: CallFault) -> Iterator[CallFault | None]:
        """Count a call: first the delayed work that is due, then the fault of this call, if any, which is yielded.

        `possible` are faults that this call can have beside those of every call, which are raised here.
        """
        if self._latency:
            self.sleep(self._latency)
        with self._lock:
            self._delays.count_call()
            fault = self._plan.of_call(*EVERY_CALL, *possible)
            if fault is CallFault.OUTAGE:
                raise self._silence()
            if fault is CallFault.MAINTENANCE:
                raise refused(self.name, Reason.CLOSED, "Invalid symbol status for opening position.")
            if fault is CallFault.RATE_LIMIT:
                raise refused(self.name, Reason.RATE, "Too many requests.")
            yield fault

    def _lists(self, fault: CallFault | None) -> dict[str, Any]:
        """The lists of the account, with a fault as they were before the last fill."""
        lists, before = account_lists(self._books), self._before
        if before is None or self._delays.is_past(before.seen, CALLS_MAX + 1):
            return lists
        if fault is CallFault.STALE_ACCOUNT:
            return before.lists
        return lists | {"positions": before.lists["positions"]} if fault is CallFault.LATE_POSITIONS else lists

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Remember the account as it was before the block, if something is filled in the block."""
        lists, filled = account_lists(self._books), self._books.filled
        yield
        if self._books.filled != filled:
            self._before = _Before(lists, self._delays.moment())

    def _known(self, symbol: str) -> str:
        name = str(normalized_symbol(symbol, self.name))
        if name not in self._books.markets:
            raise refused(self.name, Reason.UNLISTED, f"Invalid symbol: {symbol}")
        return name

    def _silence(self) -> NoAnswer:
        return NoAnswer(f"{Reason.SILENCE.code(self.name)}: {self.name} did not answer")

    def _is_taken(self, client_order_id: str) -> bool:
        """Whether a client order id is in use; a blank id never is."""
        return bool(client_order_id) and any(
            order.ticket.client_order_id == client_order_id and (order.is_open or self._has_unique_ids)
            for order in self._books.orders.values()
        )

    def _arrive_late(self, ticket: OrderTicket, fate: Fate) -> None:
        if not self._is_taken(ticket.client_order_id):
            self._enter(ticket, fate)

    def _enter(self, ticket: OrderTicket, fate: Fate) -> KeptOrder:
        """Accept an order, and fill it as its fate says: now, in parts or later."""
        with self._changing():
            order = self._books.take(ticket, fate)
            order.is_hidden = fate.has(OrderFault.HIDDEN)
            order.is_behind = fate.has(OrderFault.ANSWER_BEHIND)
            if order.is_hidden or order.is_behind:
                self._delays.later(fate.calls, lambda: self._show(order))
            if order.is_conditional:
                return order
            if fate.has(OrderFault.FILLED_LATE):
                self._delays.later(fate.calls, lambda: self._fill(order))
                return order
            is_part = fate.has(OrderFault.FILLED_IN_PARTS, OrderFault.REST_EXPIRES)
            self._books.execute(order, fate.first_part(order.left) if is_part else None)
            if fate.has(OrderFault.REST_EXPIRES):
                self._books.expire(order)
            elif is_part:
                self._delays.later(fate.calls, lambda: self._fill(order))
            return order

    def _fill(self, order: KeptOrder) -> None:
        with self._changing():
            self._books.execute(order)

    @staticmethod
    def _show(order: KeptOrder) -> None:
        order.is_hidden = order.is_behind = False

    def _force(self, symbol: str, leg: Leg, at_most: Decimal | None, client_order_id: str) -> None:
        with self._lock, self._changing():
            name = self._known(symbol)
            held = self._books.leg(name, leg).quantity
            if held:
                quantity = held if at_most is None else min(held, at_most)
                self._books.force(name, leg, quantity, client_order_id)
