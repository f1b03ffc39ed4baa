"""What was decided is written once, whatever becomes of connections."""

from __future__ import annotations

import random

import pytest

from domain.errors import OutcomeUnknown, StoreUnavailable
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from tests.infrastructure.event_store.postgres.proxy import Cut, proxied
from tests.infrastructure.transfer.statements.intake.test_key_intake import many, told
from tests.infrastructure.transfer.statements.intake.told import take


def test_nothing_is_lost_or_doubled_while_connections_are_cut_at_random(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, facts = random.Random(3), many(30)
    cuts: list[Cut] = ["before", "after", "unheard"]
    with PositionLedger.connect("sqlite:///:memory:") as other:
        take(other, facts)
        whole = told(other)
    monkeypatch.setattr("infrastructure.transfer.statements.intake.decided_events.EVENTS_MAX", 15)
    monkeypatch.setattr("infrastructure.transfer.statements.intake.key_intake.FACTS_AT_ONCE", 7)
    with PositionLedger.connect(postgres_url) as direct, proxied(postgres_url) as proxy:
        proxy.fate = lambda: chance.choice(cuts) if chance.random() < 1 / 40 else None
        done = False
        for _ in range(100):
            try:
                with PositionLedger.connect(proxy.url("timeout=2"), create=False) as ledger:
                    take(ledger, facts)
                    done = True
                    break
            except (StoreUnavailable, OutcomeUnknown):
                assert verify(direct.store).ok
        assert done
        assert set(proxy.cuts) == set(cuts)
        assert told(direct) == whole
