"""A ledger at night, its watch, and a sink, for the tests of a watch."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from domain.values import timestamp_text
from infrastructure.event_store.port import WatchMemory
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.health import Question
from infrastructure.settings import Settings
from infrastructure.watching.sinks.sink import DeliveryFailed, NoticeBatch
from infrastructure.watching.watcher import Watcher, WatchPlan
from projections.health.alarm import Notice
from projections.reconciliation.result import ReconciliationRules

BARE = "APTUSDT.binance#1"


@dataclass
class Recorder:
    """A sink that takes every batch, or none while it is down."""

    name: str = "recorder"
    notices_max: int = 50
    is_down: bool = False
    heard: list[Notice] = field(default_factory=list)

    def send(self, batch: NoticeBatch) -> None:
        if self.is_down:
            raise DeliveryFailed("down")
        self.heard += batch.notices

    @property
    def words(self) -> list[str]:
        return [f"{each.kind} {each.alarm.check} {each.alarm.subject}" for each in self.heard]


class Night:
    """A ledger, a watch that may be restarted, and a clock that the test moves."""

    def __init__(self, url: str) -> None:
        self.url, self.at = url, datetime.now(UTC)
        self.set_by = timedelta()
        self.said: list[str] = []
        self.sinks = [Recorder()]
        self.plan = WatchPlan(
            name="night",
            connect=lambda: PositionLedger.connect(url, create=False),
            where="ledger",
            question=Question(now=self.at, age=timedelta(hours=1), rules=ReconciliationRules(), verifies=False),
            shown=lambda: ((), {}),
            every=timedelta(seconds=0.05),
            again=timedelta(minutes=60),
            verifies_every=None,
        )

    @property
    def recorder(self) -> Recorder:
        return self.sinks[0]

    def seconds(self) -> float:
        """The clock that is never set."""
        return self.at.timestamp()

    def watch(self, **plan: Any) -> Watcher:
        return Watcher(
            replace(self.plan, **plan),
            self.sinks,
            self.said.append,
            clock=lambda: self.at + self.set_by,
            monotonic=self.seconds,
        )

    def round(self, **plan: Any) -> list[str]:
        """Start a watch, let it look once, and end it; returns the notices that it sent."""
        before = len(self.recorder.heard)
        watcher = self.watch(**plan)
        try:
            watcher.once(20)
        finally:
            watcher.close()
        return self.recorder.words[before:]

    def memory(self) -> WatchMemory | None:
        with self.ledger() as ledger:
            return ledger.store.watch_memory("night")

    def ledger(self) -> PositionLedger:
        return PositionLedger.connect(self.url)

    def change(self, statement: str) -> None:
        """Change what is stored, past the ledger."""
        settings = Settings.read(self.url)
        connect: Any = sqlite3.connect if settings.kind == "sqlite" else psycopg.connect
        with closing(connect(settings.where)) as connection:
            connection.execute(statement)
            connection.commit()

    def enter(self, ago: timedelta = timedelta(minutes=5)) -> None:
        at: dict[str, Any] = {"at": timestamp_text(self.at - ago), "position_id": BARE}
        with self.ledger() as ledger:
            ledger.request_entry(
                symbol="APTUSDT", exchange="binance", side="short", quantity="61", intent_id="1", at=at["at"]
            )
            ledger.record_entry_placed(exchange_order_id="1", filled_qty="61", avg_px="3.2295", **at)

    def protect(self) -> None:
        with self.ledger() as ledger:
            ledger.set_stop_loss(position_id=BARE, stop_price="3.3", exchange_order_id="2", activate=True)
