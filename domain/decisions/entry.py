"""Deciding about entries: request, acknowledgement, fills and failure."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from domain import events as e
from domain.aggregate.command_result import CommandResult
from domain.aggregate.row import PositionRow
from domain.alteration import altered
from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.decisions.adjustment import absorbed_of, entered_by_total, is_counted_in_adjustment, known_after
from domain.decisions.counting import EntryCount, refilled
from domain.decisions.decision import Decision, already_open
from domain.decisions.fills import OrderTotal, fill_on_record, known_fill
from domain.decisions.lookup import Meant, as_one, by_id, entry_of_fill, listed, named, of_client
from domain.decisions.protection import needs_right_side
from domain.errors import EntryAlreadyPlaced, EntryHasFills, OrderAmbiguous, PositionNotOpen, StaleEvidence, WrongStatus
from domain.holding import Holding
from domain.identifiers import client_order_id
from domain.instrument import LINEAR
from domain.orders.cycle_orders import Orders, next_name
from domain.orders.order import Order, may_be_by
from domain.values import EXACT, ZERO, Source, Status, plain


def request_entry(decision: Decision, command: c.RequestEntry) -> CommandResult | None:
    """Claim the slot for one intent, before any order is sent.

    Shape:   flat -> pending_entry, one EntryRequested, cycle + 1.
    Units:   quantity in base asset (or contracts), prices in quote asset per unit of base; exact, never rounded.
    Refuses: PositionAlreadyOpen unless flat; IdempotencyMismatch for an intent that increased the last cycle;
             WrongSideStop for a planned stop; nothing is recorded.
    Source:  the bot's intent; `at` is its clock, not ours.
    """
    state = decision.state
    if answer := decision.needs_free_slot():
        return answer
    if state.side is command.side and (answer := decision.promised(f"entry {command.intent_id}")):
        return decision.same(answer, f"intent_id {command.intent_id}")
    terms = decision.opening_terms
    decision.needs_price("signal_price", command.signal_price, terms)
    decision.needs_price("stop_price", command.stop_price, terms)
    if command.stop_price is not None:
        needs_right_side(command.side, command.stop_price, command.signal_price, "signal price")
    cycle = state.last_cycle + 1
    decision.record(
        e.EntryRequested(
            **decision.envelope(cycle),
            side=command.side,
            quantity=command.quantity,
            signal_price=command.signal_price,
            stop_loss_percent=command.stop_loss_percent,
            stop_price=command.stop_price,
            intent_id=command.intent_id,
            client_order_id=client_order_id(f"{state.stream}#{cycle}", "entry", command.intent_id),
            cost=command.cost,
            terms=terms,
            protection=command.protection,
        )
    )
    return None


def request_increase(decision: Decision, command: o.RequestIncrease) -> CommandResult | None:
    """Claim another entry order of an open cycle, before it is sent.

    Shape:   status unchanged, one IncreaseRequested. The same intent again gets its first answer, also once the cycle
             is over.
    Refuses: WrongStatus while rolling back, while an order closes all of it, or once all of it was closed.
    """
    decision.needs_cycle()
    if answer := decision.promised(f"entry {command.intent_id}"):
        return decision.same(answer, f"intent_id {command.intent_id}")
    row = decision.needs_open()
    if row.status is Status.ROLLING_BACK:
        raise decision.refused(WrongStatus, "is rolling_back: its entry is being undone, so nothing is added to it")
    held, closed = decision.state.holding.quantity, decision.state.holding.closed_qty
    if closed and not held:
        raise decision.refused(
            WrongStatus,
            f"holds nothing any more, for the {plain(closed)} that it held are closed, so nothing is added to it: "
            "close it, and request_entry for what is to be opened anew",
        )
    for order in row.orders.unsettled("exit") if held else ():
        if order.is_live and order.client_order_id is not None and order.room is not None and order.room >= held:
            raise decision.refused(
                WrongStatus,
                f"is being closed by {listed([order])}: nothing is added to it; end_order if it was canceled",
            )
    decision.needs_price("signal_price", command.signal_price, row.terms)
    name = next_name(row.orders, "entry")
    decision.record(
        e.IncreaseRequested(
            **decision.envelope(),
            order=name,
            quantity=command.quantity,
            signal_price=command.signal_price,
            intent_id=command.intent_id,
            client_order_id=client_order_id(row.position_id, name, command.intent_id),
            cost=command.cost,
        )
    )
    return None


def record_entry_placed(decision: Decision, command: c.RecordEntryPlaced) -> CommandResult | None:
    """Record that the exchange acknowledged an entry order; by key, open the cycle after the fact.

    Shape:   pending_entry -> entry_placed; flat -> entry_placed, cycle + 1. By key with the intent or the order of
             the open entry, that entry is meant. A filled quantity opens a cycle again that is over, as a late fill
             does.
    Refuses: EntryAlreadyPlaced if another order is on record; for the same order again nothing is recorded.
             OrderAmbiguous if several entry orders wait for their acknowledgement.
    Source:  the exchange's acknowledgement. `filled_qty` is the filled total of this order until then.
    """
    state = decision.state
    if command.position_id is not None:
        row = decision.needs_cycle() if command.filled_qty else decision.needs_open()
    elif state.row is not None and _is_asked_again(state.row, command):
        row = state.row
    else:
        return _open_after_the_fact(decision, command)
    decision.needs_price("avg_px", command.avg_px, row.terms)
    before, same_as = _placed_order(decision, command)
    known = state.order_ids.name_of(command.exchange_order_id, closes=False)
    if before.exchange_order_id is not None and (known is None or known not in (before.name, same_as)):
        raise decision.refused(
            EntryAlreadyPlaced,
            f"was placed as order {before.exchange_order_id}; order {command.exchange_order_id} is a second entry: "
            "cancel or close it at the exchange, or say replace_order if the exchange replaced the first one by it",
        )
    after, stated, avg_px = OrderTotal.of(decision, before, command, row.terms)
    held, absorbed = entered_by_total(decision, before, after, same_as)
    is_as_known = held == state.holding and after.worth == before.worth and not absorbed and same_as is None
    if before.exchange_order_id is not None and is_as_known and not row.outcome_unknown:
        return decision.no_news()
    decision.record(
        e.EntryPlaced(
            **decision.envelope(),
            exchange_order_id=before.exchange_order_id or command.exchange_order_id,
            filled_qty=stated,
            avg_px=avg_px,
            holding=held,
            order=before.name,
            absorbed_qty=absorbed,
            late=not row.status.is_open,
            reopens=decision.takes_slot_back(held),
            same_as=same_as,
        )
    )
    return None


def _placed_order(decision: Decision, command: c.RecordEntryPlaced) -> tuple[Order, str | None]:
    """The entry order that is acknowledged, and the name under which its fills were recorded before."""
    orders = decision.state.orders
    known = named(decision, command.exchange_order_id, command.client_order_id, closes=False)
    ours = of_client(decision, command.client_order_id) or _of_intent(decision, command.intent_id)
    if known is not None and known.role == "entry":
        return as_one(known, ours)
    return ours or _waiting(decision, orders), None


def _of_intent(decision: Decision, intent_id: str | None) -> Order | None:
    """The entry order that an intent claimed."""
    row, orders = decision.state.row, decision.state.orders
    if intent_id is None or row is None:
        return None
    if intent_id == row.intent_id and "entry" in orders:
        return orders["entry"]
    promise = decision.promised(f"entry {intent_id}")
    return None if promise is None else of_client(decision, promise.client_order_id)


def _waiting(decision: Decision, orders: Orders) -> Order:
    """The one entry order without an acknowledgement; the first entry order if there is none."""
    entries = orders.unsettled("entry")
    waiting = [order for order in entries if order.is_live and order.exchange_order_id is None]
    if len(waiting) > 1:
        raise decision.refused(
            OrderAmbiguous,
            f"has several entry orders that wait for their acknowledgement: {listed(waiting)}; send client_order_id "
            "(or intent_id) with it",
        )
    if waiting:
        return waiting[0]
    return orders.get("entry") or Order(name="entry", opened_at=decision.context.ts_event)


def _is_asked_again(row: PositionRow, command: c.RecordEntryPlaced) -> bool:
    """Whether a command by key is about the open entry: the same intent, or the same order."""
    if not row.status.is_open or row.side is not command.side:
        return False
    return row.exchange_order_id == command.exchange_order_id or (
        command.intent_id is not None and row.intent_id == command.intent_id
    )


def _open_after_the_fact(decision: Decision, command: c.RecordEntryPlaced) -> CommandResult | None:
    state, terms = decision.state, decision.opening_terms
    if answer := decision.needs_free_slot() or _known_order(decision, command):
        return answer
    assert command.side is not None, "checked when the command was made"
    decision.needs_price("avg_px", command.avg_px, terms)
    decision.needs_price("signal_price", command.signal_price, terms)
    cycle = state.last_cycle + 1
    before = after = Order(name="entry")
    if command.filled_qty is not None:
        worth = None if command.avg_px is None else (terms or LINEAR).worth(command.filled_qty, command.avg_px)
        after = before.with_statement(command.filled_qty, worth, decision.said_at)
    decision.record(
        e.EntryPlaced(
            **decision.envelope(cycle),
            exchange_order_id=command.exchange_order_id,
            filled_qty=command.filled_qty,
            avg_px=command.avg_px,
            holding=EntryCount(before, after, Holding(), command.side, terms or LINEAR).by_statement(),
            side=command.side,
            quantity=command.quantity or command.filled_qty,
            signal_price=command.signal_price,
            intent_id=command.intent_id,
            client_order_id=client_order_id(f"{state.stream}#{cycle}", "entry", command.intent_id),
            terms=terms,
        )
    )
    return None


def _known_order(decision: Decision, command: c.RecordEntryPlaced) -> CommandResult | None:
    """The answer to an order of the cycle that is over, which opens no other cycle; None for any other order."""
    state, row = decision.state, decision.state.row
    if row is None:
        return None
    is_first = row.exchange_order_id == command.exchange_order_id
    order = state.orders.get("entry") if is_first else by_id(decision, command.exchange_order_id, closes=False)
    if order is None or order.role != "entry":
        return None
    first = next(iter(state.answers.values()))
    if first.request == command.digest:
        return first
    filled = max(order.filled_qty, state.holding.filled_qty) if is_first else order.filled_qty
    if row.side is command.side and (command.filled_qty or ZERO) <= filled:
        return decision.no_news()
    raise decision.refused(
        PositionNotOpen,
        f"was entered by order {command.exchange_order_id} and is {row.status}, with {plain(filled)} filled; what else "
        "that order filled is recorded by record_entry_fill",
    )


def record_entry_fill(decision: Decision, command: c.RecordEntryFill) -> CommandResult | None:
    """Record one fill of an entry order.

    Shape:   status unchanged. On a cycle that is over it is recorded as late, never refused: the cycle takes its slot
             back if the stream is flat, and is a stray beside another cycle otherwise.
    Units:   `last_qty` in base asset (or contracts), `last_px` in quote asset; the fee in its own currency.
    Refuses: IdempotencyMismatch for a known `trade_id` of the order with other content; with the same content nothing
             is recorded. OrderAmbiguous for a fill that names no order and may belong to several.
    Source:  the exchange's trade stream. A fill from before the last adjustment was counted by that.
    """
    row = decision.needs_cycle()
    terms = row.terms
    if fill := fill_on_record(decision, command, is_exit=False):
        return known_fill(decision, command, fill)
    decision.needs_price("last_px", command.last_px, terms)
    meant = entry_of_fill(decision, command.last_qty, command.exchange_order_id, command.client_order_id)
    if same := decision.state.fills.get((False, command.trade_id), {}).get(meant.order.name):
        return known_fill(decision, command, same)
    worth = terms.worth(command.last_qty, command.last_px)
    is_news = not meant.is_named and meant.order.is_news(command.at)
    after = meant.order.with_fill(command.last_qty, worth, is_news=is_news)
    is_seen = is_counted_in_adjustment(decision, meant.order)
    absorbed = EXACT.subtract(after.filled_qty, meant.order.filled_qty)
    if not is_seen:
        absorbed = _absorbed_fill(decision, meant, after)
    count = EntryCount.of(decision.state, meant.order, after, absorbed=absorbed, is_seen=is_seen, at=decision.said_at)
    if is_seen:
        hidden = EXACT.subtract(command.last_qty, count.grown)
        count = altered(count, withdrawn=decision.state.withdrawn_by(meant.order.name, hidden))
    held = decision.as_turned(refilled(decision.state, count, command.last_qty, worth), is_entry=True)
    is_of_total = command.at is None and not count.added and decision.state.may_have_paid(after)
    is_seen_fee = is_seen or count.is_gone or is_of_total
    if command.fee is not None and is_seen_fee and decision.pays_in_kind(command.fee, command.fee_currency):
        held = held.with_fee_gone(row.side, command.fee, command.last_px, terms)
        held = altered(count, since=count.since.paying(command.fee)).settled(held)
    else:
        held = decision.with_fee(held, command.fee, command.fee_currency, terms)
    decision.record(
        e.EntryFilled(
            **decision.envelope(),
            trade_id=command.trade_id,
            last_qty=command.last_qty,
            last_px=command.last_px,
            fee=command.fee,
            fee_currency=command.fee_currency,
            holding=held,
            late=not row.status.is_open,
            order=meant.order.name,
            exchange_order_id=command.exchange_order_id,
            is_news=is_news,
            absorbed_qty=absorbed,
            is_seen=is_seen,
            reopens=decision.takes_slot_back(held),
            withdrawn_qty=count.withdrawn,
        )
    )
    return None


def _absorbed_fill(decision: Decision, meant: Meant, after: Order) -> Decimal:
    """The part of a fill that an adjustment has counted; of a fill with a time, or of a new order, what exits told."""
    at = decision.command.at
    if at is not None or (meant.is_named and meant.is_new):
        return min(EXACT.subtract(after.filled_qty, meant.order.filled_qty), decision.state.unheard(at))
    return absorbed_of(decision, meant.order, after)


def record_entry_unknown(decision: Decision, command: c.RecordEntryUnknown) -> CommandResult | None:
    """Record that it is not known whether the entry reached the exchange; the slot stays taken until it is.

    Shape:   status unchanged, flagged; nothing if the exchange has acknowledged or filled it since.
    Refuses: WrongStatus once the entry is protected, active or rolling back.
    """
    row = decision.needs_open()
    if row.status not in (Status.PENDING_ENTRY, Status.ENTRY_PLACED):
        raise decision.refused(WrongStatus, f"is {row.status}: the outcome of its entry is known")
    is_known = not row.outcome_unknown and (row.exchange_order_id is not None or bool(row.filled_qty))
    if is_known and command.at is not None and not may_be_by(row.updated_at, decision.context.ts_event):
        return decision.no_news()
    decision.record(e.EntryOutcomeUnknown(**decision.envelope(), reason=command.reason))
    return None


def fail_entry(decision: Decision, command: c.FailEntry) -> None:
    """End a cycle whose entry failed with nothing filled, which frees the slot.

    Shape:   -> failed, or canceled. Refuses: EntryHasFills, WrongStatus.
    """
    row = decision.needs_open()
    filled = decision.state.holding.filled_qty
    if filled:
        raise decision.refused(
            EntryHasFills,
            f"has {plain(filled)} filled, so the entry did not fail: end_order says that nothing more is filled of it; "
            "then protect it, or roll it back",
        )
    if row.status not in (Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL):
        raise decision.refused(WrongStatus, f"is {row.status}: its entry did not fail")
    decision.record(
        e.EntryFailed(**decision.envelope(), outcome=command.outcome, reason=command.reason, code=command.code)
    )


def adopt(decision: Decision, command: c.Adopt) -> CommandResult | None:
    """Take over a position of the exchange that no cycle explains; it is active, and not protected yet.

    Shape:   flat -> active, cycle + 1.
    Refuses: PositionAlreadyOpen; adjust the open cycle instead. StaleEvidence for what was held before the last cycle
             ended, or before one opened that held nothing and was not the first; unless the same was adopted then. What
             a table says, an import records whatever its clock said.
    """
    decision.needs_free_slot()
    if later := _later_than_adopted(decision, command):
        if decision.was_answered:
            return decision.no_news()
        raise decision.refused(
            StaleEvidence,
            f"is over, and has on record what is later than this sighting: {', '.join(later)}. Look again, and adopt "
            "what is held now, with the time at which the exchange said so",
        )
    terms = decision.opening_terms
    decision.needs_price("avg_px_open", command.avg_px_open, terms)
    decision.record(
        e.PositionAdopted(
            **decision.envelope(decision.state.last_cycle + 1),
            side=command.side,
            reason=command.reason,
            holding=Holding().stated(command.quantity, command.avg_px_open, terms or LINEAR),
            terms=terms,
            protection=command.protection,
        )
    )
    return None


def _later_than_adopted(decision: Decision, command: c.Adopt) -> list[str]:
    """What is on record of the last cycle that is later than what is to be adopted.

    If that cycle held nothing, its order may be what was seen, as soon as it had opened.
    """
    if decision.state.row is None or command.at is None or command.source is Source.IMPORT:
        return []
    return known_after(decision, within=timedelta())


def import_position(decision: Decision, command: c.ImportPosition) -> None:
    """Import one row of the legacy table, unchanged.

    Shape: a cycle of any status. Refuses: PositionAlreadyOpen for a second open row of one key.
    """
    state = decision.state
    if command.status.is_open and state.row is not None and state.is_open:
        raise already_open(state.row, decision.context.ts_event, command)
    held = Holding()
    if command.status is Status.CLOSED or (command.status.is_open and command.status is not Status.PENDING_ENTRY):
        held = held.stated(command.quantity, command.avg_px_open, LINEAR)
    if command.status is Status.CLOSED:
        closed = held.with_exit(command.side, held.quantity, None, LINEAR)
        held = altered(closed, realized_pnl=command.realized_pnl)
    decision.record(
        e.PositionImported(
            **decision.envelope(state.last_cycle + 1),
            status=command.status,
            side=command.side,
            quantity=command.quantity,
            avg_px_open=command.avg_px_open,
            stop_price=command.stop_price,
            stop_confirmed=command.stop_confirmed,
            exit_reason=command.exit_reason,
            exchange_order_id=command.exchange_order_id,
            intent_id=command.intent_id,
            claims_intent=command.claims_intent,
            legacy_id=command.legacy_id,
            closed_at=command.closed_at,
            findings=command.findings,
            row=command.row,
            beside=state.is_open,
            holding=held,
            terms=None if state.is_open else state.instrument,
        )
    )
