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
from infrastructure.trading.flows.exiting import stops_heard
from infrastructure.trading.flows.resuming import resume
from infrastructure.trading.trade_outcome import Outcome, StoryStep
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

    The stops of positions that differ, or are not shown by an account that is not believed, are looked up: what an
    order filled is known even then. Surplus orders are named in the story, and left at the exchange.
    """
    try:
        first = yield from ctx.snapshot()
        results: Sequence[Reconciled] = yield Read("reconcile", ([first],))
        if unseen := _unseen(results):
            yield from _stops_heard(ctx, unseen)
            results = yield Read("reconcile", ([first],))
        for doubt in (doubt for result in results for doubt in result.found.doubts):
            yield from ctx.note(f"the account is not believed: {doubt}")
        if not any(result.found.problems or result.corrections for result in results):
            return Synchronised(tuple(results), (), tuple(ctx.story))
        seen = [first]
        if any(result.found.problems for result in results):
            yield from _stops_heard(ctx, [each for result in results for each in result.found.problems])
            yield from ctx.wait(CONFIRMATION_GAP.total_seconds())
            seen.append((yield from ctx.snapshot()))
    except (Refused, NoAnswer) as error:
        yield from ctx.note(f"the account could not be read, so nothing is concluded: {error}")
        return Synchronised((), (), tuple(ctx.story))
    results = yield Read("reconcile", (seen,), {"apply": True})
    done = [each for result in results for each in result.applied]
    for each in done:
        command = each.correction.command
        yield from ctx.note(f"{command.verb} {command.key}: {'done' if each.is_done else 'left to the next time'}")
    for left in (each for result in results for each in result.left.problems if each.kind.is_of_orders):
        yield from ctx.note(f"{left.key}: {left.message}; cancel at the exchange what is too much")
    taken_up: list[Outcome] = []
    if done:
        taken_up = yield from resume(ctx, adopted=_adopted(done))
    return Synchronised(tuple(results), tuple(taken_up), tuple(ctx.story))


def _unseen(results: Sequence[Reconciled]) -> list[Discrepancy]:
    """The contracts that the ledger holds and the account does not show, without being believed."""
    return [
        each
        for result in results
        for each in result.found.findings
        if each.kind is DiscrepancyKind.UNJUDGED and each.position is None and each.state.key.leg is not Leg.SPOT
    ]


def _stops_heard(ctx: FlowContext, found: Sequence[Discrepancy]) -> Flow[None]:
    """Look up the stops of active cycles among these that have no entry or exit under way.

    If a stop closed the position, its fills are recorded with their prices; an adjustment or a close would not know
    them.
    """
    rows = {each.row.position_id: each.row for each in found if each.row}
    for position_id, row in rows.items():
        if row.status is not Status.ACTIVE or row.orders.live("entry") or row.orders.live("exit"):
            continue
        try:
            yield from stops_heard(ctx, position_id)
        except (CommandRefused, Refused, NoAnswer) as error:
            yield from ctx.note(f"what became of the stops of {position_id} is not known: {error}")


def _adopted(done: Sequence[Applied]) -> set[str]:
    """The position ids of the cycles that these corrections adopted."""
    adopted = [each.answer for each in done if each.correction.command.verb == Adopt.verb]
    return {answer.position_id for answer in adopted if isinstance(answer, Receipt)}
