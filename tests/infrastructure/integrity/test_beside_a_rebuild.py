"""Readers during a rebuild see one moment, whichever table has the name of the positions table."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from domain.errors import StoreUnavailable
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from tests.urls import with_options

ENTRY: dict[str, Any] = {"exchange": "binance", "side": "short", "quantity": "61.8"}
STREAMS = 200


@pytest.mark.parametrize("processes", [1, 2])
def test_verify_beside_rebuilds_tells_the_truth(ledger_url: str, processes: int) -> None:
    with PositionLedger.connect(ledger_url) as ledger, PositionLedger.connect(ledger_url) as other:
        for number in range(STREAMS):
            ledger.request_entry(**ENTRY, symbol=f"S{number}USDT", intent_id=str(number))
        done, rebuilt = threading.Event(), list[int]()

        def rebuild() -> None:
            while not done.is_set():
                rebuilt.append(other.rebuild().differences)

        thread = threading.Thread(target=rebuild)
        thread.start()
        try:
            reports = [verify(ledger.store, processes=processes) for _ in range(2 if processes > 1 else 8)]
        finally:
            done.set()
            thread.join()
    assert {(report.findings, report.rows) for report in reports} == {((), STREAMS)}
    assert set(rebuilt) == {0}


def test_the_rows_of_a_snapshot_are_those_of_its_moment(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger, PositionLedger.connect(ledger_url) as other:
        for number in range(3):
            ledger.request_entry(**ENTRY, symbol=f"S{number}USDT", intent_id=str(number))
        thread = threading.Thread(target=other.rebuild)
        with ledger.store.snapshot():
            assert ledger.store.count_events() == 3
            thread.start()
            thread.join(timeout=1)  # on PostgreSQL it waits for the snapshot, and lets writers in meanwhile
            assert len(list(ledger.store.rows())) == 3
            other.request_entry(**ENTRY, symbol="LATEUSDT", intent_id="late")
            assert len(list(ledger.store.rows())) == 3
        thread.join()
        assert verify(ledger.store).ok
        assert len(ledger.positions()) == 4


def test_what_a_killed_rebuild_left_may_be_dropped_while_a_ledger_is_verified(postgres_url: str) -> None:
    """PostgreSQL still lists its indexes as of the moment of the snapshot, and has no definition of them any more."""
    with PositionLedger.connect(postgres_url) as ledger, PositionLedger.connect(postgres_url) as other:
        ledger.request_entry(**ENTRY, symbol="AUSDT", intent_id="1")
        with other.store.rebuilding():
            pass  # killed before it swapped
        with ledger.store.snapshot():
            assert ledger.store.count_events() == 1
            with other.store.rebuilding():
                pass  # drops what the first one left
            assert ledger.store.broken_guards() == {}
            assert verify(ledger.store).ok


def test_a_rebuild_that_a_long_verification_keeps_from_its_end_says_so(postgres_url: str) -> None:
    impatient = with_options(postgres_url, "timeout=3")
    with PositionLedger.connect(postgres_url) as ledger, PositionLedger.connect(impatient) as other:
        ledger.request_entry(**ENTRY, symbol="AUSDT", intent_id="1")
        with ledger.store.snapshot():
            assert ledger.store.count_events() == 1
            with pytest.raises(StoreUnavailable, match=r"others used the positions table for 1\.5 s .*Run it again"):
                other.rebuild()
        assert other.rebuild().differences == 0
        assert verify(ledger.store).ok
