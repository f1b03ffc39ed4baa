"""All commands tell one truth about ledgers at random, on both databases; `make campaign` tries many more."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from position_ledger import PositionLedger
from position_ledger.testing import Clock
from scripts.benchmarks.workload.generated import generate, write
from tests.campaign.asked import Asked
from tests.campaign.told_ledgers import ToldLedger, told_ledgers
from tests.campaign.trading import DEEDS_MAX, TradingRun
from tests.campaign.truths import Truths
from tests.urls import with_options

EXAMPLES: Final = int(os.environ.get("LEDGER_CAMPAIGN_EXAMPLES", "30"))
OF_SO_MANY: Final = 4
"""Of so many conversations of the campaign one ledger is tried: each is asked two hundred questions."""
ON_POSTGRES: Final = 20
PHASES: Final = [Phase.generate, Phase.shrink] if "LEDGER_CAMPAIGN_EXAMPLES" in os.environ else [Phase.generate]
"""A ledger takes a second, so one that is found is made smaller only where there is time for it."""
_SCHEMAS: Final = count(1)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Hundreds of refusals are what is wanted here, and nobody reads them."""
    caplog.set_level(logging.ERROR, "position_ledger")


def settings_of(examples: int) -> settings:
    return settings(max_examples=max(2, examples), phases=PHASES, suppress_health_check=[*HealthCheck])


@settings_of(EXAMPLES // OF_SO_MANY)
@given(told_ledgers())
def test_all_commands_tell_one_truth(ledger: ToldLedger) -> None:
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ledger.db"
        ledger.write(url)
        Truths(Asked(url, ledger.now), Path(folder)).agree()


@pytest.mark.parametrize("part", range(2))
def test_all_commands_tell_one_truth_of_a_bot_that_was_killed(part: int) -> None:
    """The runs of `test_trading.py`, asked before anybody clears up."""
    for seed in range(part, EXAMPLES // OF_SO_MANY, 2):
        with TemporaryDirectory() as folder:
            url, clock = f"sqlite:///{folder}/ledger.db", Clock()
            with PositionLedger(open_store(Settings.read(url)), clock=clock) as ledger:
                run = TradingRun(ledger, clock, seed, on_asyncio=False)
                for _ in range(run.rng.randint(2, DEEDS_MAX)):
                    run.deed()
            clock.tick(run.rng.choice((0, 5, 40, 100)))
            Truths(Asked(url, clock()), Path(folder)).agree()


def test_all_commands_tell_one_truth_of_a_year(tmp_path: Path) -> None:
    """Every kind of story, over several accounts and legs; some positions are left open."""
    year = [*generate(24, streams=8)]
    with PositionLedger.connect(url := f"sqlite:///{tmp_path}/ledger.db") as ledger:
        write(ledger.store, iter(year))
    Truths(Asked(url, year[-1].recorded_at + timedelta(seconds=3)), tmp_path).agree()


def test_both_databases_tell_one_truth(postgres_url: str) -> None:
    @settings_of(EXAMPLES // ON_POSTGRES)
    @given(told_ledgers())
    def tried(ledger: ToldLedger) -> None:
        with TemporaryDirectory() as folder:
            url, there = f"sqlite:///{folder}/ledger.db", with_options(postgres_url, f"schema=t{next(_SCHEMAS)}")
            ledger.write(url)
            ledger.write(there)
            Truths(Asked(url, ledger.now), Path(folder)).is_said_of(Asked(there, ledger.now))

    tried()
