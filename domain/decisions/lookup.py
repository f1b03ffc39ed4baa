"""Finding the order that a command is about: by exchange order id, client order id, or because it can be only one."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

from domain.commands.requests import Reduce
from domain.decisions.decision import Decision
from domain.errors import OrderAmbiguous, UnknownOrder
from domain.orders.cycle_orders import next_name, of_role
from domain.orders.order import AT_WORK_UNTIL_ENDED, Order, Role
from domain.values import EXACT, plain

_OF_THE_EXCHANGE: Final = frozenset({"liquidation", "adl"})
"""Reasons of exits that nobody sent an order for."""
TRIGGERED_BY: Final[dict[str, Role]] = {"stop_loss": "stop", "take_profit": "target"}
"""The role of the order that triggered an exit, by its reason: at some exchanges the triggered order has its own id."""


class Meant(NamedTuple):
    """The order that a fill belongs to; a new one if the fill belongs to none that is known."""

    order: Order
    is_named: bool
    is_new: bool = False


def by_id(decision: Decision, exchange_order_id: str | None, *, closes: bool) -> Order | None:
    """The entry order, or the order that closes, with an exchange order id, which it may have had before.

    Of a stop and a take profit with one id it is one that is live.
    """
    name = decision.state.order_ids.name_of(exchange_order_id, closes=closes)
    order = None if name is None else decision.state.orders.get(name)
    if order is None or order.is_live:
        return order
    return next(iter(with_one_id(decision, order)), order)


def named(
    decision: Decision, exchange_order_id: str | None, client_order_id: str | None, *, closes: bool | None = None
) -> Order | None:
    """The order with one of two ids; None if neither is known. `closes` says whether an order that closes is meant.

    If fills of an order came before its acknowledgement, the exchange order id belongs to the order that was made for
    these fills, and the client order id to the one that was claimed: until they are merged (`as_one`) the first is
    meant. The exchange order id also decides where the client order id is that of an order with another exchange order
    id, because a fill was guessed to belong to it, or because a replacement was not recorded.
    Refuses: OrderAmbiguous if the ids belong to two orders, one of which has no exchange order id yet.
    """
    by_client = of_client(decision, client_order_id)
    by_exchange = _by_exchange(decision, exchange_order_id, by_client, closes=closes)
    if by_exchange is None or by_client is None or by_exchange.name == by_client.name:
        return by_exchange or by_client
    if by_client.exchange_order_id not in (None, exchange_order_id) or by_client.may_be(by_exchange):
        return by_exchange
    raise decision.refused(
        OrderAmbiguous,
        f"has order {exchange_order_id} as {by_exchange.name}, and client order id {client_order_id} is that of "
        f"{by_client.name}, of which the exchange has told no id; send the one id that is meant, alone",
    )


def _by_exchange(
    decision: Decision, exchange_order_id: str | None, by_client: Order | None, *, closes: bool | None
) -> Order | None:
    """The order with an exchange order id; of an entry and a stop with the same id the one that is meant.

    Refuses: OrderAmbiguous if nothing says which is meant, and the exchange has told the end of neither.
    """
    sides = (False, True) if closes is None else (closes,)
    found = [order for side in sides if (order := by_id(decision, exchange_order_id, closes=side)) is not None]
    if len(found) > 1 and by_client is not None:
        found = [order for order in found if order.is_closing is by_client.is_closing]
    if len(found) > 1:
        found = [order for order in found if not order.is_end_told] or found[:1]
    if len(found) > 1:
        raise decision.refused(
            OrderAmbiguous,
            f"has order {exchange_order_id} as {listed(found)}; send the entry by client_order_id alone, or say of a "
            "stop or target that it moved or is lost (set_stop_loss, lose_stop_loss, set_take_profit, "
            "lose_take_profit), and what it filled by its fills (reduce)",
        )
    return found[0] if found else None


def of_client(decision: Decision, client_order_id: str | None) -> Order | None:
    """The order with a client order id."""
    if client_order_id is None:
        return None
    return decision.state.orders.of_client(client_order_id)


def as_one(order: Order, ours: Order | None) -> tuple[Order, str | None]:
    """An order merged with the one that its fills were recorded under, and the name of that; None if there is none."""
    if ours is None or ours.name == order.name or not ours.may_be(order):
        return order, None
    return ours.joined(order), order.name


def needs_named(decision: Decision, exchange_order_id: str | None, client_order_id: str | None = None) -> Order:
    """The order with an id, or with one of our names, because a stop that belongs to the position has no id.

    Refuses: UnknownOrder, naming the known orders; OrderAmbiguous.
    """
    order = named(decision, exchange_order_id, client_order_id) or decision.state.orders.get(exchange_order_id or "")
    if order is None:
        known = listed(decision.state.orders.values())
        raise decision.refused(
            UnknownOrder,
            f"has no order {exchange_order_id or client_order_id}; " + (f"it has {known}" if known else "it has none"),
        )
    return order


def needs_closing(decision: Decision, exchange_order_id: str) -> Order:
    """The same, where an order that closes is meant: an entry may have the same id. Refuses: UnknownOrder."""
    return by_id(decision, exchange_order_id, closes=True) or needs_named(decision, exchange_order_id)


def at_work(decision: Decision, role: Role, exchange_order_id: str | None) -> Order | None:
    """The live stop, or take profit, with an exchange order id: one order of the exchange may be both (OCO)."""
    there = decision.state.orders.live(role) if exchange_order_id is not None else []
    return next((order for order in there if order.exchange_order_id == exchange_order_id), None)


def with_one_id(decision: Decision, order: Order) -> list[Order]:
    """The other live stops and take profits that are the same order of the exchange (OCO)."""
    orders = decision.state.orders
    others = orders.live("stop") + orders.live("target") if order.role in AT_WORK_UNTIL_ENDED else []
    one_id = (each for each in others if each.exchange_order_id is not None)
    return [each for each in one_id if each.exchange_order_id == order.exchange_order_id and each.name != order.name]


def is_former(decision: Decision, order: Order, exchange_order_id: str | None) -> bool:
    """Whether it is a former id of an order that continues under another, so that the end of this id ends nothing."""
    is_other = exchange_order_id is not None and order.exchange_order_id not in (None, exchange_order_id)
    return is_other and (order.name, exchange_order_id) in decision.state.order_ids.former


def listed(orders: Iterable[Order]) -> str:
    """Orders for an error message: names, and the ids that a command may use."""
    return ", ".join(
        f"{order.name} ({order.exchange_order_id or order.client_order_id or 'no id'})" for order in orders
    )


def entry_of_fill(
    decision: Decision, qty: Decimal, exchange_order_id: str | None, client_order_id: str | None
) -> Meant:
    """The entry order that a fill belongs to.

    Refuses: OrderAmbiguous for a fill that names no order and may belong to several.
    """
    orders = decision.state.orders
    if exchange_order_id is not None or client_order_id is not None:
        known = named(decision, exchange_order_id, client_order_id, closes=False)
        if known is None and exchange_order_id is not None and client_order_id is None:
            known = _not_acknowledged(decision, qty, orders.unacknowledged("entry"), exchange_order_id)
        if known is not None and known.role == "entry":
            return Meant(known, is_named=True)
        return Meant(_new(decision, "entry", exchange_order_id, client_order_id), is_named=True, is_new=True)
    takes = _takes if orders.count("entry") == 1 else _may_take
    entries = [order for order in of_role(orders, "entry") if takes(decision, order, qty)]
    if len(entries) > 1:
        raise decision.refused(
            OrderAmbiguous,
            f"has several entry orders that {plain(qty)} may be a fill of: {listed(entries)}; send "
            "exchange_order_id (or client_order_id) with it",
        )
    if not entries:
        return Meant(_new(decision, "entry", None, None), is_named=False, is_new=True)
    return Meant(entries[0], is_named=False)


def _takes(decision: Decision, order: Order, qty: Decimal) -> bool:
    """Whether a fill that names no order may belong to this one: it has room, or a total that the fill is part of."""
    return order.has_room_for(qty) or not _is_explained(decision, order)


def _may_take(decision: Decision, order: Order, qty: Decimal) -> bool:
    """The same, if there are other candidates: an order that has ended takes no more than its total without fills."""
    if order.is_live:
        return _takes(decision, order, qty)
    return not _is_explained(decision, order) and EXACT.add(order.traded_qty, qty) <= order.stated_qty


def _is_explained(decision: Decision, order: Order) -> bool:
    return order.traded_qty >= order.stated_qty or order.is_news(decision.command.at)


def _not_acknowledged(
    decision: Decision, qty: Decimal, orders: Iterable[Order], exchange_order_id: str
) -> Order | None:
    """The claimed order that a fill fits, if it names an exchange order id that is new; None unless it is one order.

    None also for an id that an order on the other side has.
    Refuses: OrderAmbiguous if several fit, and a total of one of them may have counted the fill already.
    """
    if any(by_id(decision, exchange_order_id, closes=closes) for closes in (False, True)):
        return None
    waiting = [order for order in orders if order.may_have_been_filled_at(decision.command.at)]
    stated = [order for order in waiting if order.traded_qty < order.stated_qty and order.may_have_filled(qty)]
    fitting = [order for order in waiting if order in stated or (order.is_live and order.has_room_for(qty))]
    if stated and len(fitting) > 1:
        raise decision.refused(
            OrderAmbiguous,
            f"has {listed(fitting)} without an id of the exchange, one of which order {exchange_order_id} may be, and "
            f"what was filled of {listed(stated)} is counted already; send client_order_id with it",
        )
    return fitting[0] if len(fitting) == 1 else None


def exit_of_fill(decision: Decision, fill: Reduce) -> Order | None:
    """The order that an exit fill belongs to; None for a fill that names no order, if no closing order was claimed.

    A fill with which the exchange closed by itself (a liquidation) belongs to no claimed order.
    Refuses: OrderAmbiguous if a stop or take profit may have triggered it whose total has counted it already.
    """
    orders, qty, may_be_ours = decision.state.orders, fill.last_qty, fill.reason not in _OF_THE_EXCHANGE
    exchange_order_id, client_order_id = fill.exchange_order_id, fill.client_order_id
    if exchange_order_id is not None or client_order_id is not None:
        known = named(decision, exchange_order_id, client_order_id, closes=True)
        if known is None and exchange_order_id is not None and client_order_id is None and may_be_ours:
            known = _not_acknowledged(decision, qty, orders.unacknowledged("exit", "rollback"), exchange_order_id)
        if known is not None and known.role != "entry":
            return known
        if client_order_id is None:
            _needs_none_triggered(decision, fill)
        return _new(decision, "exit", exchange_order_id, client_order_id)
    if (counted := _counted_of(decision, qty)) is not None:
        return counted
    promised = [order for order in _promised(decision) if may_be_ours and order.has_room_for(qty)]
    others = orders.live("stop") + orders.live("target")
    return promised[0] if len(promised) == 1 and not others else None


def _needs_none_triggered(decision: Decision, fill: Reduce) -> None:
    role = TRIGGERED_BY.get(fill.reason or "")
    counted = [] if role is None else [each for each in _have_counted(decision, fill.last_qty) if each.role == role]
    if counted:
        raise decision.refused(
            OrderAmbiguous,
            f"has no order {fill.exchange_order_id}, and counted {plain(fill.last_qty)} already by the total of "
            f"{listed(counted)}; if that triggered it, send the fill with exchange_order_id "
            f"{counted[0].exchange_order_id or counted[0].name}, else with client_order_id of its own order as well",
        )


def _have_counted(decision: Decision, qty: Decimal) -> list[Order]:
    """The closing orders whose total may have counted an exit fill, because the fill is no later than that total."""
    at, orders = decision.command.at, decision.state.orders.unsettled()
    return [
        order
        for order in orders
        if order.role != "entry" and not order.is_news(at) and EXACT.subtract(order.stated_qty, order.traded_qty) >= qty
    ]


def _counted_of(decision: Decision, qty: Decimal) -> Order | None:
    """The order whose total has counted an exit fill that names no order.

    Refuses: OrderAmbiguous if it may belong to several, or to one that is under way.
    """
    counted = _have_counted(decision, qty)
    if not counted:
        return None
    others = [order for order in _promised(decision) if order not in counted and order.has_room_for(qty)]
    if len(counted) + len(others) > 1:
        raise decision.refused(
            OrderAmbiguous,
            f"has several orders that {plain(qty)} may be a fill of: {listed([*counted, *others])}; send "
            "exchange_order_id (or client_order_id) with it",
        )
    return counted[0]


def _promised(decision: Decision) -> list[Order]:
    asked = decision.state.orders.unsettled("exit", "rollback")
    return [order for order in asked if order.is_live and order.client_order_id and order.room != 0]


def _new(decision: Decision, role: Role, exchange_order_id: str | None, client_order_id: str | None) -> Order:
    return Order(
        name=next_name(decision.state.orders, role),
        exchange_order_id=exchange_order_id,
        client_order_id=client_order_id,
        opened_at=decision.context.ts_event,
    )
