"""The synchroniser: compares the ledger with two reads of the account, and corrects what both reads agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.commands.requests import Adopt
from domain.errors import CommandRefused
from domain.values import Leg, Status
from infrastructure.ledger.receipt import Receipt
from infrastructure.operations.account_correction import Reconciled
from infrastructure.operations.apply_corrections import Applied
from infrastructure.trading.effects import Flow, Read
from infrastructure.trading.exchange_errors import NoAnswer, Refused
from infrastructure.trading.flow_context import FlowContext
from infrastructure.trading.flows.moving_stops import protect
from infrastructure.trading.flows.resuming import is_at_rest, resume
from infrastructure.trading.steps.order_fills import live_fills_told
from infrastructure.trading.steps.protecting import stop_names
from infrastructure.trading.steps.stop_news import all_stops_heard
from infrastructure.trading.trade_outcome import Outcome, OutcomeKind, StoryStep
from projections.reconciliation.confirmations import CONFIRMATION_GAP
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind


@dataclass(frozen=True, slots=True)
class Synchronised:
    """What one synchronisation found and did; `results` is empty when the account could not be read."""

    results: tuple[Reconciled, ...]
    taken_up: tuple[Outcome, ...]
    story: tuple[StoryStep, ...]

    @property
    def ok(self) -> bool:
        """Whether the account was read, and no difference is left."""
        return bool(self.results) and all(result.ok for result in self.results)


def synchronise(ctx: FlowContext) -> Flow[Synchronised]:
    """Compare, correct what two reads of the account agree on, and resume what was adopted or lost its stop.

    The stops of positions that differ are looked up, and those that an account which is not believed does not show, or
    whose positions it does not show: what became of an order is known even then. The move of a stop is finished. Other
    surplus orders are named in the story, and left at the exchange.
    """
    bare: set[str] = set()
    try:
        first = yield from ctx.snapshot()
        results: Sequence[Reconciled] = yield Read("reconcile", ([first],))
        if unseen := _unseen(results):
            bare |= yield from _stops_heard(ctx, unseen)
            results = yield Read("reconcile", ([first],))
        for doubt in (each for result in results for each in (*result.found.doubts, *result.found.order_doubts)):
            yield from ctx.note(f"the account is not believed: {doubt}")
        seen = [first]
        if any(result.found.problems for result in results):
            bare |= yield from _stops_heard(ctx, [each for result in results for each in result.found.problems])
            yield from ctx.wait(CONFIRMATION_GAP.total_seconds())
            seen.append((yield from ctx.snapshot()))
    except (Refused, NoAnswer) as error:
        yield from ctx.note(f"the account could not be read, so nothing is concluded: {error}")
        return Synchronised((), (), tuple(ctx.story))
    if any(result.found.problems or result.corrections for result in results):
        results = yield Read("reconcile", (seen,), {"apply": True})
    done = [each for result in results for each in result.applied]
    for each in done:
        command = each.correction.command
        yield from ctx.note(f"{command.verb} {command.key}: {'done' if each.is_done else 'left to the next time'}")
    for left in (each for result in results for each in result.left.problems if each.kind.is_of_orders):
        if (yield from _move_finished(ctx, left)):
            continue
        yield from ctx.note(f"{left.key}: {left.message}; cancel at the exchange what is too much")
    taken_up: list[Outcome] = []
    if done or bare:
        taken_up = yield from resume(ctx, ours=_adopted(done) | bare)
    return Synchronised(tuple(results), tuple(taken_up), tuple(ctx.story))


def _unseen(results: Sequence[Reconciled]) -> list[Discrepancy]:
    """What the ledger holds and an account does not show that is not believed: contracts, or the stops of any."""
    return [
        each
        for result in results
        for each in result.found.findings
        if result.found.order_doubts or _is_unseen_contract(each)
    ]


def _is_unseen_contract(found: Discrepancy) -> bool:
    is_contract = found.state.key.leg is not Leg.SPOT
    return found.kind is DiscrepancyKind.UNJUDGED and found.position is None and is_contract


def _stops_heard(ctx: FlowContext, found: Sequence[Discrepancy]) -> Flow[set[str]]:
    """Look up the stops of active cycles among these, and the exits that were promised.

    What they closed is recorded with its prices; an adjustment or a close would not know them. A cycle with an entry or
    exit under way is left open to whoever sent that.
    Shape: the position ids of those that are left without a stop.
    """
    bare = set()
    rows = {each.row.position_id: each.row for each in found if each.row}
    for position_id, row in rows.items():
        if row.status is not Status.ACTIVE:
            continue
        may_close = not (row.orders.live("entry") or row.orders.live("exit"))
        try:
            yield from live_fills_told(ctx, row, "exit")
            heard = yield from all_stops_heard(ctx, position_id, may_close=may_close)
        except (CommandRefused, Refused, NoAnswer) as error:
            yield from ctx.note(f"what became of the stops of {position_id} is not known: {error}")
        else:
            if is_at_rest(row) and heard.status.is_open and not is_at_rest(heard):
                bare.add(position_id)
    return bare


def _move_finished(ctx: FlowContext, found: Discrepancy) -> Flow[bool]:
    """Whether two stops of one position are a move that a process was killed in, which is finished then."""
    if found.kind is not DiscrepancyKind.DUPLICATE_STOPS or found.row is None:
        return False
    names, on_record = stop_names(found.row), {order.exchange_order_id for order in found.row.orders.values()}
    untold = (order for order in found.orders if order.order_id not in on_record)
    new = next((order for order in untold if order.client_order_id in names), None)
    if new is None or new.trigger_price is None:
        return False
    outcome = yield from protect(ctx, found.row.position_id, new.trigger_price)
    return outcome.kind is OutcomeKind.PROTECTED


def _adopted(done: Sequence[Applied]) -> set[str]:
    """The position ids of the cycles that these corrections adopted."""
    adopted = [each.answer for each in done if each.correction.command.verb == Adopt.verb]
    return {answer.position_id for answer in adopted if isinstance(answer, Receipt)}
