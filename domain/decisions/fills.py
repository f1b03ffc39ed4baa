"""Deciding about recorded fills, their corrections and fees, and about money that moves without a fill."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Self

from domain import events as e
from domain.aggregate.command_result import CommandResult
from domain.aggregate.exits.exit_count import ExitCount
from domain.aggregate.exits.fill_on_record import FillOnRecord
from domain.aggregate.row import PositionRow
from domain.aggregate.state import CashOnRecord, PositionState
from domain.alteration import altered
from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.decisions.counting import EntryCount, exited, refilled, settled
from domain.decisions.decision import Decision
from domain.decisions.lookup import by_id, named
from domain.errors import IdempotencyMismatch, NotFilled, OrderAmbiguous, UnknownFill
from domain.holding import Holding
from domain.instrument import Instrument
from domain.orders.order import Order, may_be_by
from domain.values import EXACT, ZERO, money, plain, total_of


def known_fill(decision: Decision, command: c.RecordEntryFill | c.Reduce, fill: FillOnRecord) -> CommandResult | None:
    """The answer to a fill that is recorded already; a fee that was not known is added.

    Shape:   a fill is identified by its order and trade id; without an order, by the trade id alone. For the same
             content again nothing is recorded, even if the fill was corrected since; one that is void paid no fee. Of a
             fill that turned the position only the part that closed is recorded in this cycle.
    Refuses: IdempotencyMismatch for another quantity, price or fee, or a fee in another currency.
    """
    if fill.request == command.digest or decision.was_answered:
        return decision.no_news()
    is_turning = isinstance(command, c.Reduce) and command.flip and fill.qty < command.last_qty
    is_same = fill.px == command.last_px if is_turning else fill.is_told_by(command.last_qty, command.last_px)
    if not is_same or _is_another_fee(decision, fill, command.fee, command.fee_currency):
        what = f"{plain(fill.qty)} at {plain(fill.px)}" + (
            "" if fill.fee is None else f" for a fee of {_fee_text(decision, fill)}"
        )
        raise decision.refused(
            IdempotencyMismatch,
            f"has trade_id {command.trade_id} on record as {what}; a fill never changes, so look which of the two is "
            "wrong, and say correct_fill if the exchange corrected it",
        )
    if command.fee is None or fill.fee is not None or not fill.qty:
        return decision.no_news()
    _record_fee(decision, fill, command.trade_id, command.fee, command.fee_currency)
    return None


def _is_another_fee(decision: Decision, fill: FillOnRecord, fee: Decimal | None, currency: str | None) -> bool:
    """Whether a fee differs from the recorded one; without a currency the recorded currency is meant."""
    if fee is None or fill.fee is None:
        return False
    other = decision.state.other_currency
    return fee != fill.fee or (currency is not None and other(currency) != other(fill.fee_currency))


def _fee_text(decision: Decision, fill: FillOnRecord) -> str:
    assert fill.fee is not None, "a fee is on record"
    return money(fill.fee, decision.state.other_currency(fill.fee_currency))


def fill_on_record(decision: Decision, command: c.RecordEntryFill | c.Reduce, *, is_exit: bool) -> FillOnRecord | None:
    """The recorded fill that a command repeats; None for a new fill."""
    by_order = decision.state.fills.get((is_exit, command.trade_id))
    if by_order is None:
        return None
    fills = by_order.values()
    if command.exchange_order_id is None and command.client_order_id is None:
        is_same = (fill for fill in fills if fill.is_told_by(command.last_qty, command.last_px))
        return next(is_same, next(iter(fills)))
    order = named(decision, command.exchange_order_id, command.client_order_id, closes=is_exit)
    if order is not None and order.name in by_order:
        return by_order[order.name]
    for fill in fills:
        is_told = fill.is_told_by(command.last_qty, command.last_px) and _may_be_of(decision, fill, command, order)
        if is_told or fill.request == command.digest:
            return fill
    return by_order.get(None)


def _may_be_of(
    decision: Decision, fill: FillOnRecord, command: c.RecordEntryFill | c.Reduce, meant: Order | None
) -> bool:
    """Whether the order of a fill may be the one that a command names: no id of the two differs."""
    order = decision.state.orders.get(fill.order or "")
    if order is None:
        return True
    exchange_id = command.exchange_order_id or (meant and meant.exchange_order_id)
    client_id = command.client_order_id or (meant and meant.client_order_id)
    pairs = ((exchange_id, order.exchange_order_id), (client_id, order.client_order_id))
    return all(one is None or other is None or one == other for one, other in pairs)


def _record_fee(decision: Decision, fill: FillOnRecord, trade_id: str, fee: Decimal, currency: str | None) -> None:
    """Add the fee of a fill that was recorded without it."""
    row = decision.needs_cycle()
    held = _with_fee_of(decision, row, fill, fee, currency)
    decision.record(
        e.CashRecorded(
            **decision.envelope(),
            kind="commission",
            amount=EXACT.minus(fee),
            currency=currency,
            cash_id=f"fee of {trade_id}",
            holding=held,
            trade_id=trade_id,
            order=fill.order,
            late=not row.status.is_open,
        )
    )


def _with_fee_of(
    decision: Decision, row: PositionRow, fill: FillOnRecord, fee: Decimal, currency: str | None
) -> Holding:
    """The totals with the fee of a fill; an adjustment since then has counted a fee that was paid in kind already."""
    state = decision.state
    is_seen = not fill.is_exit and (decision.is_adjusted_for(None) or _is_of_before(state, fill))
    if is_seen and decision.pays_in_kind(fee, currency):
        held = state.holding.with_fee_gone(row.side, fee, fill.px, row.terms)
        return settled(held, row.side, row.terms, row.orders, state.since.paying(fee))
    return decision.with_fee(state.holding, fee, currency, row.terms)


def _is_of_before(state: PositionState, fill: FillOnRecord) -> bool:
    """Whether an entry fill happened before the last adjustment, whenever its fee is told."""
    order = state.orders.get(fill.order or "")
    return (fill.at is not None and fill.at <= state.adjusted_at) or (order is not None and state.may_have_paid(order))


def record_cash(decision: Decision, command: o.RecordCash) -> CommandResult | None:
    """Record money that moved without a fill: funding, interest, a commission report.

    Shape:   status unchanged, also of a cycle that is over. With `trade_id` it is the fee of that fill.
    Refuses: IdempotencyMismatch for a known `cash_id` with other content, or a fee that is known already; UnknownFill.
    """
    row, state = decision.needs_cycle(), decision.state
    told = CashOnRecord(command.kind, command.amount, state.other_currency(command.currency), command.trade_id)
    known = state.cash.get(command.cash_id)
    if known is not None:
        if known != told:
            raise decision.refused(
                IdempotencyMismatch,
                f"has cash_id {command.cash_id} on record with other content; look which of the two is wrong, and send "
                "the difference as a correction with a cash_id of its own",
            )
        return decision.no_news()
    held, order = state.holding, None
    if command.trade_id is None:
        held = held.with_cash(command.kind, command.amount, told.currency)
    else:
        fill = _of_trade(decision, command.trade_id, None)
        if fill.fee is not None:
            if not _is_another_fee(decision, fill, EXACT.minus(command.amount), command.currency):
                return decision.no_news()
            asked = money(EXACT.minus(command.amount), command.currency)
            raise decision.refused(
                IdempotencyMismatch,
                f"has a fee of {_fee_text(decision, fill)} on record for trade_id {command.trade_id}, not {asked}; "
                "send the difference as a correction, without trade_id",
            )
        order = fill.order
        held = _with_fee_of(decision, row, fill, EXACT.minus(command.amount), command.currency)
    decision.record(
        e.CashRecorded(
            **decision.envelope(),
            kind=command.kind,
            amount=command.amount,
            currency=command.currency,
            cash_id=command.cash_id,
            holding=held,
            trade_id=command.trade_id,
            order=order,
            late=not row.status.is_open,
        )
    )
    return None


def _of_trade(decision: Decision, trade_id: str, exchange_order_id: str | None) -> FillOnRecord:
    fills = [fill for is_exit in (False, True) for fill in decision.state.fills.get((is_exit, trade_id), {}).values()]
    if exchange_order_id is not None:
        orders = [by_id(decision, exchange_order_id, closes=closes) for closes in (False, True)]
        fills = [fill for fill in fills if fill.order in {order.name for order in orders if order is not None}]
    if not fills:
        of = "" if exchange_order_id is None else f" of order {exchange_order_id}"
        raise decision.refused(
            UnknownFill, f"has no fill with trade_id {trade_id}{of} on record; record the fill first"
        )
    if len(fills) > 1:
        names = ", ".join(str(fill.order) for fill in fills)
        raise decision.refused(
            OrderAmbiguous,
            f"has several fills with trade_id {trade_id}, of {names}; "
            + (
                "send the one that is meant again, with its order and its fee"
                if isinstance(decision.command, o.RecordCash)
                else "send exchange_order_id with it"
            ),
        )
    return fills[0]


def correct_fill(decision: Decision, command: o.CorrectFill) -> CommandResult | None:
    """Correct quantity or price of a fill, or void it, as the exchange says.

    Shape:   status unchanged, also of a cycle that is over: a quantity that is held then is a stray. What the exchange
             corrected later stays as it is, and for the same correction again, from before the last one, nothing is
             recorded.
    Refuses: UnknownFill; NotFilled if more was closed since than would have been entered.
    """
    row = decision.needs_cycle()
    fill = _of_trade(decision, command.trade_id, command.exchange_order_id)
    qty = ZERO if command.void else command.last_qty or fill.qty
    px = fill.px if command.last_px is None else command.last_px
    decision.needs_price("last_px", px, row.terms)
    is_behind = command.at is not None and fill.was_corrected(command.digest, command.at)
    if command.at is not None:
        qty, px = fill.corrected_to(qty, px, command.at)
    if (qty, px) == (fill.qty, fill.px) or is_behind:
        return decision.no_news()
    held = decision.state.holding
    if command.void:
        held = decision.without_fee(held, fill, row.terms)
    is_of_total, worth = _is_of_total(decision, fill), row.terms.worth
    was, now = (fill.qty, worth(fill.qty, fill.px)), (qty, worth(qty, px))
    corrected = _exit_corrected if fill.is_exit else _entry_corrected
    held = corrected(decision, held, _Correction(fill, was, now, is_of_total))
    decision.record(
        e.FillCorrected(
            **decision.envelope(),
            trade_id=command.trade_id,
            order=fill.order,
            is_exit=fill.is_exit,
            old_qty=fill.qty,
            old_px=fill.px,
            last_qty=qty,
            last_px=px,
            reason=command.reason,
            holding=held,
            late=not row.status.is_open,
            residual_qty=_dust_left(row, fill, qty),
            is_of_total=is_of_total,
            was_told_wrong=command.at is None,
        )
    )
    return None


def _dust_left(row: PositionRow, fill: FillOnRecord, now: Decimal) -> Decimal | None:
    """The dust that is left after a correction of a sale of dust; None for any other fill."""
    return EXACT.add(row.residual_qty, EXACT.subtract(fill.qty, now)) if fill.is_of_dust else None


class OrderTotal(NamedTuple):
    """What the exchange stated of an order, with its later corrections; `order` is the order with it."""

    order: Order
    filled_qty: Decimal | None
    avg_px: Decimal | None

    @classmethod
    def of(cls, decision: Decision, order: Order, command: c.RecordEntryPlaced | o.EndOrder, terms: Instrument) -> Self:
        """The total that a command states; without one the order stays as it is."""
        if command.filled_qty is None:
            return cls(order, None, command.avg_px)
        stated, avg_px = _as_corrected(decision, order, command.filled_qty, command.avg_px, terms)
        worth = None if avg_px is None else terms.worth(stated, avg_px)
        return cls(order.with_statement(stated, worth, decision.said_at), stated, avg_px)


def _as_corrected(
    decision: Decision, order: Order, stated: Decimal, avg_px: Decimal | None, terms: Instrument
) -> tuple[Decimal, Decimal | None]:
    """A total of an order and its average price, with the corrections that the exchange made after it stated them."""
    state, said_at = decision.state, decision.said_at
    fills = (state.fills[key].get(order.name) for key in state.corrected)
    known = [(fill, fill.as_of(said_at)) for fill in fills if fill is not None and may_be_by(fill.at, said_at)]
    since = [(fill, was) for fill, was in known if was != (fill.qty, fill.px) and was[0] <= stated]
    if not since:
        return stated, avg_px
    qty = max(ZERO, EXACT.add(stated, total_of(EXACT.subtract(fill.qty, was[0]) for fill, was in since)))
    if qty <= order.traded_qty or avg_px is None:
        return qty, None
    changes = (EXACT.subtract(terms.worth(fill.qty, fill.px), terms.worth(*was)) for fill, was in since)
    worth = EXACT.add(terms.worth(stated, avg_px), total_of(changes))
    return qty, None if terms.inverse and not worth else terms.price(qty, worth)


def _is_of_total(decision: Decision, fill: FillOnRecord) -> bool:
    """Whether the total of an order includes a fill as it was, because the exchange stated it before the correction.

    A correction without a time is of a fill that was told wrong: the total was right.
    """
    name = fill.order or ""
    order, stated_at = decision.state.orders.get(name), decision.state.totals.stated_at.get(name)
    if order is None or stated_at is None or decision.command.at is None:
        return False
    return fill.qty <= order.stated_qty and may_be_by(fill.at, stated_at) and stated_at < decision.said_at


class _Correction(NamedTuple):
    """A fill, its quantity and worth before and after the correction, and whether its order's total includes it."""

    fill: FillOnRecord
    old: tuple[Decimal, Decimal]
    new: tuple[Decimal, Decimal]
    is_of_total: bool

    def of(self, order: Order) -> Order:
        """The order of the fill, corrected."""
        return order.corrected(self.old, self.new, is_of_total=self.is_of_total)


