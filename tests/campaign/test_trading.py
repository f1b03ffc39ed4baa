"""Whatever happens to a bot and its exchange: nothing doubled, nothing bare, nothing left, nothing stuck."""

from __future__ import annotations

import os

import pytest

from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from position_ledger import PositionLedger
from position_ledger.testing import Clock, assert_sound, memory_ledger
from tests.campaign.trading import TradingRun

RUNS = int(os.environ.get("LEDGER_CAMPAIGN_RUNS", "120"))
PARTS = 8
ON_POSTGRES, ON_POSTGRES_MAX = 8, 250
"""One run of so many is played on PostgreSQL as well, and at most so many: they share a ledger."""


@pytest.mark.parametrize("on_asyncio", [False, True], ids=["threads", "asyncio"])
@pytest.mark.parametrize("part", range(PARTS))
def test_a_bot_comes_through(part: int, *, on_asyncio: bool) -> None:
    for seed in range(part, RUNS, PARTS):
        clock = Clock()
        with memory_ledger(clock) as ledger:
            run = TradingRun(ledger, clock, seed, on_asyncio=on_asyncio)
            run.play()
            assert run.faults() == [], f"seed {seed}"


@pytest.mark.parametrize("on_asyncio", [False, True], ids=["threads", "asyncio"])
def test_a_bot_comes_through_on_postgresql(postgres_url: str, *, on_asyncio: bool) -> None:
    clock = Clock()
    with PositionLedger(open_store(Settings.read(postgres_url)), clock=clock) as ledger:
        for seed in range(0, RUNS, ON_POSTGRES)[:ON_POSTGRES_MAX]:
            run = TradingRun(ledger, clock, seed, on_asyncio=on_asyncio, account=f"run{seed}")
            run.play()
            assert run.faults() == [], f"seed {seed}"
        assert_sound(ledger)
