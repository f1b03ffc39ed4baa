"""The library's own conformance suite, run against our store.

What does not apply: suites for aggregate recorders (they expect no notification ids: ours are application
recorders), tracking and process recorders (the positions table is written with the append), and factories (ours
hands out the one store that it was given). Stream ids are text and stored states are UTF-8, as our codec writes them.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.tests.persistence import ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase

from domain.key import PositionKey
from domain.position import Position
from infrastructure.ledger import PositionLedger
from infrastructure.settings import Settings
from infrastructure.sqlite.store import SQLiteStore


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
        return self.store


class TestSQLiteRecorder(OnSQLite, ApplicationRecorderTestCase[ApplicationRecorder]):
    """Inserting, selecting, conflicts, concurrency."""


class TestSQLiteNotificationIds(OnSQLite, NonInterleavingNotificationIDsBaseCase):
    """Events of one append stand together in the log."""


# The suites are base classes here, not tests.
del ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase


def test_the_library_reads_a_ledger_as_one_of_its_applications() -> None:
    with PositionLedger.connect("sqlite:///:memory:") as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="61.8", intent_id="1")
        ledger.record_entry_placed(position_id="APTUSDT.binance#1", exchange_order_id="53190368")
        application = ledger._application
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
