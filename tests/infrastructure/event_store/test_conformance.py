"""The library's own conformance suite, run against our store.

What does not apply: suites for aggregate recorders (they expect no notification ids: ours are application
recorders), tracking and process recorders (the positions table is written with the append), and factories (ours
hands out the one store that it was given). On PostgreSQL the ids of two appends may interleave, for writers do not
wait for each other; nothing of ours needs that they do not, and each stream's own order holds. Stream ids are text and
stored states are UTF-8, as our codec writes them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.tests.persistence import ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase

from domain.aggregate.position import Position
from domain.identifiers import PositionKey
from infrastructure.event_store.eventsourcing_adapter import LedgerRecorder
from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.event_store.sqlite.store import SQLiteStore
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings


class OnSQLite:
    def setUp(self) -> None:
        self.folder = TemporaryDirectory()
        self.store = SQLiteStore(Settings("sqlite", str(Path(self.folder.name) / "ledger.db"), timeout_seconds=60))

    def tearDown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def new_originator_id(self) -> str:
        return str(uuid4())

    def create_recorder(self) -> ApplicationRecorder:
        return LedgerRecorder(self.store)


class TestSQLiteRecorder(OnSQLite, ApplicationRecorderTestCase[ApplicationRecorder]):
    """Inserting, selecting, conflicts, concurrency."""


class TestSQLiteNotificationIds(OnSQLite, NonInterleavingNotificationIDsBaseCase):
    """Events of one append stand together in the log."""


@pytest.mark.usefixtures("_server")
class OnPostgres:
    url: str

    @pytest.fixture
    def _server(self, postgres_url: str) -> None:
        type(self).url = postgres_url

    def setUp(self) -> None:
        self.store = PostgresStore(replace(Settings.read(self.url), timeout_seconds=60, pool_size=12))

    def tearDown(self) -> None:
        self.store.close()

    def new_originator_id(self) -> str:
        return str(uuid4())

    def create_recorder(self) -> ApplicationRecorder:
        return LedgerRecorder(self.store)


class TestPostgresRecorder(OnPostgres, ApplicationRecorderTestCase[ApplicationRecorder]):
    """Inserting, selecting, conflicts, concurrency."""

    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = False  # a rolled-back append leaves a gap in the global order


# The suites are base classes here, not tests.
del ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase


def test_the_library_reads_a_ledger_as_one_of_its_applications() -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="61.8", intent_id="1")
        ledger.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="53190368")
        application = ledger.application
        position: Position = application.repository.get("APTUSDT.binance")
        assert (position.version, position.status) == (2, "entry_placed")
        position_then: Position = application.repository.get("APTUSDT.binance", version=1)
        assert position_then.status == "pending_entry"
        section = application.notification_log["1,10"]
        assert [item.topic for item in section.items] == ["EntryRequested.v1", "EntryPlaced.v1"]
        try:
            application.repository.get(PositionKey("PERPUSDT", "binance").stream)
        except AggregateNotFoundError:
            pass
        else:
            raise AssertionError("nothing ever happened there")
