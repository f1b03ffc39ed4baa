"""The orders of a cycle by name: any number of them, of which adding or changing one costs little."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, ValuesView
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self, TypeVar, overload

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from domain.alteration import altered
from domain.orders.layered_map import LayeredMap
from domain.orders.order import AT_WORK_UNTIL_ENDED, Order, Role
from domain.values import EXACT, ZERO, Side, total_of

Other = TypeVar("Other")


_FEW: Final = 16
"""Up to this many orders are scanned; of more an index is kept."""


class Filled(NamedTuple):
    """The filled quantity of some orders, the worth of those with a known price, and the number of the others."""

    quantity: Decimal = ZERO
    known_worth: Decimal = ZERO
    unpriced: int = 0

    @property
    def worth(self) -> Decimal | None:
        """The worth of all of it; None if that of any order is not known."""
        return None if self.unpriced else self.known_worth

    def with_order(self, order: Order) -> Filled:
        """Add an order."""
        quantity = EXACT.add(self.quantity, order.filled_qty)
        if order.worth is None:
            return Filled(quantity, self.known_worth, self.unpriced + 1)
        return Filled(quantity, EXACT.add(self.known_worth, order.worth), self.unpriced)

    def with_change(self, before: Order, after: Order) -> Filled:
        """Replace an order that was added before."""
        quantity = EXACT.add(self.quantity, EXACT.subtract(after.filled_qty, before.filled_qty))
        was, now = before.worth, after.worth
        worth = EXACT.add(self.known_worth, EXACT.subtract(ZERO if now is None else now, ZERO if was is None else was))
        return Filled(quantity, worth, self.unpriced + (now is None) - (was is None))


class Orders(Mapping[str, Order], ABC):
    """A frozen mapping of orders by name, oldest first."""

    __slots__ = ()

    @staticmethod
    def of(orders: Iterable[Order] = ()) -> Orders:
        """Make it of some orders; of two with the same name the later one counts."""
        return _held({order.name: order for order in orders})

    @abstractmethod
    def with_order(self, order: Order) -> Orders:
        """Add an order, or replace the one of its name."""

    def with_orders(self, orders: Iterable[Order]) -> Orders:
        """Add orders, or replace those of their names."""
        made: Orders = self
        for order in orders:
            made = made.with_order(order)
        return made

    @abstractmethod
    def unsettled(self, *roles: Role) -> list[Order]:
        """The orders that are not settled, of some roles or of all, oldest first."""

    @abstractmethod
    def unacknowledged(self, *roles: Role) -> list[Order]:
        """The orders of some roles that were claimed and are not settled, and have no exchange order id yet."""

    @abstractmethod
    def live(self, role: Role) -> list[Order]:
        """The orders of one role that have not ended, oldest first."""

    @abstractmethod
    def count(self, role: Role) -> int:
        """The number of orders of a role."""

    @abstractmethod
    def entered(self) -> Filled:
        """The sum of its entry orders."""

    @abstractmethod
    def closed(self) -> Filled:
        """The sum of all other orders, which close."""

    @abstractmethod
    def of_client(self, client_order_id: str) -> Order | None:
        """The order with a client order id."""

    @abstractmethod
    def changed_since(self, before: Orders) -> list[tuple[int, Order]]:
        """The orders that are new or changed, each with its place."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate and serialise as a dictionary by name."""
        del source
        by_name = core_schema.dict_schema(core_schema.str_schema(), handler.generate_schema(Order))
        return core_schema.no_info_wrap_validator_function(
            lambda value, read: value if isinstance(value, cls) else cls.of(read(value).values()),
            by_name,
            serialization=core_schema.plain_serializer_function_ser_schema(dict, return_schema=by_name),
        )


