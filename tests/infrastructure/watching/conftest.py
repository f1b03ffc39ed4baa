from __future__ import annotations

from collections.abc import Iterator

import pytest

from infrastructure.ledger.ledger import PositionLedger
from infrastructure.watching import courier
from tests.infrastructure.watching.loopback import Loopback, loopback
from tests.infrastructure.watching.night import Night


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as told:
        yield told


@pytest.fixture
def night(ledger_url: str) -> Night:
    with PositionLedger.connect(ledger_url):
        return Night(ledger_url)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "PAUSE_SECONDS", 0.01)
