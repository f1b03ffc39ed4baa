"""Deciding about orders that are replaced or end, and about the terms of an instrument."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from domain import events as e
from domain.aggregate.command_result import CommandResult
from domain.aggregate.exits.exit_count import ExitCount
from domain.aggregate.exits.fill_on_record import FillOnRecord
from domain.aggregate.row import PositionRow
from domain.commands import order_requests as o
from domain.commands.order_requests import TERMS
from domain.decisions.adjustment import entered_by_total, exit_count
from domain.decisions.counting import exited
from domain.decisions.decision import Decision
from domain.decisions.fills import OrderTotal
from domain.decisions.lookup import TRIGGERED_BY, as_one, by_id, is_former, listed, needs_named, of_client, with_one_id
from domain.decisions.protection import lose_others
from domain.errors import InstrumentInUse, OrderAlreadyEnded, OrderAmbiguous, OrderHasFills, ReduceExceedsPosition
from domain.holding import Holding
from domain.instrument import LINEAR
from domain.orders.cycle_orders import of_role
from domain.orders.order import Order, may_be_by
from domain.values import EXACT, ZERO, Status, plain


def replace_order(decision: Decision, command: o.ReplaceOrder) -> CommandResult | None:
    """Record that an order continues under another exchange order id; its fills so far stay its fills.

    Shape:   status unchanged, one OrderReplaced, and another one for a take profit that is one order with the stop. For
             the same replacement again nothing is recorded, also after the next one. Fills that were recorded under the
             new id before belong to the order.
    Refuses: UnknownOrder, OrderAlreadyEnded; OrderAmbiguous if the new id is that of another order, or a price may be
             that of the stop or that of the take profit.
    """
    row = decision.needs_open()
    decision.needs_price("price", command.price, row.terms)
    order = needs_named(decision, command.exchange_order_id)
    if not order.is_live:
        raise decision.refused(
            OrderAlreadyEnded, f"has {order.name} ({command.exchange_order_id}) as {order.ended}: it is not replaced"
        )
    is_behind = is_former(decision, order, command.exchange_order_id)
    known = decision.state.order_ids.name_of(command.new_exchange_order_id, closes=order.is_closing)
    if is_behind and known == order.name:
        return decision.no_news()
    is_known = order.exchange_order_id == command.new_exchange_order_id and (
        is_behind or command.exchange_order_id == command.new_exchange_order_id
    )
    if is_known and command.quantity in (None, order.requested_qty) and command.price in (None, order.price):
        return decision.no_news()
    others = with_one_id(decision, order)
    if others and command.price is not None:
        raise decision.refused(
            OrderAmbiguous,
            f"has {listed([order, *others])} as one order, of which {plain(command.price)} is one of the two prices; "
            "send it without price, or say which by set_stop_loss or set_take_profit with replaces",
        )
    order, same_as = _going_on(decision, order, command.new_exchange_order_id)
    for each in (order, *others):
        decision.record(
            e.OrderReplaced(
                **decision.envelope(),
                order=each.name,
                old_exchange_order_id=command.exchange_order_id,
                exchange_order_id=command.new_exchange_order_id,
                quantity=command.quantity,
                price=command.price,
                same_as=same_as if each is order else None,
            )
        )
    return None


def _going_on(decision: Decision, order: Order, exchange_order_id: str) -> tuple[Order, str | None]:
    """The order that continues under an id, and the name under which fills of that id were recorded before.

    Refuses: OrderAmbiguous.
    """
    sides = (order.is_closing, not order.is_closing)
    found = (by_id(decision, exchange_order_id, closes=side) for side in sides)
    other = next((each for each in found if each is not None), None)
    if other is None or other.name == order.name:
        return order, None
    for one, stranger in ((other, order), (order, other)):
        if one.takes_over(stranger):
            return one, stranger.name
    if other.role != order.role or None not in (order.client_order_id, other.client_order_id):
        raise decision.refused(
            OrderAmbiguous,
            f"has {exchange_order_id} as {other.name}, which is another order than {order.name}; look which of the two "
            "ids is meant",
        )
    raise decision.refused(
        OrderAmbiguous,
        f"has {plain(order.filled_qty)} of {order.name} and {plain(other.filled_qty)} of {other.name} on record, and "
        "the one counts a part of the other as well. Void the fills that are in the total of the other (correct_fill), "
        "and send it again",
    )


def end_order(decision: Decision, command: o.EndOrder) -> CommandResult | None:
    """Record that an order has ended, and its filled total at the exchange.

    Shape:   status unchanged, one OrderEnded; of a stop and a take profit with one id the other one is lost. Nothing is
             recorded for the same again, nor for the end of an id that the order had before it was replaced. An entry
             of which nothing was ever filled ends its cycle, as fail_entry does.
    Refuses: UnknownOrder; OrderAmbiguous for another exchange order id than the order's own; OrderAlreadyEnded for
             another end, unless fills have completed the order since the first; OrderHasFills if the total is less than
             the recorded fills.
    """
    row = decision.needs_cycle()
    known = needs_named(decision, command.exchange_order_id, command.client_order_id)
    _needs_own_id(decision, known, command)
    order, same_as = as_one(known, of_client(decision, command.client_order_id))
    if command.exchange_order_id is None and command.filled_qty:
        _needs_none_beside(decision, order, command.filled_qty)
    if command.outcome != "filled" and is_former(decision, order, command.exchange_order_id):
        return _ended_before(decision, order, command)
    decision.needs_price("avg_px", command.avg_px, row.terms)
    after, stated, avg_px = OrderTotal.of(decision, order, command, row.terms)
    if stated is not None and stated < order.traded_qty:
        raise decision.refused(
            OrderHasFills,
            f"has {plain(order.traded_qty)} of {order.name} on record by its fills, more than the {plain(stated)} that "
            "were filled in all; look which of the two is wrong, and correct_fill what never was",
        )
    is_named = order.exchange_order_id is not None or order.attached or order.name == command.exchange_order_id
    new_id = None if is_named else command.exchange_order_id
    if not order.is_live:
        answer = _known_end(decision, order, after, command.outcome, same_as=same_as, new_id=new_id)
        if answer is not None:
            return answer
    if _came_to_nothing(row, order, after, command):
        assert command.outcome != "filled", "just looked"
        reason = command.reason or f"order {command.outcome}"
        decision.record(e.EntryFailed(**decision.envelope(), outcome=command.outcome, reason=reason, code=command.code))
        return None
    held, absorbed = _held_after(decision, row, order, after, same_as)
    decision.record(
        e.OrderEnded(
            **decision.envelope(),
            order=order.name,
            outcome=command.outcome,
            filled_qty=stated,
            avg_px=avg_px,
            reason=command.reason,
            code=command.code,
            holding=held,
            late=not row.status.is_open,
            absorbed_qty=absorbed,
            reopens=order.role == "entry" and decision.takes_slot_back(held),
            same_as=same_as,
            exchange_order_id=new_id,
        )
    )
    lose_others(decision, order, f"order {order.exchange_order_id} is {command.outcome}")
    return None


def _needs_own_id(decision: Decision, order: Order, command: o.EndOrder) -> None:
    """Refuse an exchange order id that the order never had, if it has another: the command may be about another order.

    Of an id that only fills named it is not known whether it came before the current one, or after it.
    Refuses: OrderAmbiguous.
    """
    exchange_order_id = command.exchange_order_id
    if order.exchange_order_id is None or exchange_order_id in (None, order.exchange_order_id, order.name):
        return
    if decision.state.order_ids.name_of(exchange_order_id, closes=order.is_closing) is None:
        raise decision.refused(
            OrderAmbiguous,
            f"has {order.name} as order {order.exchange_order_id}, and never as {exchange_order_id}; say replace_order "
            "if the exchange replaced the one by the other, else record what is of another order by its fills",
        )
    if order.is_live and command.outcome != "filled" and not is_former(decision, order, exchange_order_id):
        raise decision.refused(
            OrderAmbiguous,
            f"has {order.name} as order {order.exchange_order_id}, and as {exchange_order_id} by its fills alone: "
            "nobody said which of the two replaced the other. Say so (replace_order), and send it again; where nothing "
            "more can be filled of either, send it by client_order_id alone",
        )


def _ended_before(decision: Decision, order: Order, command: o.EndOrder) -> CommandResult:
    """The end of a former id of an order; what else was filled under that id has to be recorded fill by fill."""
    if (command.filled_qty or ZERO) <= order.filled_qty:
        return decision.no_news()
    raise decision.refused(
        OrderAlreadyEnded,
        f"has {order.name} as order {order.exchange_order_id}, which replaced {command.exchange_order_id}: the "
        f"{plain(command.filled_qty or ZERO)} that were filled before are more than the {plain(order.filled_qty)} on "
        f"record; send those fills, with exchange_order_id {command.exchange_order_id}",
    )


def _known_end(
    decision: Decision, order: Order, after: Order, outcome: str, *, same_as: str | None, new_id: str | None
) -> CommandResult | None:
    """The answer to the end of an order whose end is on record; None if this one says more.

    Refuses: OrderAlreadyEnded.
    """
    if after.filled_qty != order.filled_qty or after.worth != order.worth:
        # if it was answered before, fills of what it had counted were corrected since
        return decision.no_news() if decision.was_answered else None
    if same_as is not None:
        return None
    if order.ended == outcome or not order.is_end_told:
        return decision.no_news() if new_id is None else None
    if outcome == "filled" and order.filled_qty and not order.room:
        return None
    raise decision.refused(OrderAlreadyEnded, f"has {order.name} as {order.ended} already, not {outcome}")


def _came_to_nothing(row: PositionRow, order: Order, after: Order, command: o.EndOrder) -> bool:
    """Whether the last live entry order of a cycle ends, and nothing was ever filled."""
    if order.role != "entry" or after.filled_qty or row.filled_qty or command.outcome == "filled":
        return False
    is_last = all(other.name == order.name for other in row.orders.live("entry"))
    return is_last and row.status in (Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL)


def _needs_none_beside(decision: Decision, order: Order, stated: Decimal) -> None:
    """Refuse a total by client order id alone, if the order may be one whose fills are recorded by exchange order id.

    Refuses: OrderAmbiguous.
    """
    strangers = [
        other
        for other in of_role(decision.state.orders, order.role)
        if ZERO < other.filled_qty <= stated and order.may_be(other) and order.may_have_been_filled_at(other.opened_at)
    ]
    if strangers:
        raise decision.refused(
            OrderAmbiguous,
            f"has {order.name} without an id of the exchange, and fills of {listed(strangers)} that may be its own: "
            f"the {plain(stated)} would count them twice; send exchange_order_id with it",
        )


def _held_after(
    decision: Decision, row: PositionRow, order: Order, after: Order, same_as: str | None
) -> tuple[Holding, Decimal]:
    state, grown = decision.state, EXACT.subtract(after.filled_qty, order.filled_qty)
    held = state.holding
    if order.role == "entry":
        return entered_by_total(decision, order, after, same_as)
    _needs_fills_named(decision, order, grown)
    count = exit_count(decision, order, grown)
    if ZERO < grown <= state.gone and order.traded_qty and order.name in state.adjusted_orders:
        count = ExitCount().seen_gone(grown, held, row.terms)  # fills of it got lost
    if count is None:
        raise decision.refused(
            ReduceExceedsPosition,
            f"holds {plain(held.quantity)}, less than the {plain(grown)} that {order.name} closed beyond what is on "
            "record; where its fills are on record as those of another order, send its end without filled_qty, else "
            "record the fills of its entry first, or what opened the other side by the fills of this order with "
            "flip: true",
        )
    return decision.as_turned(exited(state, held, order, after, count, same_as=same_as), is_entry=False), ZERO


def _needs_fills_named(decision: Decision, order: Order, grown: Decimal) -> None:
    """Refuse a total that may include exit fills that are counted already, without an order or as a triggered one.

    Refuses: OrderAmbiguous.
    """
    if not grown:
        return
    doubtful = [
        f"{trade_id} ({plain(fill.qty)})"
        for (is_exit, trade_id), by_order in decision.state.fills.items()
        for fill in by_order.values()
        if is_exit and ZERO < fill.qty <= grown and (fill.order is None or _is_of_triggered(decision, fill, order))
        if may_be_by(fill.at, decision.said_at) and order.may_have_been_filled_at(fill.at)
    ]
    if doubtful:
        raise decision.refused(
            OrderAmbiguous,
            f"has exit fills on record that named no order, or one that {order.name} may have triggered: "
            f"{', '.join(doubtful)}, which the {plain(grown)} of it may count again. If they are of it, send its end "
            "without filled_qty, else its own fills, with exchange_order_id",
        )


def _is_of_triggered(decision: Decision, fill: FillOnRecord, order: Order) -> bool:
    """Whether a fill may be of the order that a stop or take profit triggered: unclaimed, and its reason says so."""
    other = decision.state.orders.get(fill.order or "")
    is_stranger = other is not None and other.role == "exit" and other.client_order_id is None
    return is_stranger and fill.reason is not None and TRIGGERED_BY.get(fill.reason) == order.role


def define_instrument(decision: Decision, command: o.DefineInstrument) -> CommandResult | None:
    """Define the terms of the instrument for the cycles that open from now on.

    Shape:   one InstrumentDefined, which belongs to the stream and to no cycle; fields that are not given keep their
             value. For the same terms again nothing is recorded.
    Refuses: InstrumentInUse while a position is open, which keeps its terms; `force` defines them for the next cycle.
    """
    state = decision.state
    said = {name: getattr(command, name) for name in TERMS if getattr(command, name) is not None}
    for name in ("base", "quote", "settle"):
        if name in said:
            said[name] = said[name].upper()
    known = decision.opening_terms or LINEAR
    terms = replace(known, **said)
    if terms == known and state.instrument is not None:
        return decision.no_news()
    if state.is_open and not command.force:
        row = decision.state.row
        assert row is not None, "open"
        raise InstrumentInUse(
            f"{row.position_id} is open and counts with a contract size of {plain(row.contract_size)}"
            f"{', inverse' if row.inverse else ''}; it would go on so. Define the instrument when it is closed, or "
            "send force with a reason to define it for the next cycle",
            position_id=row.position_id,
            status=row.status.value,
            contract_size=plain(row.contract_size),
        )
    decision.record(
        e.InstrumentDefined(**decision.envelope(0), terms=terms, reason=command.reason, is_first=not state.last_cycle)
    )
    return None
