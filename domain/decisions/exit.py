"""Deciding about exits: closing orders, their fills, and fills that open the other side."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from domain import events as e
from domain.aggregate.command_result import CommandResult
from domain.aggregate.exits.exit_count import ExitCount, part_of
from domain.aggregate.row import PositionRow
from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.decisions.adjustment import exit_count
from domain.decisions.closing import record_closed
from domain.decisions.counting import exited
from domain.decisions.decision import Decision
from domain.decisions.fills import fill_on_record, known_fill
from domain.decisions.lookup import exit_of_fill, listed
from domain.errors import (
    ExitAlreadyRequested,
    ExitBeforeEntry,
    InvalidCommand,
    NothingToClose,
    PositionNotOpen,
    ReduceExceedsPosition,
    StaleCycle,
    WrongStatus,
)
from domain.holding import Holding
from domain.identifiers import client_order_id
from domain.orders.cycle_orders import next_name, of_role
from domain.orders.order import Order
from domain.values import EXACT, ZERO, Leg, Side, Status, plain, rounded, total_of

_BESIDE: Final = "the rest in the cycle that left it as dust, or adopt it as a cycle of its own when this one is closed"


def request_exit(decision: Decision, command: o.RequestExit) -> CommandResult | None:
    """Claim the closing order before it is sent; the ledger says its side, quantity and client order id.

    Shape:   status unchanged, one ExitRequested. The same intent (or, without intents, the same quantity) gets the same
             answer again, whatever its reason; an intent to close a part also after its order has ended, unless nothing
             of that was filled, and any intent once the cycle is over.
    Refuses: ExitAlreadyRequested, naming the winner, while another order closes the quantity; NothingToClose;
             ReduceExceedsPosition; WrongStatus during a rollback.
    """
    row, held = decision.needs_cycle(), decision.state.holding.quantity
    if not row.status.is_open and not held and command.intent_id is not None:
        answer = decision.promised(f"exit {command.intent_id}")
        if answer is not None:
            return answer
    row = decision.needs_holding()
    if row.status is Status.ROLLING_BACK:
        raise decision.refused(WrongStatus, "is rolling_back: its own closing order is on its way")
    wanted = held if command.quantity is None else command.quantity
    asked = row.orders.unsettled("exit")
    under_way = [order for order in asked if order.is_live and order.client_order_id is not None and order.room]
    if answer := _first_answer(decision, command, under_way, wanted):
        return answer
    _needs_room(decision, command, under_way, wanted)
    name = next_name(row.orders, "exit")
    decision.record(
        e.ExitRequested(
            **decision.envelope(),
            order=name,
            close_side=row.side.closing_order,
            close_quantity=wanted,
            client_order_id=client_order_id(row.position_id, name, command.intent_id or row.intent_id),
            reason=command.reason,
            intent_id=command.intent_id,
            late=not row.status.is_open,
        )
    )
    return None


def _first_answer(
    decision: Decision, command: o.RequestExit, under_way: list[Order], wanted: Decimal
) -> CommandResult | None:
    """The answer that the same request got before; None for a new one."""
    for order in under_way:
        answer = decision.promised(order.name)
        if answer is not None and _is_asked_again(decision, command, order, wanted):
            return answer
    done = None if command.quantity is None else _closed_for(decision, command.intent_id)
    return None if done is None else decision.promised(done.name)


def _needs_room(decision: Decision, command: o.RequestExit, under_way: list[Order], wanted: Decimal) -> None:
    """Check that so much is held, and that no order is under way that closes it.

    Refuses: NothingToClose; ExitAlreadyRequested; ReduceExceedsPosition.
    """
    held = decision.state.holding.quantity
    if not held:
        raise decision.refused(NothingToClose, "holds nothing that could be closed")
    promised = total_of(order.room for order in under_way if order.room is not None)
    has_own_intent = command.intent_id is not None and f"exit {command.intent_id}" not in decision.state.promises
    if under_way and not (has_own_intent and EXACT.add(wanted, promised) <= held):
        winner = under_way[-1]
        raise decision.refused(
            ExitAlreadyRequested,
            f"is being closed already: {plain(winner.room or ZERO)} of {plain(held)} by {winner.name}, client order id "
            f"{winner.client_order_id}. Send no order; say end_order when that one was canceled",
            client_order_id=winner.client_order_id,
            order=winner.name,
        )
    if wanted > held:
        raise decision.refused(
            ReduceExceedsPosition,
            f"holds {plain(held)}, less than the {plain(wanted)} to be closed; ask for at most that",
        )


def _closed_for(decision: Decision, intent_id: str | None) -> Order | None:
    """The order with which an intent closed its part, or some of it; the same intent again closes no more."""
    promises = decision.state.promises
    asked = None if intent_id is None else promises.get(f"exit {intent_id}")
    if asked is None:
        return None
    exits = of_role(decision.state.orders, "exit")
    return next((order for order in exits if order.filled_qty and promises.get(order.name) == asked), None)


def _is_asked_again(decision: Decision, command: o.RequestExit, order: Order, wanted: Decimal) -> bool:
    promises = decision.state.promises
    if command.intent_id is not None:
        return promises.get(f"exit {command.intent_id}") == promises.get(order.name)
    has_intent = any(promises[name] == promises[order.name] for name in promises if name.startswith("exit "))
    return not has_intent and order.requested_qty in (command.quantity, wanted)


def reduce(decision: Decision, command: c.Reduce) -> CommandResult | None:
    """Record one exit fill, and the profit that it realises.

    Shape:   status unchanged; at zero the cycle waits for `close` (or `roll_back`) to say why it ended. On a cycle that
             is over it explains what was closed without a fill, closes a stray, or sells the dust that was left. With
             `flip`, what exceeds the position opens the other side, in one append; that also ends a rollback, with the
             fill as evidence.
    Refuses: ExitBeforeEntry, NothingToClose, ReduceExceedsPosition; for a known `trade_id` of the order nothing is
             recorded.
    """
    row = decision.needs_cycle()
    if fill := fill_on_record(decision, command, is_exit=True):
        return known_fill(decision, command, fill)
    state, held, terms = decision.state, decision.state.holding, row.terms
    decision.needs_price("last_px", command.last_px, terms)
    order = exit_of_fill(decision, command)
    same = None if order is None else state.fills.get((True, command.trade_id), {}).get(order.name)
    if same is not None:
        return known_fill(decision, command, same)
    brought = terms.worth(command.last_qty, command.last_px)
    before = order or state.exits.unnamed
    after = before.with_fill(command.last_qty, brought)
    closes = EXACT.subtract(after.filled_qty, before.filled_qty)
    count, dust = exit_count(decision, order, closes), ZERO
    turns = command.flip and bool(held.filled_qty) and closes > held.quantity and not decision.is_adjusted_for(order)
    if turns and (count is None or held.quantity or count.gone):
        if not row.status.is_open and decision.was_answered:
            return decision.no_news()  # it opened the other side alone, so that it is on record there
        _flip(decision, command, order, ZERO if row.status.is_open else state.untold)
        return None
    if count is None:
        dust = _dust_sold(decision, row, closes)
        count = ExitCount(gone=closes, gone_cost=part_of(state.exits.dust_cost, closes, dust))
    elif count.gone:
        _needs_entered(decision, count.gone)
    elif count.closed:
        row = decision.needs_holding()
    reduced = decision.as_turned(exited(state, held, before, after, count), is_entry=False)
    reduced = decision.with_fee(reduced, command.fee, command.fee_currency, terms)
    reduced = _without_said_fee(decision, command, reduced, count.explained)
    left = EXACT.subtract(dust, closes) if dust else None
    _record_reduced(decision, command, order, reduced, last_qty=command.last_qty, fee=command.fee, residual_qty=left)
    return None


def _record_reduced(
    decision: Decision,
    command: c.Reduce,
    order: Order | None,
    after: Holding,
    *,
    last_qty: Decimal,
    fee: Decimal | None,
    residual_qty: Decimal | None = None,
) -> None:
    """Record an exit fill, or the part of it that closed what was held."""
    decision.record(
        e.PositionReduced(
            **decision.envelope(),
            trade_id=command.trade_id,
            last_qty=last_qty,
            last_px=command.last_px,
            fee=fee,
            fee_currency=command.fee_currency,
            pnl=after.gained_since(decision.state.holding),
            holding=after,
            order=None if order is None else order.name,
            exchange_order_id=command.exchange_order_id,
            reason=command.reason,
            late=not decision.needs_cycle().status.is_open,
            residual_qty=residual_qty,
        )
    )


def _without_said_fee(decision: Decision, command: c.Reduce, held: Holding, told: Decimal) -> Holding:
    """The totals without the part of the fee that the end of the cycle stated, which the fee of the fill replaces."""
    if command.fee is None or not told:
        return held
    currency = decision.state.other_currency(command.fee_currency)
    return held.with_fee(EXACT.minus(decision.state.exits.fees.share(currency, told)), currency)


def _dust_sold(decision: Decision, row: PositionRow, closes: Decimal) -> Decimal:
    """The dust of a cycle that is over, a part of which is sold by a fill of more than is held.

    Refuses: the fill, if there is less dust.
    """
    if row.status.is_open or decision.state.holding.quantity:
        raise _exceeds(decision, decision.needs_holding(), closes)
    if closes > row.residual_qty:
        raise _never_held(decision, row, closes)
    return row.residual_qty


def _needs_entered(decision: Decision, closed: Decimal) -> None:
    """Refuse an exit fill from before an adjustment, by which more would have been closed than was ever held."""
    state = decision.state
    entered = state.entered_at_most
    if EXACT.add(state.holding.closed_qty, closed) > entered:
        raise decision.refused(
            ReduceExceedsPosition,
            f"never held more than {plain(entered)}, of which {plain(state.holding.closed_qty)} are closed: less than "
            f"the {plain(closed)} that are to be closed; if more was entered, send its fills first (record_entry_fill)",
        )


def _never_held(decision: Decision, row: PositionRow, closes: Decimal) -> Exception:
    """The refusal of an exit fill of a cycle that is over, beyond what it closed without a fill.

    Refuses: StaleCycle if there is a later cycle, to which the fill may belong, or which a fill of this one opened.
    """
    closed, left = decision.state.holding.closed_qty, decision.state.untold
    if left:
        return decision.refused(
            PositionNotOpen,
            f"is {row.status.value}; of the {plain(closed)} that it closed {plain(left)} are not told by fills yet, "
            f"less than the {plain(closes)} to be closed. Split it: reduce {plain(left)} here, and the rest in its own "
            "cycle",
        )
    entries = [order for order in of_role(row.orders, "entry") if order.has_room_for(closes)]
    if row.status in (Status.FAILED, Status.CANCELED) and entries:
        return decision.refused(
            ExitBeforeEntry,
            f"is {row.status.value} and holds nothing by the fills on record, and {plain(closes)} was closed; if its "
            f"entry was filled too late, send it again after those fills: {listed(entries)}",
        )
    if row.cycle == decision.state.last_cycle and closed:
        return decision.refused(
            PositionNotOpen,
            f"is {row.status.value}, and all of the {plain(closed)} that it closed is told by fills: {plain(closes)} "
            "more is of another cycle, or opened the other side (adopt that), or one of those fills is not as it is on "
            "record (correct_fill)",
        )
    if any(is_exit for is_exit, _ in decision.state.fills):
        return decision.refused(
            StaleCycle,
            f"is over, and all of the {plain(closed)} that it closed is told by fills; the current cycle is "
            f"#{decision.state.last_cycle}. If one of those fills turned the position, it closed {plain(closes)} less "
            "here, and opened as much more: say so with correct_fill in both cycles, then send this again. If not, it "
            "is of another cycle, or one of those fills closed less than is on record (correct_fill it here)",
        )
    decision.needs_open()
    raise AssertionError("it is over")


def _exceeds(decision: Decision, row: PositionRow, closes: Decimal) -> Exception:
    held = decision.state.holding.quantity
    missing = EXACT.subtract(closes, held)
    waiting = [order for order in row.orders.live("entry") if row.status.is_open and order.room is not None]
    if any(order.room is not None and order.room >= missing for order in waiting):
        return decision.refused(
            ExitBeforeEntry,
            f"holds {plain(held)} by the fills on record, and {plain(closes)} was closed; send it again after the "
            f"fills of its entry: {listed(waiting)}",
        )
    if not held:
        turns = decision.key.leg is Leg.BOTH and decision.state.holding.filled_qty
        untold = [order for order in row.orders.unsettled() if order.traded_qty < order.stated_qty]
        counted = listed(order for order in untold if order.role != "entry")
        return decision.refused(
            NothingToClose,
            "holds nothing that could be reduced"
            + (
                f"; if it is a fill of {counted}, of which a total has counted it, send it by that id"
                if counted
                else ""
            )
            + ("; if that opened the other side at the exchange, send it with flip: true" if turns else ""),
        )
    if decision.key.leg is Leg.SPOT:
        return decision.refused(
            ReduceExceedsPosition,
            f"holds {plain(held)}, less than the {plain(closes)} to be closed: {plain(missing)} were held beside it. "
            f"Reduce the {plain(held)} here, and {_BESIDE}",
        )
    if row.stray:
        return decision.refused(
            ReduceExceedsPosition,
            f"is over and holds {plain(held)}, less than the {plain(closes)} to be closed. Split it: reduce the "
            f"{plain(held)} that are held here, and the {plain(missing)} that are left in the cycle that is open",
        )
    if told := decision.state.untold:
        return decision.refused(
            ReduceExceedsPosition,
            f"holds {plain(held)}, and {plain(told)} of what it closed are not told by fills yet: less than the "
            f"{plain(closes)} to be closed. Split it: reduce {plain(told)} with the time at which that was closed, and "
            f"then {plain(held)}",
        )
    return decision.refused(
        ReduceExceedsPosition,
        f"holds {plain(held)}, less than the {plain(closes)} to be closed. Either split it: reduce the {plain(held)} "
        f"that are held, close, and open the other side with the {plain(missing)} that are left (adopt, or "
        "request_entry before they are sent); or send it with flip: true, which does that in one append",
    )


def _flip(decision: Decision, command: c.Reduce, order: Order | None, told: Decimal) -> None:
    """Close what is held with a part of the fill, and open the other side with the rest.

    Shape:   of a cycle that is over the part also explains what was closed without a fill (`told`). If another cycle
             came after it, the rest belongs to that one, and opens nothing.
    Refuses: PositionNotOpen if nothing is held or unexplained.
    """
    state, held = decision.state, decision.state.holding
    closes = EXACT.add(held.quantity, told)
    row = decision.needs_cycle() if closes else decision.needs_open()
    if decision.key.leg is not Leg.BOTH:
        raise InvalidCommand(
            f"{command.verb}: flip: leg {decision.key.leg} holds one side only; reduce the {plain(held.quantity)} that "
            f"are held, and {_BESIDE if decision.key.leg is Leg.SPOT else 'record the rest on the other leg'}",
            command=command.verb,
        )
    is_last = row.cycle == state.last_cycle
    currency = state.other_currency(command.fee_currency)
    share = command.fee
    if share is not None and is_last:
        share = rounded(EXACT.divide(EXACT.multiply(share, closes), command.last_qty))
    closed = held
    if closes:
        before = order or state.exits.unnamed
        after = before.with_fill(closes, row.terms.worth(closes, command.last_px))
        closed = exited(state, held, before, after, ExitCount(explained=told).closing(held.quantity, held))
        closed = closed.with_fee(share, currency)
        closed = _without_said_fee(decision, command, closed, told)
        _record_reduced(decision, command, order, closed, last_qty=closes, fee=share)
    if row.status is Status.ROLLING_BACK:
        proof = c.Evidence(
            closing_order_id=command.exchange_order_id, note=f"trade {command.trade_id} closed it, and opened the rest"
        )
        decision.record(
            e.RolledBack(**decision.envelope(), reason=command.reason or "flip", evidence=proof, holding=closed)
        )
    elif row.status.is_open:
        record_closed(decision, command.reason or "flip", closed, row)
    if is_last:
        left = None if command.fee is None or share is None else EXACT.subtract(command.fee, share)
        _adopt_rest(decision, command, row, EXACT.subtract(command.last_qty, closes), left)


def _adopt_rest(decision: Decision, command: c.Reduce, row: PositionRow, rest: Decimal, fee: Decimal | None) -> None:
    terms = decision.opening_terms
    held = Holding().stated(rest, command.last_px, terms or row.terms)
    decision.record(
        e.PositionAdopted(
            **decision.envelope(decision.state.last_cycle + 1),
            side=Side.SHORT if row.side is Side.LONG else Side.LONG,
            reason=f"the rest of trade {command.trade_id}, which closed {row.position_id}",
            holding=held.with_fee(fee, decision.state.other_currency(command.fee_currency)),
            terms=terms,
            protection=row.protection,
            trade_id=command.trade_id,
        )
    )
