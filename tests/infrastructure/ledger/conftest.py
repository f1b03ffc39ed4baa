"""A ledger that is told things."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infrastructure.integrity.verify import verify
from tests.infrastructure.ledger.told import Told


@pytest.fixture
def told(ledger_url: str) -> Iterator[Told]:
    told = Told(ledger_url)
    yield told
    report = verify(told.ledger.store)
    assert report.ok, report.findings
    assert told.ledger.rebuild().differences == 0
    told.ledger.disconnect()
