"""What was open at a moment, on either clock."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import InvalidCommand
from domain.values import timestamp_text
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.as_of import TimeAxis
from projections.health import diagnosis
from scripts.options.filters import EVERYTHING
from scripts.serving.past import PastStatus, first_recorded
from tests.scripts.cases import APT, fill
from tests.spec import second

HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> PositionLedger:
    url = f"sqlite:///{tmp_path}/ledger.db"
    fill(url)
    return PositionLedger.connect(url)


def then(ledger: PositionLedger, at: str | None = None, by: str | None = None) -> PastStatus:
    silent = diagnosis.unread_history("nothing is heard")
    return PastStatus.read(ledger, EVERYTHING, HOUR, now=second(4000), at=at, by=by, beside=lambda _: (silent,))


@pytest.mark.parametrize("by", [None, "recorded", "event-time"])
def test_what_was_open_is_judged_as_of_then(ledger: PositionLedger, by: str | None) -> None:
    with ledger:
        found = then(ledger, timestamp_text(second(2)), by)
    assert [line.row.position_id for line in found.status.lines] == [APT]
    assert found.status.now == second(2) and found.status.lines[0].unprotected
    assert found.by is TimeAxis(by or "recorded") and found.status.beside == []


def test_without_a_moment_it_is_now(ledger: PositionLedger) -> None:
    with ledger:
        found = then(ledger)
        assert {line.row.symbol for line in found.status.lines} == {"1000000MOGUSDT", "SOLUSDT"}
        assert [each.subject for each in found.status.beside] == ["log"], "what is wrong beside them is so now"
        assert found.at == second(4000) and first_recorded(ledger) == second(0)
        assert then(ledger, timestamp_text(second(-1))).status.lines == ()


@pytest.mark.parametrize(
    ("at", "by"),
    [
        ("yesterday", None),
        ("2025-10-22T18:50:41", None),
        (None, "moon"),
        ("7", None),
        (timestamp_text(second(4001)), None),
        (timestamp_text(second(4001)), "event-time"),
    ],
)
def test_what_is_no_moment_of_the_past_and_no_clock_is_refused(
    ledger: PositionLedger, at: str | None, by: str | None
) -> None:
    with ledger, pytest.raises(InvalidCommand):
        then(ledger, at, by)


def test_a_ledger_without_events_has_no_first_one(tmp_path: Path) -> None:
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        assert first_recorded(ledger) is None
