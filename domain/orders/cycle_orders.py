"""The orders of a cycle by name, and what is asked of all of them: any number, and one more for the price of a few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Self, TypeVar, overload

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from domain.orders.layered_map import LayeredMap
from domain.orders.order import ZERO, Order, Role
from domain.stop import is_losing_side
from domain.values import EXACT, Side

Other = TypeVar("Other")


class Orders(Mapping[str, Order]):
    """Frozen, in the order in which they came.

    A cycle that is never flat has every order that its bot ever sent. So whatever every event asks is kept beside them:
    which are not settled, how many there are of a role, and whose a client order id is.
    """

    __slots__ = ("_counts", "_names", "_placed", "_unsettled")

    def __init__(
        self,
        placed: LayeredMap[str, tuple[int, Order]],
        unsettled: Mapping[str, Order],
        counts: Mapping[Role, int],
        names: LayeredMap[str, str],
    ) -> None:
        """Hold orders by name with their places, in the same order those not settled, and the names by ids of ours."""
        self._placed, self._unsettled, self._counts, self._names = placed, unsettled, counts, names

    @classmethod
    def of(cls, orders: Iterable[Order] = ()) -> Self:
        """Hold some orders; of two of one name the later."""
        by_name = {order.name: order for order in orders}
        names: dict[str, str] = {}
        for name, order in by_name.items():
            if order.client_order_id is not None:
                names.setdefault(order.client_order_id, name)
        return cls(
            LayeredMap({name: (place, order) for place, (name, order) in enumerate(by_name.items())}),
            {name: order for name, order in by_name.items() if not order.is_settled},
            Counter(order.role for order in by_name.values()),
            LayeredMap(names),
        )

    def with_order(self, order: Order) -> Orders:
        """The same with one of them new, or as it is now."""
        name, client_order_id = order.name, order.client_order_id
        known, unsettled, counts, names = self._placed.get(name), self._unsettled, self._counts, self._names
        if known is None:
            place, counts = len(self._placed), {**counts, order.role: counts.get(order.role, 0) + 1}
        else:
            place = known[0]
        if client_order_id is not None and client_order_id not in names:
            names = names.with_item(client_order_id, name)
        if not order.is_settled:
            unsettled = {**unsettled, name: order}
            if known is not None and name not in self._unsettled:  # it stands last, and came before others
                unsettled = dict(sorted(unsettled.items(), key=lambda item: self._placed.get(item[0], known)[0]))
        elif name in unsettled:
            unsettled = {each: other for each, other in unsettled.items() if each != name}
        return Orders(self._placed.with_item(name, (place, order)), unsettled, counts, names)

    def with_orders(self, orders: Iterable[Order]) -> Orders:
        """The same with some of them new, or as they are now."""
        made = self
        for order in orders:
            made = made.with_order(order)
        return made

    def unsettled(self, *roles: Role) -> list[Order]:
        """The orders that somebody waits for something of, of some roles or of all, oldest first."""
        return [order for order in self._unsettled.values() if not roles or order.role in roles]

    def count(self, role: Role) -> int:
        """How many orders there are of a role."""
        return self._counts.get(role, 0)

    def of_client(self, client_order_id: str) -> Order | None:
        """The order of an id of ours."""
        name = self._names.get(client_order_id)
        return None if name is None else self[name]

    def changed_since(self, before: Orders) -> list[tuple[int, Order]]:
        """The orders that are not as they were, each with its place."""
        changed = self._placed.changed_since(before._placed)  # of its own kind
        return [(place, order) for place, order in changed if before.get(order.name) is not order]

    def __getitem__(self, name: str) -> Order:
        return self._placed[name][1]

    @overload
    def get(self, name: str, /) -> Order | None: ...
    @overload
    def get(self, name: str, /, default: Order | Other) -> Order | Other: ...
    def get(self, name: str, /, default: Order | Other | None = None) -> Order | Other | None:
        """The order of a name, or what is said for one that is not there."""
        placed = self._placed.get(name)
        return default if placed is None else placed[1]

    def __contains__(self, name: object) -> bool:
        return name in self._placed

    def __iter__(self) -> Iterator[str]:
        return iter(self._placed)

    def __len__(self) -> int:
        return len(self._placed)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read what a dictionary by name would be read from, and write it."""
        del source
        by_name = core_schema.dict_schema(core_schema.str_schema(), handler.generate_schema(Order))
        return core_schema.no_info_wrap_validator_function(
            lambda value, read: value if isinstance(value, cls) else cls.of(read(value).values()),
            by_name,
            serialization=core_schema.plain_serializer_function_ser_schema(dict, return_schema=by_name),
        )


NO_ORDERS: Final = Orders.of()


def no_orders() -> Orders:
    """None, for what begins without any."""
    return NO_ORDERS


def of_role(orders: Orders, role: Role) -> Iterator[Order]:
    """The orders of one role, oldest first."""
    return (order for order in orders.values() if order.role == role)


def live(orders: Orders, role: Role) -> list[Order]:
    """The orders of one role of which more may be filled."""
    if role in ("stop", "target"):  # none of them is settled before it has ended
        return [order for order in orders.unsettled(role) if order.is_live]
    return [order for order in of_role(orders, role) if order.is_live]


def next_name(orders: Orders, role: Role) -> str:
    """The name of the next order of a role; the first entry is plainly `entry`."""
    number = orders.count(role) + 1
    return "entry" if role == "entry" and number == 1 else f"{role}.{number}"


def counted_without_price(orders: Orders, beside: str) -> Decimal:
    """What was stated without a price of closing orders, but for one, and only their own fills can tell."""
    closing = (order for order in orders.unsettled() if order.role != "entry" and order.name != beside)
    return sum((EXACT.subtract(o.filled_qty, o.traded_qty) for o in closing if o.worth is None), ZERO)


def covers(orders: Orders, side: Side, quantity: Decimal, avg_px_open: Decimal | None) -> bool:
    """Whether the live stops on the losing side cover all of a position whose average price is known."""
    stops = stops_at_work(orders, side, avg_px_open)
    if not stops:
        return False
    covered = covered_by(stops)
    return covered is None or (bool(covered) and covered >= quantity)


def stops_at_work(orders: Orders, side: Side, avg_px_open: Decimal | None) -> list[Order]:
    """The live stops on the losing side of a known average price, and those that lock in profit."""
    if avg_px_open is None:
        return []
    return [
        stop
        for stop in orders.unsettled("stop")
        if stop.ended is None
        and stop.price is not None
        and (stop.locks_profit or is_losing_side(side, stop.price, avg_px_open))
    ]


def covered_by(stops: Iterable[Order]) -> Decimal | None:
    """How much some stops cover together; None when one of them is for all that is held."""
    covered = ZERO
    for stop in stops:
        room = stop.room
        if room is None:
            return None
        covered = EXACT.add(covered, room)
    return covered