def _entry_corrected(decision: Decision, held: Holding, correction: _Correction) -> Holding:
    """The totals `held` after the correction of an entry fill."""
    state, fill, (old_qty, old_worth) = decision.state, correction.fill, correction.old
    before = state.orders.get(fill.order or "") or Order(name="entry", traded_qty=old_qty, traded_worth=old_worth)
    after = correction.of(before)
    count = EntryCount.of(state, before, after, at=decision.said_at)
    count = altered(count, held=held, is_seen=_is_correction_seen(decision, fill))
    if count.beyond > state.untold:
        raise decision.refused(
            NotFilled,
            f"holds {plain(held.quantity)}, so {plain(EXACT.minus(count.added))} of what was entered cannot be taken "
            "back: the rest is closed already. Correct the fills that closed it first, to what they closed here; where "
            "they closed more at the exchange, that opened the other side, which is another cycle (adopt)",
        )
    counted = decision.as_turned(refilled(state, count, ZERO, ZERO), is_entry=True)
    more = ZERO if count.is_seen else EXACT.subtract(correction.new[1], old_worth)
    return altered(counted, traded_cost=EXACT.add(held.traded_cost, more), uncounted_qty=held.uncounted_qty)


def _exit_corrected(decision: Decision, held: Holding, correction: _Correction) -> Holding:
    """The totals `held` after the correction of an exit fill."""
    row = decision.needs_cycle()
    state, untold, fill, (qty, _) = decision.state, decision.state.untold, correction.fill, correction.new
    before = state.exits.order(fill.order, row.orders)
    after = correction.of(before)
    grown = EXACT.subtract(after.filled_qty, before.filled_qty)
    counted = _as_adjusted(decision, fill)
    if fill.is_of_dust:
        more = row.residual_qty
    elif counted.gone:
        more = max(ZERO, EXACT.subtract(state.entered_at_most, held.closed_qty))
    else:
        told = EXACT.subtract(before.filled_qty, before.traded_qty)
        more = EXACT.add(held.quantity, EXACT.add(untold, told))
    most = EXACT.add(fill.qty, more)
    if qty > max(most, fill.qty):
        raise decision.refused(
            NotFilled,
            f"holds {plain(most)} without that fill, less than the {plain(qty)} it closed. Where more was entered, "
            "or another fill closed less, send that first (record_entry_fill, or correct_fill for what is on record); "
            "what opened the other side is no part of this cycle",
        )
    closed = exited(state, held, before, after, counted.corrected(grown, held, untold, row.terms))
    return decision.as_turned(closed, is_entry=False)


def _is_correction_seen(decision: Decision, fill: FillOnRecord) -> bool:
    """Whether the last adjustment has counted the correction of a fill; one without a time belongs to its fill."""
    return decision.state.has_counted(fill) if decision.command.at is None else decision.is_adjusted_for(None)


def _as_adjusted(decision: Decision, fill: FillOnRecord) -> ExitCount:
    """How an exit is counted if the last adjustment counted its correction, or the fill alone."""
    if _is_correction_seen(decision, fill):
        return fill.counted.as_gone()
    was_seen = fill.at is not None and fill.at <= decision.state.adjusted_at and not fill.is_of_dust
    return fill.counted.as_closed() if was_seen and decision.command.at is not None else fill.counted
