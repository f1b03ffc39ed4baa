"""An old bot with a shadow behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.shadow.capture.outbox import Outbox
from infrastructure.legacy.shadow.divergence import Divergence
from infrastructure.legacy.shadow.replication import Replication
from tests.infrastructure.legacy.shadow.old_bot import TABLE, OldBot
from tests.infrastructure.legacy.shadow.replicated import mirrored

Mirror = Callable[[], list[Divergence]]


@pytest.fixture
def bot(postgres_url: str) -> Iterator[OldBot]:
    """Writing into its table, and the trigger is there."""
    with OldBot(postgres_url) as bot:
        bot.make_table()
        bot.install()
        yield bot


@pytest.fixture
def mirror(bot: OldBot, ledger: PositionLedger, postgres_url: str) -> Mirror:
    """Run the shadow once, as a process of its own would: it remembers nothing but what was stored."""

    assert bot.ask("SELECT 1")

    def run() -> list[Divergence]:
        with Outbox(postgres_url, TABLE) as outbox:
            return list(mirrored(Replication(ledger, outbox)))

    return run
