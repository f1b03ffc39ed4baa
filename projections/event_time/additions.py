"""The change that each event of a cycle made to the totals when it was recorded: exits, fees, cash and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from domain import events as e
from domain.holding import Holding
from domain.instrument import Instrument
from domain.values import ZERO, rounded
from projections.positions import project


@dataclass(frozen=True, slots=True)
class Exit:
    """A quantity that was closed, and its proceeds, which may not be known."""

    quantity: Decimal
    brought: Decimal | None
    is_told: bool = False
    """Whether a fill, or the total of an order, tells of it."""

    def split(self, quantity: Decimal) -> tuple[Exit, Exit]:
        """Divide it into an exit of `quantity` and the rest."""
        part = self.brought
        if part is not None and quantity != self.quantity:
            part = rounded(part * quantity / self.quantity)
        rest = None if part is None or self.brought is None else self.brought - part
        return replace(self, quantity=quantity, brought=part), replace(
            self, quantity=self.quantity - quantity, brought=rest
        )


@dataclass(frozen=True, slots=True)
class Added:
    """The change that one event made to the totals when it was recorded: its exits, and the totals before and after."""

    exits: tuple[Exit, ...]
    before: Holding
    after: Holding

    @property
    def gone(self) -> Decimal:
        """How much more was closed than is held less: what an adjustment had counted of it."""
        return max(ZERO, self.after.closed_qty - self.before.closed_qty - self.before.quantity + self.after.quantity)

    def with_money(self, held: Holding) -> Holding:
        """Add its fees and its cash to other totals."""
        paid = _moved(self.before.fees_other, self.after.fees_other)
        received = _moved(self.before.cash, self.after.cash)
        return replace(
            held,
            fees=held.fees + self.after.fees - self.before.fees,
            fees_other=_plus(held.fees_other, paid),
            cash=_plus(held.cash, received),
        )

    def shifted(self, held: Holding, terms: Instrument) -> Holding:
        """Add its change of quantity, cost and profit to other totals.

        A total that the event knew neither before nor after stays as it is; one that is not known in one of the three
        places is not known in the result.
        """
        changed: dict[str, Any] = {}
        names = ("quantity", "filled_qty", "cost", "closed_qty", "proceeds", "realized_pnl", "traded_cost")
        for name in names:
            own, after, before = getattr(held, name), getattr(self.after, name), getattr(self.before, name)
            if after is not None or before is not None:
                changed[name] = None if None in (own, after, before) else own + after - before
        shifted = replace(held, **changed)
        if (held.quantity, held.cost) == (self.before.quantity, self.before.cost):
            return replace(shifted, avg_px_open=self.after.avg_px_open)
        return shifted.costing(shifted.cost, terms)


def _moved(before: dict[str, Decimal], after: dict[str, Decimal]) -> dict[str, Decimal]:
    return {name: total - before.get(name, ZERO) for name, total in after.items() if total != before.get(name)}


def _plus(totals: dict[str, Decimal], moved: dict[str, Decimal]) -> dict[str, Decimal]:
    return {**totals, **{name: totals.get(name, ZERO) + amount for name, amount in moved.items()}}


def added_by(cycle: Sequence[e.PositionEvent]) -> dict[int, Added]:
    """The change that each event with totals made, by its version."""
    added: dict[int, Added] = {}
    before, trades, terms = Holding(), set[str](), project(None, cycle[0]).terms
    for event in cycle:
        after: Holding | None = getattr(event, "holding", None)
        if after is None:
            continue
        exits = tuple(_exits(event, before, after, trades, terms))
        added[event.originator_version] = Added(exits, before, after)
        if isinstance(event, e.PositionReduced):
            trades.add(event.trade_id)
        before = after
    return added


def promised_since(cycle: Sequence[e.PositionEvent]) -> frozenset[int]:
    """The versions of the events about orders that were promised after the last adjustment was recorded."""
    promised, versions, rollbacks = set[str](), set[int](), 0
    for event in cycle:
        match event:
            case e.IncreaseRequested() | e.ExitRequested():
                promised.add(event.order)
            case e.RollbackStarted():
                promised.add(f"rollback{rollbacks or ''}")
                rollbacks += 1
            case e.PositionAdjusted(price_only=False) | e.PositionAdopted() | e.RollbackFailed():
                promised.clear()
            case e.EntryPlaced() | e.EntryFilled() | e.PositionReduced() | e.OrderEnded() if event.order in promised:
                versions.add(event.originator_version)
    return frozenset(versions)


def _exits(
    event: e.PositionEvent, before: Holding, after: Holding, trades: set[str], terms: Instrument
) -> Iterator[Exit]:
    match event:
        case e.RolledBack() if event.evidence.fills:
            for fill in {fill.trade_id: fill for fill in event.evidence.fills}.values():
                if fill.trade_id not in trades:
                    yield Exit(fill.last_qty, terms.worth(fill.last_qty, fill.last_px), is_told=True)
        case e.RolledBack() | e.PositionClosed() if before.quantity:
            known = before.proceeds is not None and after.proceeds is not None
            brought = after.proceeds - before.proceeds if known else None  # type: ignore[operator] # both are known
            if (price := getattr(event, "rest_px", None)) is not None:
                brought = terms.recorded_worth(before.quantity, price)
            yield Exit(before.quantity, brought)
