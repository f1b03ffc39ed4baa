"""One event as one sentence for people."""

from __future__ import annotations

from decimal import Decimal

from domain import events as e
from domain.commands.requests import Evidence
from domain.values import AHEAD_MAX, Side, Source, money, plain
from projections.audit.anomalies import adjustment, stop_before
from projections.audit.money_text import dust, earned
from projections.audit.order_text import asked_for, came_late, order_id, order_text
from projections.exposure import BY_CHOICE, is_by_choice
from projections.formatting import (
    WHO,
    average,
    changed,
    date_and_time,
    length,
    number,
    percent,
    quoted,
    ratio,
    sentence,
)
from projections.positions import PositionRow, requested_in_all
from projections.timeline import Moment, RefusedRival, UnprotectedSpan, closing_price


def told_as(moment: Moment, gap: UnprotectedSpan | None) -> str:
    """The sentence for an event, and its effect on protection; `gap` is the gap that began with it, if one did."""
    words = _words(moment)
    return sentence(words) + _by_hand(moment.event, words) + _protection(moment, gap)


def _words(moment: Moment) -> str:
    event, row = moment.event, moment.row
    who = WHO[event.source]
    match event:
        case e.EntryRequested():
            return (
                f"{who} wants to open: intent {event.intent_id}, {event.side} "
                f"{asked_for(event.quantity, event.cost, row)}{_signal(event.signal_price)}{_plan(event)}. The slot is "
                f"its own from here on; the entry order is {event.client_order_id}."
            )
        case e.EntryPlaced():
            opened = f", {event.side} {number(event.quantity)}: it opens the cycle" if event.side else ""
            which = "the entry" if event.order == "entry" else event.order
            return f"the exchange acknowledges {which} as order {event.exchange_order_id}{opened}{_stated(event)}."
        case e.EntryFilled():
            return (
                f"{plain(event.last_qty)} filled at {plain(event.last_px)} ({_fill(event)})"
                f"{_fee(event, row)}{came_late(event)}; {_entered(moment)}."
            )
        case e.EntryOutcomeUnknown():
            return f"{who} does not know the outcome of the entry: {quoted(event.reason)}. The slot stays taken."
        case e.EntryFailed():
            code = f" ({event.code})" if event.code else ""
            return f"the entry is {event.outcome}{code}: {quoted(event.reason)}. Nothing was filled; the slot is free."
        case e.StopLossSet():
            return _stop(moment, event)
        case e.StopLossLost():
            return f"the stop at {_lost_price(moment, event)} is gone: {quoted(event.reason)}."
        case e.Activated():
            cover = f"{BY_CHOICE}, for its bot keeps the stop" if is_by_choice(row) else "covered by a confirmed stop"
            return f"the position is active: filled, and {cover}."
        case e.PositionReduced():
            profit = "" if event.pnl is None else f", profit {money(event.pnl, row.settle_currency)}"
            why = "" if event.reason is None else f", by {quoted(event.reason)}"
            late = ", which was learned after the cycle was over" if event.late else ""
            return (
                f"{plain(event.last_qty)} closed at {plain(event.last_px)} ({_fill(event)}){why}{profit}"
                f"{_fee(event, row)}{late}; {plain(row.quantity)} left."
            )
        case e.PositionAdjusted():
            return f"{who} has word from the exchange; {adjustment(event)}."
        case e.PositionAdopted():
            held = event.holding
            if event.trade_id is not None:
                return (
                    f"the rest of fill {event.trade_id} turns the position: {event.side} {plain(held.quantity)} at "
                    f"{average(held.avg_px_open)}, {quoted(event.reason)}."
                )
            return (
                f"{who} finds {event.side} {plain(held.quantity)} at {average(held.avg_px_open)} at the exchange, "
                f"which no cycle explains, and adopts it: {quoted(event.reason)}."
            )
        case e.PositionImported():
            return _imported(event)
        case e.RollbackStarted():
            return (
                f"{who} undoes the entry: {quoted(event.reason)}. The closing order is {event.client_order_id}: "
                f"{event.close_side} {plain(event.close_quantity)}, reduce-only."
            )
        case e.RolledBack():
            return f"rolled back and flat; the proof is {_proof(event.evidence)}{_earned(moment)}."
        case e.RollbackFailed():
            left = plain(event.residual_qty)
            return f"the rollback failed: {quoted(event.reason)}. {left} is left at the exchange."
        case e.PositionClosed():
            return _closed(moment, event)
    return order_text(event, row)


def _signal(price: Decimal | None) -> str:
    return "" if price is None else f", having seen a price of {plain(price)}"


def _plan(event: e.EntryRequested) -> str:
    keeper = ", which the bot keeps itself" if event.protection == "bot" else ""
    if event.stop_price is not None:
        return f", stop planned at {plain(event.stop_price)}{keeper}"
    if event.stop_loss_percent is not None:
        return f", stop planned {plain(event.stop_loss_percent)} % away{keeper}"
    return f", {BY_CHOICE}: the bot keeps its stop itself" if keeper else ""


def _stated(event: e.EntryPlaced) -> str:
    if event.filled_qty is None:
        return ""
    if not event.filled_qty:
        return ", nothing filled yet"
    return f", {plain(event.filled_qty)} filled at {number(event.avg_px)} on average{came_late(event)}"


def _fill(event: e.EntryFilled | e.PositionReduced) -> str:
    of = "" if event.order in (None, "entry") else f" of {event.order}"
    return f"fill {event.trade_id}{of}"