class _FewOrders(Orders):
    """A few orders: the dictionary is copied for each change, and scanned for each question."""

    __slots__ = ("_orders",)

    def __init__(self, orders: dict[str, Order]) -> None:
        self._orders = orders

    def with_order(self, order: Order) -> Orders:
        return _held({**self._orders, order.name: order})

    def unsettled(self, *roles: Role) -> list[Order]:
        found = [order for order in self._orders.values() if not roles or order.role in roles]
        return [order for order in found if not order.is_settled]

    def unacknowledged(self, *roles: Role) -> list[Order]:
        return _unacknowledged(self._orders.values(), roles)

    def live(self, role: Role) -> list[Order]:
        return [order for order in self._orders.values() if order.role == role and order.ended is None]

    def count(self, role: Role) -> int:
        return [order.role for order in self._orders.values()].count(role)

    def entered(self) -> Filled:
        return _sum_of(self._orders.values(), entries=True)

    def closed(self) -> Filled:
        return _sum_of(self._orders.values(), entries=False)

    def of_client(self, client_order_id: str) -> Order | None:
        return next((each for each in self._orders.values() if each.client_order_id == client_order_id), None)

    def changed_since(self, before: Orders) -> list[tuple[int, Order]]:
        placed = enumerate(self._orders.values())
        return [(place, order) for place, order in placed if before.get(order.name) is not order]

    def __getitem__(self, name: str) -> Order:
        return self._orders[name]

    @overload
    def get(self, name: str, /) -> Order | None: ...
    @overload
    def get(self, name: str, /, default: Order | Other) -> Order | Other: ...
    def get(self, name: str, /, default: Order | Other | None = None) -> Order | Other | None:
        return self._orders.get(name, default)

    def values(self) -> ValuesView[Order]:
        return self._orders.values()

    def __contains__(self, name: object) -> bool:
        return name in self._orders

    def __iter__(self) -> Iterator[str]:
        return iter(self._orders)

    def __len__(self) -> int:
        return len(self._orders)


class _ManyOrders(Orders):
    """Many orders: a layered map, with an index of what every event asks for.

    A cycle that is never flat, as a market maker's on spot, has every order that its bot ever sent. So the unsettled
    orders, the number of each role, the sum of the entries and the names by client order id are kept beside them.
    """

    __slots__ = ("_closed", "_counts", "_entered", "_names", "_placed", "_unsettled")

    def __init__(
        self,
        placed: LayeredMap[str, tuple[int, Order]],
        unsettled: Mapping[str, Order],
        counts: Mapping[Role, int],
        filled: tuple[Filled, Filled],
        names: LayeredMap[str, str],
    ) -> None:
        self._placed, self._unsettled, self._counts, self._names = placed, unsettled, counts, names
        self._entered, self._closed = filled

    @classmethod
    def of_names(cls, by_name: Mapping[str, Order]) -> Self:
        """Index some orders."""
        names: dict[str, str] = {}
        for name, order in by_name.items():
            if order.client_order_id is not None:
                names.setdefault(order.client_order_id, name)
        return cls(
            LayeredMap({name: (place, order) for place, (name, order) in enumerate(by_name.items())}),
            {name: order for name, order in by_name.items() if not order.is_settled},
            Counter(order.role for order in by_name.values()),
            (_sum_of(by_name.values(), entries=True), _sum_of(by_name.values(), entries=False)),
            LayeredMap(names),
        )

    def with_order(self, order: Order) -> Orders:
        name, client_order_id = order.name, order.client_order_id
        known, unsettled, counts, names = self._placed.get(name), self._unsettled, self._counts, self._names
        is_entry = order.role == "entry"
        filled = self._entered if is_entry else self._closed
        if known is None:
            place, counts = len(self._placed), {**counts, order.role: counts.get(order.role, 0) + 1}
            filled = filled.with_order(order)
        else:
            place, filled = known[0], filled.with_change(known[1], order)
        if client_order_id is not None and client_order_id not in names:
            names = names.with_item(client_order_id, name)
        if not order.is_settled:
            unsettled = {**unsettled, name: order}
            if known is not None and name not in self._unsettled:  # appended at the end, though it is older than others
                unsettled = dict(sorted(unsettled.items(), key=lambda item: self._placed.get(item[0], known)[0]))
        elif name in unsettled:
            unsettled = {each: other for each, other in unsettled.items() if each != name}
        placed = self._placed.with_item(name, (place, order))
        sums = (filled, self._closed) if is_entry else (self._entered, filled)
        return _ManyOrders(placed, unsettled, counts, sums, names)

    def unsettled(self, *roles: Role) -> list[Order]:
        return [order for order in self._unsettled.values() if not roles or order.role in roles]

    def unacknowledged(self, *roles: Role) -> list[Order]:
        return _unacknowledged(self._unsettled.values(), roles)

    def live(self, role: Role) -> list[Order]:
        is_kept = role in AT_WORK_UNTIL_ENDED  # none of these is settled while it is live
        return [order for order in (self.unsettled(role) if is_kept else of_role(self, role)) if order.is_live]

    def count(self, role: Role) -> int:
        return self._counts.get(role, 0)

    def entered(self) -> Filled:
        return self._entered

    def closed(self) -> Filled:
        return self._closed

    def of_client(self, client_order_id: str) -> Order | None:
        name = self._names.get(client_order_id)
        return None if name is None else self[name]

    def changed_since(self, before: Orders) -> list[tuple[int, Order]]:
        changed: Iterable[tuple[int, Order]] = self._placed.values()
        if isinstance(before, _ManyOrders):
            changed = self._placed.changed_since(before._placed)  # noqa: SLF001 - of this class as well
        return [(place, order) for place, order in changed if before.get(order.name) is not order]

    def __getitem__(self, name: str) -> Order:
        return self._placed[name][1]

    def values(self) -> ValuesView[Order]:
        return {name: order for name, (_, order) in self._placed.items()}.values()

    def __contains__(self, name: object) -> bool:
        return name in self._placed

    def __iter__(self) -> Iterator[str]:
        return iter(self._placed)

    def __len__(self) -> int:
        return len(self._placed)


