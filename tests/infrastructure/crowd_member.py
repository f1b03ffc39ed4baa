"""One of several processes that use one ledger: `write`, `follow`, `rebuild` or `read`, until stdin ends."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from projections.projection import STATISTICS

BATCH_EVENTS = 40
"""Few, so that a batch is interrupted more often."""
PAUSE_SECONDS = 0.01
"""The pause between two steps, so that other processes get their turn."""


class Member:
    """The work of one process, until its stdin ends."""

    def __init__(self, ledger: PositionLedger, name: str) -> None:
        self._ledger, self._name = ledger, name
        self._ended = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        sys.stdin.read()
        self._ended.set()

    def write(self) -> int:
        """Cycles of two events each, one after the other, in streams of its own; answer how many events."""
        events = 0
        while not self._ended.wait(PAUSE_SECONDS):
            symbol = f"{self._name}T{events}USDT"
            self._ledger.request_entry(symbol=symbol, exchange="binance", side="long", quantity="1", intent_id="1")
            self._ledger.record_entry_placed(
                position_id=f"{symbol}.binance#1", exchange_order_id="1", filled_qty="1", avg_px="2"
            )
            events += 2
        return events

    def follow(self) -> int:
        """Follow until told, and then to the end; answer how many events it took in."""
        follower, taken = Projector(self._ledger.store, STATISTICS, batch_events=BATCH_EVENTS), 0
        while not self._ended.wait(PAUSE_SECONDS):
            taken += follower.catch_up()
        return taken + follower.catch_up()

    def rebuild(self) -> list[int]:
        """Rebuild everything, saying so batch by batch; answer how many rows were wrong."""
        positions = self._ledger.rebuild(lambda _: print("positions", flush=True), batch_events=BATCH_EVENTS)
        print("swapped", flush=True)
        statistics = Projector(self._ledger.store, STATISTICS, batch_events=BATCH_EVENTS).rebuild(
            lambda _: print("statistics", flush=True)
        )
        return [positions.differences, statistics.differences]

    def read(self) -> int:
        """Look again and again, and see to it that nothing goes missing and no number shrinks; answer how often."""
        follower = Projector(self._ledger.store, STATISTICS, batch_events=BATCH_EVENTS)
        looks, positions, events = 0, 0, 0
        while not self._ended.wait(PAUSE_SECONDS):
            facts = follower.lasting(datetime.min.replace(tzinfo=UTC))
            rows, counted = len(self._ledger.positions()), sum(each.events for each in facts)
            assert rows >= max(positions, len(facts)), (
                f"{positions} positions, {len(facts)} facts, and then {rows} rows"
            )
            assert counted >= events, f"{events} events, and then {counted}"
            looks, positions, events = looks + 1, rows, counted
        return looks


def main(role: str, url: str, name: str) -> None:
    with PositionLedger.connect(url, create=False) as ledger:
        member = Member(ledger, name)
        print("begun", flush=True)
        print(json.dumps(getattr(member, role)()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
