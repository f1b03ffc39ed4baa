"""The generated ledger: the same on every machine, with every kind of event, and its past agrees with its events."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from itertools import pairwise

import pytest

from domain.events import PositionEvent
from domain.values import Leg
from infrastructure.event_store.codec import encode
from infrastructure.ledger.ledger import PositionLedger
from scripts.benchmarks.workload.generated import generate
from scripts.benchmarks.workload.simulated_trader import Append
from tests.generated import Check


def digest(cycles: int, seed: int) -> str:
    written = hashlib.sha256()
    for append in generate(cycles, seed):
        for event in append.events:
            record = encode(event)
            written.update(
                f"{record.originator_id} {record.originator_version} {record.topic} ".encode() + record.state
            )
    return written.hexdigest()


@pytest.fixture(scope="module")
def year() -> list[Append]:
    return list(generate(600))


def test_live_rebuilt_and_past_rows_are_what_the_events_fold_to(year: list[Append], ledger_url: str) -> None:
    told: list[str] = []
    with PositionLedger.connect(ledger_url) as ledger:
        Check(ledger, lambda: iter(year), told.append).run(50, all_rows_every=25)
    assert "of 616 cycles in 200 streams" in told[0]


def test_one_seed_is_one_ledger_on_every_machine() -> None:
    assert digest(40, 1) == "a4bd3d5d4fcd37f59b6e36a45c4ddc03bf62f32785159a33a447c8fcfca0ecea"
    assert digest(40, 2) != digest(40, 1)


def test_appends_come_in_the_order_in_which_they_are_recorded(year: list[Append]) -> None:
    assert all(one.recorded_at <= then.recorded_at for one, then in pairwise(year))
    assert year[-1].recorded_at - year[0].recorded_at > timedelta(days=300)


def test_there_are_several_exchanges_accounts_and_legs_and_some_positions_are_open_at_the_end(
    year: list[Append],
) -> None:
    rows = {row.position_id: row for append in year for row in append.rows}
    assert {row.exchange for row in rows.values()} == {"binance", "bybit"}
    assert {row.account for row in rows.values()} == {None, "sub1"}
    assert {row.leg for row in rows.values()} == {Leg.BOTH, Leg.LONG, Leg.SHORT}
    assert 0 < sum(row.status.is_open for row in rows.values()) < len(rows) / 2
    assert max(row.cycle for row in rows.values()) > 1


def test_news_is_late_here_and_there(year: list[Append]) -> None:
    cycles: dict[str, list[PositionEvent]] = {}
    for append in year:
        for event in append.events:
            cycles.setdefault(event.position_id, []).append(event)
    late = [one for events in cycles.values() for one, then in pairwise(events) if then.ts_event < one.ts_event]
    assert len(late) > len(cycles) / 10
