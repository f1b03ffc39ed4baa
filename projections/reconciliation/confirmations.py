"""Counting the snapshots that agree that something is gone; if one in between shows it, the count begins anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from domain.orders.order import Order
from projections.account_snapshot import AccountSnapshot
from projections.positions import PositionRow
from projections.reconciliation.aspects.stop_changes import stop_changes
from projections.reconciliation.aspects.strays import signed_qty
from projections.reconciliation.entry_orders import ENTERING, may_rest
from projections.reconciliation.grace_periods import is_settled
from projections.reconciliation.stop_orders import cover_of
from projections.reconciliation.stream_state import StreamState

CONFIRMATION_GAP: Final = timedelta(seconds=10)
"""How far apart two snapshots must be taken to count as two."""

CONFIRMING_AGE_MAX: Final = timedelta(minutes=15)
"""By default, how much older than the latest a snapshot may be to confirm it: what was missing long ago may have come
and gone since, and does not confirm that it is missing now."""

_Shows = Callable[[AccountSnapshot], bool | None]


@dataclass(frozen=True, kw_only=True)
class Confirmations:
    """Snapshots of one account, oldest first, as evidence that something is gone.

    Shape: `seen` are all of them, because what even an unreliable one shows did exist; `trusted` are those in which a
           missing position counts as gone, `complete` those in which a missing order does, too. `now` is the time of
           our clock, for recognising times in the future.
    """

    seen: Sequence[AccountSnapshot] = ()
    trusted: Sequence[AccountSnapshot] = ()
    complete: Sequence[AccountSnapshot] = ()
    age_max: timedelta = CONFIRMING_AGE_MAX
    now: datetime

    def absences(self, state: StreamState, row: PositionRow) -> int:
        """How many snapshots show neither a position on the cycle's side nor, for an entry without fills, its order."""
        waits = row.status in ENTERING and not row.filled_qty

        def shows(snapshot: AccountSnapshot) -> bool | None:
            held = any(seen.key.symbol == row.symbol and seen.side is row.side for seen in snapshot.positions or ())
            if held or (waits and may_rest(row, snapshot.orders)):
                return True
            hidden = snapshot.hides(row.symbol) or (waits and snapshot.hides_orders(row.symbol))
            return None if hidden else False

        return self._count_agreeing(state, row, self.complete if waits else self.trusted, shows)

    def lost_stops(self, state: StreamState, row: PositionRow, stop: Order) -> int:
        """How many snapshots show the position, but neither a recorded stop nor another one in its place."""

        def shows(snapshot: AccountSnapshot) -> bool | None:
            positions = [seen for seen in snapshot.positions or () if seen.key.symbol == row.symbol]
            mine = [seen for seen in positions if seen.side is row.side]
            if not mine:
                return None
            if any(stop not in stop_changes(row, cover_of(seen, row, snapshot.orders or ())).lost for seen in mine):
                return True
            return None if snapshot.hides_orders(row.symbol) else False

        return self._count_agreeing(state, row, self.complete, shows)

    def unanswered(self, state: StreamState, row: PositionRow, order: Order) -> int:
        """How many snapshots do not show a promised order, and show the recorded quantity: it was not filled."""

        def shows(snapshot: AccountSnapshot) -> bool:
            here = any(order.client_order_id == each.client_order_id for each in snapshot.orders or ())
            return here or self._shown_qty(state, snapshot) != state.total_qty

        return self._count_agreeing(state, row, self.complete, shows)

    def strays_gone(self, state: StreamState) -> int:
        """How many snapshots show only the quantity of the open cycle, or nothing, so that the strays are gone."""

        def shows(snapshot: AccountSnapshot) -> bool:
            return self._shown_qty(state, snapshot) not in (state.open_qty, 0)

        return min((self._count_agreeing(state, row, self.trusted, shows) for row in state.strays), default=0)

    @staticmethod
    def _shown_qty(state: StreamState, snapshot: AccountSnapshot) -> Decimal:
        """The signed quantity shown on its own leg, else on its side of the symbol: the ledger may keep no leg."""
        here = [each for each in snapshot.positions or () if each.key.symbol == state.key.symbol]
        side = None if state.row is None else state.row.side
        exact = [each for each in here if each.key == state.key]
        return signed_qty(next(iter(exact or [each for each in here if each.side is side]), None))

    def _count_agreeing(
        self, state: StreamState, row: PositionRow, silent: Sequence[AccountSnapshot], shows: _Shows
    ) -> int:
        """How many snapshots of `silent`, apart in time and newer than the ledger's last event, do not show something.

        `shows` returns None for a snapshot that cannot say whether it is there.
        """
        newest = max((each.taken_at for each in self.seen if each.taken_at is not None), default=None)
        count, last = 0, None
        for snapshot in self.seen:
            at = snapshot.taken_at
            if at is None or newest is None:
                continue
            there = shows(snapshot)
            if there:
                count, last = 0, None
            if there is not False or snapshot not in silent or newest - at > self.age_max:
                continue
            if state.changed_after(at) or not is_settled(row, at, self.now):
                continue
            if last is None or at - last >= CONFIRMATION_GAP:
                count, last = count + 1, at
        return count
