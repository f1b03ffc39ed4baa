"""When a leg was held, by the ledger and the files: a payment without a leg belongs to the only one that was held."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.values import EXACT, Leg
from infrastructure.transfer.statements.intake.cash_cycle import CycleSpan, cycle_at
from infrastructure.transfer.statements.intake.command_ids import id_of_fill
from infrastructure.transfer.statements.intake.key_past import KeyPast

_NEAR: Final = 3
"""How many spans before a time are searched for that of a payment: one may begin when another ends."""


class LegSpans:
    """The spans of one leg: those on record, and then those that the fills of files lead to."""

    def __init__(
        self, leg: Leg, past: KeyPast, held: Decimal, fills: Iterable[tuple[datetime, bool, Decimal, str]]
    ) -> None:
        """`held` is the quantity on record; each fill, in order, has its time, whether it buys, its quantity and id."""
        self._past, self._spans, self._may_be_held = past, list[CycleSpan](), False
        self._goes_on = held > 0
        """Whether the last cycle on record is open, so that the first span continues it."""
        opened = past.until
        for time, buys, quantity, trade_id in fills:
            is_past = past.until is not None and time <= past.until
            if is_past and (time != past.until or past.has(id_of_fill(trade_id, buys=buys))):
                continue  # the ledger has it; but another fill at its last time may be new
            was, held = held, (EXACT.add if buys is (leg is Leg.LONG) else EXACT.subtract)(held, quantity)
            if held < 0:
                self._may_be_held, held = True, Decimal(0)
            if not was:
                opened = time
            if was and not held and opened is not None:
                self._spans.append(CycleSpan(0, opened, time))
        if held and opened is not None:
            self._spans.append(CycleSpan(0, opened, None))
        self._begins = [span.opened for span in self._spans]

    def may_be_of(self, time: datetime) -> bool:
        """Whether a payment of a time may be of this leg."""
        is_past = self._past.until is not None and time <= self._past.until
        if self._may_be_held or ((is_past or not self._goes_on) and self._past.cycle_at(time) is not None):
            return True
        until = bisect_right(self._begins, time)
        return cycle_at(time, self._spans[max(0, until - _NEAR) : until]) is not None
