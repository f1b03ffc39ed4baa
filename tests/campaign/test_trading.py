"""Whatever happens to a bot and its exchange, no order is doubled, every position gets a stop, no slot stays taken."""

from __future__ import annotations

import logging
import os

import pytest

from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from position_ledger import PositionLedger
from position_ledger.testing import Clock, assert_sound, memory_ledger
from tests.campaign.trading import TradingRun
from tests.urls import with_options

RUNS = int(os.environ.get("LEDGER_CAMPAIGN_RUNS", "64"))
PARTS = 8
ON_POSTGRES, POSTGRES_PARTS = 8, 2
"""One run of so many is played on PostgreSQL as well."""
SHARING = 25
"""So many runs share a ledger there, each with an account of its own: what is open in one is read by all."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of refusals and doubts are what is wanted here, and nobody reads them."""
    caplog.set_level(logging.ERROR, "position_ledger")


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
@pytest.mark.parametrize("part", range(POSTGRES_PARTS))
def test_a_bot_comes_through_on_postgresql(postgres_url: str, part: int, *, on_asyncio: bool) -> None:
    seeds = range(0, RUNS, ON_POSTGRES)[part::POSTGRES_PARTS]
    for number, first in enumerate(range(0, len(seeds), SHARING)):
        url, clock = with_options(postgres_url, f"schema=runs{number}&timeout=60"), Clock()
        with PositionLedger(open_store(Settings.read(url)), clock=clock) as ledger:
            for seed in seeds[first : first + SHARING]:
                run = TradingRun(ledger, clock, seed, on_asyncio=on_asyncio, account=f"run{seed}")
                run.play()
                assert run.faults() == [], f"seed {seed}"
            assert_sound(ledger)