def _fee(event: e.EntryFilled | e.PositionReduced, row: PositionRow) -> str:
    return "" if event.fee is None else f", fee {money(event.fee, event.fee_currency or row.settle_currency)}"


def _entered(moment: Moment) -> str:
    """What was entered in all, and the average entry: after an exit that is of what is open alone."""
    row = moment.row
    requested = requested_in_all(row)
    of = "" if requested is None else f" of {plain(requested)}"
    what = " for what is open" if moment.held_before.closed_qty else ""
    return f"{number(row.filled_qty)}{of} entered so far, {average(row.avg_px_open)} on average{what}"


def _stop(moment: Moment, event: e.StopLossSet) -> str:
    before = stop_before(moment)
    others = moment.before is not None and moment.before.stop_confirmed and before is None
    if before is None:
        words = f"{'another' if others else 'a'} stop is confirmed at {plain(event.stop_price)}"
    elif before == event.stop_price:
        words = f"the stop at {plain(event.stop_price)} is replaced"
    else:
        direction = _direction(moment.row.side, before, event.stop_price)
        words = f"the stop moves {direction}, {changed(before, event.stop_price)}"
    entry = moment.row.avg_px_open
    if entry is not None and (by := ratio(entry, event.stop_price)):
        words += f", {percent(by)} {'above' if by > 0 else 'below'} the entry"
    cover = "" if event.quantity is None else f", for {plain(event.quantity)}"
    locks_profit = event.locks_profit and entry is not None and (event.stop_price - entry) * moment.row.side.sign > 0
    profit = ", so that it locks in profit" if locks_profit else ""
    return f"{words}{cover}{profit}{order_id(event)}."


def _lost_price(moment: Moment, event: e.StopLossLost) -> str:
    before = moment.before
    if before is None:
        return "unknown"
    lost = [stop for stop in before.orders.live("stop") if event.order in (None, stop.name)]
    return " and ".join(number(stop.price) for stop in lost) or number(before.stop_price)


def _direction(side: Side, before: Decimal, after: Decimal) -> str:
    return "closer to the price" if (after - before) * side.sign > 0 else "away from the price"


def _imported(event: e.PositionImported) -> str:
    which = f"row {event.legacy_id}" if event.legacy_id else "a row"
    stop = ""
    if event.stop_price is not None:
        stop = f", stop {plain(event.stop_price)}{'' if event.stop_confirmed else ' (not confirmed)'}"
    reason = f", {quoted(event.exit_reason)}" if event.exit_reason else ""
    return (
        f"{which} of the old table is imported as {event.status}: {event.side} {plain(event.quantity)} at "
        f"{number(event.avg_px_open)}{stop}{reason}."
    )


def _proof(evidence: Evidence) -> str:
    proofs = []
    if evidence.fills:
        fills = ", ".join(f"{plain(fill.last_qty)} at {plain(fill.last_px)}" for fill in evidence.fills)
        proofs.append(f"closing fills ({fills})")
    if evidence.closing_order_id:
        proofs.append(f"closing order {evidence.closing_order_id}")
    if evidence.position_quantity is not None:
        proofs.append(f"the exchange's answer of {plain(evidence.position_quantity)}")
    if evidence.note:
        proofs.append(f"a note, {quoted(evidence.note)}")
    return " and ".join(proofs) or "what the exchange sent"


def _closed(moment: Moment, event: e.PositionClosed) -> str:
    words = f"closed: {quoted(event.exit_reason)}"
    price = closing_price(moment.held_before, moment.held, moment.row.terms)
    if price is not None:
        words += f", the last {plain(moment.held_before.quantity)} at {plain(price)}"
    if event.avg_px_close is not None and event.avg_px_close != price:
        words += f", {average(event.avg_px_close)} on average"
    if event.residual_qty:
        words += f"; {dust(moment.row)}"
    return f"{words}{_earned(moment)}."


def _earned(moment: Moment) -> str:
    return f". {sentence(earned(moment.row))}"


def _by_hand(event: e.PositionEvent, words: str) -> str:
    """That an operator told it, and what was noted with it: a year later somebody asks who corrected the books."""
    if event.source is not Source.OPERATOR:
        return ""
    if notes := ", ".join(f"{name} {quoted(str(note))}" for name, note in (event.metadata or {}).items()):
        return f" Told by the operator ({notes})."
    return "" if words.startswith(WHO[event.source]) else " Told by the operator."


def _protection(moment: Moment, gap: UnprotectedSpan | None) -> str:
    if gap is not None:
        return f" UNPROTECTED from here on, for {length(gap.length)}{'' if gap.is_over else ' and still'}."
    before, row = moment.before, moment.row
    had = before is not None and before.protected
    return " Protected from here on." if row.protected and row.quantity and not had else ""


def refused_as(rival: RefusedRival) -> str:
    """The sentence for a refused rival."""
    refusal = rival.refusal
    who = f"intent {refusal.intent_id}" if refusal.intent_id else rival.name
    raced = ", the race was lost at the append" if refusal.detected_by == "version_conflict" else ""
    written = ""
    if abs(refusal.ts_recorded - rival.at) > AHEAD_MAX:
        written = f" The ledger's clock said {date_and_time(refusal.ts_recorded)}."
    return f"Refused: {refusal.command} of {who}. {refusal.error}{raced}.{written}"
