"""What was decided is written once, whatever becomes of connections."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from domain.errors import OutcomeUnknown, StoreUnavailable, VersionConflict
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.statements.statement_import import Statement, import_statements
from projections.progress import Progress
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


@pytest.mark.parametrize("is_taken", [True, False])
def test_an_import_whose_connection_is_lost_in_the_middle_says_how_to_go_on(
    postgres_url: str, *, is_taken: bool
) -> None:
    """It advised to send a command again that nobody had sent, or ended with a traceback when a bot was faster."""
    with PositionLedger.connect(postgres_url) as direct, proxied(postgres_url) as proxy:

        def cut() -> Cut:
            proxy.fate = lambda: None
            if is_taken:
                direct.request_entry(symbol="BTCUSDT", exchange="binance", side="long", quantity="1", intent_id="s1")
            else:
                proxy.is_open = False
            return "before"

        @contextmanager
        def cut_when_it_is_written(what: str, _: int | None) -> Iterator[Progress]:
            if what == "writing":
                proxy.fate = cut
            yield lambda _: None

        files = [Statement("one.csv", "one", many(1))]
        told_so = pytest.raises(VersionConflict if is_taken else OutcomeUnknown, match="Run it again")
        with PositionLedger.connect(proxy.url("timeout=1"), create=False) as ledger, told_so:
            import_statements(ledger, files, cut_when_it_is_written, confirm=True)
        assert direct.store.count_events() == is_taken
