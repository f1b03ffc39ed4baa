"""A primary, its standby, and a server that subscribes to its ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import psycopg
import pytest

from infrastructure.event_store.postgres.replication.replica_store import TABLES
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from projections.projection import STATISTICS
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.server import Server, ServerFolder, servers

ENTRY: dict[str, Any] = {"exchange": "binance", "side": "short", "quantity": "61.8"}
_symbols = count(1)


class Replicas:
    """A primary with a ledger, and both kinds of copies of it."""

    def __init__(self, place: ServerFolder) -> None:
        spelled = "intervalstyle = 'sql_standard'"
        self.primary = place.server(
            "wal_level = logical", "max_wal_senders = 10", "max_replication_slots = 10", spelled
        )
        self.place = place
        self.ledger = PositionLedger.connect(self.primary.url(timeout=2))
        self.standby = place.standby(self.primary)
        self.subscriber = place.server(spelled)
        PositionLedger.connect(self.subscriber.url()).disconnect()
        self.subscriber.do("DELETE FROM projections")
        self.primary.do(f"CREATE PUBLICATION ledger FOR TABLE {', '.join(TABLES)}")
        self.subscriber.do(f"CREATE SUBSCRIPTION copy CONNECTION '{self.primary.url()}' PUBLICATION ledger")
        eventually(lambda: self.subscriber.do("SELECT DISTINCT srsubstate FROM pg_subscription_rel") == [("r",)])

    def open(self) -> str:
        """Open a position on a symbol of its own; returns its id."""
        number = next(_symbols)
        return self.ledger.request_entry(symbol=f"S{number}USDT", intent_id=str(number), **ENTRY).position_id

    def follow(self) -> None:
        """Let a follower on the primary take in what is there."""
        Projector(self.ledger.store, STATISTICS).catch_up()

    def arrived(self) -> None:
        """Wait until both copies have all that the primary has."""
        asked = "SELECT (SELECT max(nid) FROM ledger_events), (SELECT max(nid) FROM projections)"
        eventually(lambda: self.primary.do(asked) == self.standby.do(asked) == self.subscriber.do(asked))

    def of(self, kind: str) -> Server:
        server: Server = getattr(self, kind)
        return server


@pytest.fixture(scope="session")
def replicas() -> Iterator[Replicas]:
    with servers() as place:
        made = Replicas(place)
        try:
            yield made
        finally:
            made.ledger.disconnect()
            with suppress(psycopg.Error):
                made.subscriber.do("DROP SUBSCRIPTION copy")
