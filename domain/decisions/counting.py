"""Counting what an order changes in the totals of its cycle, by a fill or by a total of the exchange."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Self

from msgspec import field

from domain.aggregate.exits.exit_count import ExitCount
from domain.aggregate.order_changes import as_one
from domain.aggregate.stand import Stand
from domain.aggregate.state import PositionState
from domain.alteration import TypedStruct, altered
from domain.holding import Holding
from domain.instrument import Instrument
from domain.orders.cycle_orders import Orders, no_orders, of_role
from domain.orders.order import Order
from domain.values import EXACT, ZERO, Side, difference_of


class EntryCount(TypedStruct, frozen=True, gc=False):
    """How an entry order changes, and the totals before that.

    `absorbed`: the part of the change that an adjustment had counted; with `is_seen` all of it. `withdrawn`: what a
    total had added after the adjustment, and is of before it. `orders`: all orders of the cycle. `since`: how the cycle
    stood at the last adjustment, for the cost of all orders once it becomes known.
    """

    before: Order
    after: Order
    held: Holding
    side: Side
    terms: Instrument
    absorbed: Decimal = ZERO
    is_seen: bool = False
    orders: Orders = field(default_factory=no_orders)
    since: Stand = field(default_factory=Stand)
    withdrawn: Decimal = ZERO

    @classmethod
    def of(
        cls,
        state: PositionState,
        before: Order,
        after: Order,
        *,
        at: datetime,
        absorbed: Decimal = ZERO,
        is_seen: bool = False,
        same_as: str | None = None,
    ) -> Self:
        """Make it for a cycle; `at` is when it happened, `same_as` the name under which fills were recorded before."""
        assert state.row is not None, "a cycle"
        cycle = (state.holding, state.row.side, state.terms)
        orders = state.row.orders if same_as is None else as_one(state.row.orders, before.name, same_as)
        since = state.since.knowing(before, after, absorbed, at, is_seen=is_seen)
        return cls(before, after, *cycle, absorbed, is_seen, orders, since)

    @property
    def grown(self) -> Decimal:
        """How much more is filled of the order."""
        return EXACT.subtract(self.after.filled_qty, self.before.filled_qty)

    @property
    def added(self) -> Decimal:
        """The quantity that the position grows by."""
        return EXACT.subtract(EXACT.subtract(self.grown, self.absorbed), self.withdrawn)

    @property
    def is_gone(self) -> bool:
        """Whether an adjustment had counted all of the change."""
        return not self.withdrawn and (self.is_seen or bool(self.absorbed and not self.added))

    @property
    def beyond(self) -> Decimal:
        """How much more is taken back than is held."""
        added = self.added
        if added >= 0 or self.is_gone:
            return ZERO
        return max(ZERO, EXACT.minus(EXACT.add(self.held.quantity, added)))

    def by_fill(self, qty: Decimal, worth: Decimal) -> Holding:
        """The totals after a fill, which may be part of a total of the exchange, or add to it.

        What an adjustment had counted changes nothing.
        """
        if self.is_gone:
            return self.settled(self.held)
        added = self.added
        explained = max(ZERO, EXACT.subtract(qty, self.grown))
        return altered(
            self.settled(self._grown(added, qty, worth)),
            uncounted_qty=max(ZERO, EXACT.subtract(self.held.uncounted_qty, explained)),
            traded_cost=EXACT.add(self.held.traded_cost, worth),
        )

    def by_statement(self) -> Holding:
        """The totals after the exchange stated the filled total of the order."""
        if self.is_gone:
            return self.settled(self.held)
        added = self.added
        grown = self._grown(added, self.after.filled_qty, self.after.stated_worth)
        return altered(self.settled(grown), uncounted_qty=EXACT.add(grown.uncounted_qty, max(ZERO, added)))

    def settled(self, held: Holding) -> Holding:
        """The totals that follow from all orders together, where an adjustment is superseded by these."""
        if not self.since.gives_way:
            return held
        return settled(held, self.side, self.terms, self.orders.with_order(self.after), self.since)

    def _grown(self, added: Decimal, qty: Decimal, worth: Decimal | None) -> Holding:
        if self.withdrawn:  # at the price at which the total had added it
            qty, worth = self.before.stated_qty, self.before.stated_worth
        if self.absorbed or self.withdrawn:
            share = None if worth is None else _share(worth, added, qty)
            return self.held.entered(self.side, added, share, self.terms) if added else self.held
        if (known := self._known_at_last(added)) is not None:
            return known
        before, after = self.before.worth, self.after.worth
        if before is None or after is None:
            is_known = after is not None or (before is None and not added)
            if is_known and self.held.cost is not None:
                return self.held.entered(self.side, added, ZERO, self.terms)
            return self.held.entered(self.side, added, None, self.terms)
        return self.held.entered(self.side, added, EXACT.subtract(after, before), self.terms)

    def _known_at_last(self, added: Decimal) -> Holding | None:
        """The totals, if the cost of all orders becomes known with this change; None if not."""
        held = self.held
        if held.realized_pnl is not None and held.cost is not None:
            return None
        orders = self.orders.with_order(self.after)
        grown = held.entered(self.side, added, None, self.terms)
        if not grown.quantity and held.realized_pnl is None:
            over = settled(grown, self.side, self.terms, orders, self.since)
            return None if over.realized_pnl is None else over
        if held.cost is not None:
            return None
        total, released = _cost_of_all(orders, self.since, grown), self._released_since()
        return None if total is None or released is None else grown.costing(EXACT.subtract(total, released), self.terms)

    def _released_since(self) -> Decimal | None:
        """The cost of what was closed since the last adjustment: proceeds less profit; None if not known."""
        held, then = self.held, self.since.holding
        if held.closed_qty == then.closed_qty:
            return ZERO
        brought, gained = difference_of(held.proceeds, then.proceeds), held.gained_since(then)
        if brought is None or gained is None:
            return None
        return EXACT.subtract(brought, self.terms.gain(self.side, ZERO, gained))


def refilled(state: PositionState, count: EntryCount, qty: Decimal, worth: Decimal) -> Holding:
    """The totals after a fill, or its correction, by which less may be entered.

    What is taken back and not held any more was closed without a fill: it was neither entered nor closed.
    """
    if not count.beyond:
        return count.by_fill(qty, worth)
    held = altered(count, held=count.held.reopened(count.beyond)).by_fill(qty, worth)
    orders = count.orders.with_order(count.after)
    return count.settled(state.exits.counted(held, ExitCount(), ZERO, orders))


def exited(
    state: PositionState, held: Holding, before: Order, after: Order, count: ExitCount, *, same_as: str | None = None
) -> Holding:
    """The totals `held` of a cycle, changed by what one of its closing orders filled.

    `before` and `after` are the order, or the fills that belong to none; `same_as` is as in `EntryCount.of`.
    """
    assert state.row is not None, "a cycle"
    exits, orders = state.exits, state.row.orders
    if before is exits.unnamed:
        exits = altered(exits, unnamed=after)
    else:
        orders = as_one(orders, before.name, same_as).with_order(after)
    closed = exits.counted(held, count, difference_of(after.worth, before.worth), orders)
    return settled(closed, state.row.side, state.terms, orders, state.since)


def settled(held: Holding, side: Side, terms: Instrument, orders: Orders, since: Stand) -> Holding:
    """The totals with the profit that follows from all orders together, where it does.

    If a cycle holds nothing and the cost of all its orders is known, its profit is known. If an adjustment stood in for
    missing fills, profit is proceeds less cost as soon as its orders and its opening account for everything that was
    entered; until then the adjustment stands.
    """
    if since.gives_way:
        entered = since.entered(orders)
        if entered.quantity == held.filled_qty:
            return _by_all_orders(held, side, terms, entered.worth, since)
    if held.quantity or held.realized_pnl is not None or held.proceeds is None or since.holding.closed_qty:
        return held
    total = _cost_of_all(orders, since, held)
    if total is None:
        return held
    return altered(held, cost=ZERO, realized_pnl=terms.gain(side, total, held.proceeds))


def _by_all_orders(held: Holding, side: Side, terms: Instrument, worth: Decimal | None, since: Stand) -> Holding:
    """The totals of a cycle whose orders account for everything that was entered, at this worth.

    While nothing is closed, that is also what is held cost, unless the exchange said so by an average of its own.
    """
    if held.quantity and not held.closed_qty:
        is_told = worth is not None and (held.cost is None or not since.is_priced)
        return altered(held.costing(worth, terms) if is_told else held, realized_pnl=ZERO)
    cost = held.cost if held.quantity else ZERO
    if worth is None or cost is None or held.proceeds is None:
        return held
    released = EXACT.subtract(worth, cost)
    return altered(held, cost=cost, realized_pnl=terms.gain(side, released, held.proceeds))


def _cost_of_all(orders: Orders, since: Stand, held: Holding) -> Decimal | None:
    """The cost at the last adjustment plus that of the orders since; None if any of it is not known."""
    total, grown = since.holding.cost, ZERO
    for order in of_role(orders, "entry"):
        then = since.orders.get(order.name) or Order(name=order.name)
        more = EXACT.subtract(order.filled_qty, then.filled_qty)
        if not more:
            continue
        if total is None or order.worth is None or then.worth is None:
            return None
        total, grown = EXACT.add(total, EXACT.subtract(order.worth, then.worth)), EXACT.add(grown, more)
    was_counted = EXACT.subtract(held.filled_qty, since.holding.filled_qty)
    is_first = since == Stand(paid=since.paid)  # nothing but orders entered anything
    return total if is_first or grown == was_counted else None


def _share(worth: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return worth if part == whole else EXACT.divide(EXACT.multiply(worth, part), whole)
