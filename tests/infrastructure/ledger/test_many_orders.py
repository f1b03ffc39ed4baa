"""A month of a grid bot in one cycle: commands and events cost no more at the end than at the beginning."""

from __future__ import annotations

import sys
from typing import Any, Final

from domain.commands.requests import RecordEntryFill, Reduce, RequestEntry
from infrastructure.ledger.ledger import PositionLedger

ORDERS: Final = 100
FILLS: Final = 10
SLOWER_MAX: Final = 1.5
LONGER_MAX: Final = 60
"""Bytes: the digits of totals that grew."""


class Grid:
    """A cycle with an entry order and an exit order a step, and some fills of each."""

    def __init__(self, ledger: PositionLedger) -> None:
        """Open it."""
        self.ledger, self.fills = ledger, 0
        entry = RequestEntry.of(
            symbol="GRID/USDT:USDT", exchange="bybit", side="long", quantity="100000", intent_id="g"
        )
        self.position_id = ledger.handle(entry).position_id

    def fill(self, verb: type[RecordEntryFill | Reduce], order: str, qty: str) -> None:
        """One more fill."""
        self.fills += 1
        fee = {"fee": "0.01", "fee_currency": "USDT"}
        filled = {"last_qty": qty, "last_px": "100", "exchange_order_id": order}
        self.ledger.handle(verb.of(position_id=self.position_id, trade_id=f"t{self.fills}", **filled, **fee))

    def calls_of_a_fill(self) -> int:
        """How many calls of Python a fill takes: a count that no other work on the machine changes."""
        calls = 0

        def count(_: Any, kind: str, __: Any) -> None:
            nonlocal calls
            calls += kind == "call"

        self.fill(RecordEntryFill, "e0", "0.5")  # whatever is made once
        sys.setprofile(count)
        try:
            self.fill(RecordEntryFill, "e0", "0.5")
        finally:
            sys.setprofile(None)
        return calls


def test_the_commands_of_a_cycle_with_many_orders_cost_no_more_than_those_of_one_with_few() -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        grid = Grid(ledger)
        for _ in range(FILLS):
            grid.fill(RecordEntryFill, "e0", "2")
        before = grid.calls_of_a_fill()
        for number in range(ORDERS):
            for _ in range(FILLS):
                grid.fill(RecordEntryFill, f"e{number}", "2")
                grid.fill(Reduce, f"x{number}", "1.5")
        row = ledger.position(grid.position_id)
        assert len(row.orders) == 2 * ORDERS
        assert grid.calls_of_a_fill() <= before * SLOWER_MAX
        sizes = [len(stored.state) for stored in ledger.store.history(row.stream)]
        assert sizes[-1] <= sizes[FILLS] + LONGER_MAX
