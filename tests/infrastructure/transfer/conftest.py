"""An export of a ledger on SQLite with something of everything."""

from __future__ import annotations

import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.infrastructure.transfer.day import live_a_day, told


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    with PositionLedger.connect(f"sqlite:///{tmp_path_factory.mktemp('source')}/ledger.db") as ledger:
        live_a_day(ledger)
        return told(ledger)