def _held(by_name: dict[str, Order]) -> Orders:
    return _FewOrders(by_name) if len(by_name) <= _FEW else _ManyOrders.of_names(by_name)


def _unacknowledged(orders: Iterable[Order], roles: tuple[Role, ...]) -> list[Order]:
    return [
        order
        for order in orders
        if order.exchange_order_id is None
        and order.client_order_id is not None
        and order.role in roles
        and not order.is_settled
    ]


def _sum_of(orders: Iterable[Order], *, entries: bool) -> Filled:
    """The sum of the entry orders, or of all others."""
    filled = Filled()
    for order in orders:
        if (order.role == "entry") is entries:
            filled = filled.with_order(order)
    return filled


NO_ORDERS: Final = Orders.of()


def no_orders() -> Orders:
    """No orders, as a default factory."""
    return NO_ORDERS


def of_role(orders: Orders, role: Role) -> Iterator[Order]:
    """The orders of one role, oldest first."""
    return (order for order in orders.values() if order.role == role)


def next_name(orders: Orders, role: Role) -> str:
    """The name of the next order of a role, `stop.2`; the first entry is `entry`."""
    number = orders.count(role) + 1
    return "entry" if role == "entry" and number == 1 else f"{role}.{number}"


def covers(orders: Orders, side: Side, quantity: Decimal, avg_px_open: Decimal | None) -> bool:
    """Whether the working stops together cover the whole position; not if its average price is unknown."""
    stops = stops_at_work(orders, side, avg_px_open)
    if not stops:
        return False
    covered = covered_by(stops)
    return covered is None or (bool(covered) and covered >= quantity)


def stops_at_work(orders: Orders, side: Side, avg_px_open: Decimal | None) -> list[Order]:
    """The live stops that are on the losing side of the average price, or lock in profit; none if it is unknown."""
    if avg_px_open is None:
        return []
    return [
        stop
        for stop in stops_left(orders)
        if stop.price is not None and (stop.locks_profit or side.loses_at(stop.price, avg_px_open))
    ]


def stops_left(orders: Orders) -> list[Order]:
    """The live stops; what the take profit filled that is one order with a stop (OCO) is filled of that stop here."""
    return [
        stop
        if stop.requested_qty is None or (filled := filled_as_one(orders, stop)) == stop.filled_qty
        else altered(stop, traded_qty=filled)
        for stop in orders.live("stop")
    ]


def filled_as_one(orders: Orders, stop: Order) -> Decimal:
    """What is filled of a stop, and of the live take profit that is one order of the exchange with it (OCO)."""
    if stop.exchange_order_id is None:
        return stop.filled_qty
    targets = (each for each in orders.live("target") if each.exchange_order_id == stop.exchange_order_id)
    return total_of((stop.filled_qty, *(each.filled_qty for each in targets)))


def covered_by(stops: Iterable[Order]) -> Decimal | None:
    """The quantity that stops cover together; None if one of them is for all that is held."""
    covered = ZERO
    for stop in stops:
        room = stop.room
        if room is None:
            return None
        covered = EXACT.add(covered, room)
    return covered
