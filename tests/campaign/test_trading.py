"""Whatever happens to a bot and its exchange: nothing doubled, nothing bare, nothing left, nothing stuck."""

from __future__ import annotations

import os

import pytest

from position_ledger.testing import Clock, memory_ledger
from tests.campaign.trading import TradingRun

RUNS = int(os.environ.get("LEDGER_CAMPAIGN_RUNS", "120"))
PARTS = 8


@pytest.mark.parametrize("on_asyncio", [False, True], ids=["threads", "asyncio"])
@pytest.mark.parametrize("part", range(PARTS))
def test_a_bot_comes_through(part: int, *, on_asyncio: bool) -> None:
    for seed in range(part, RUNS, PARTS):
        clock = Clock()
        with memory_ledger(clock) as ledger:
            run = TradingRun(ledger, clock, seed, on_asyncio=on_asyncio)
            run.play()
            assert run.faults() == [], f"seed {seed}"
