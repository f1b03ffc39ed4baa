"""A bounded part of the campaign, on both databases; `make campaign` runs more of it."""

from __future__ import annotations

import os
from itertools import count
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.campaign.conversation import Conversation
from tests.urls import with_options

EXAMPLES: Final = int(os.environ.get("LEDGER_CAMPAIGN_EXAMPLES", "30"))
ON_POSTGRES: Final = 10
"""One of so many is told to PostgreSQL, too, where each needs a schema of its own."""
_SCHEMAS: Final = count(1)


def settings_of(examples: int) -> settings:
    return settings(max_examples=examples, stateful_step_count=40, suppress_health_check=[*HealthCheck])


def test_the_ledger_counts_what_the_oracle_counts() -> None:
    run_state_machine_as_test(Conversation, settings=settings_of(EXAMPLES))


def test_the_ledger_counts_what_the_oracle_counts_on_postgresql(postgres_url: str) -> None:
    class OnPostgres(Conversation):
        @property
        def url(self) -> str:
            return with_options(postgres_url, f"schema=c{next(_SCHEMAS)}")

    run_state_machine_as_test(OnPostgres, settings=settings_of(max(1, EXAMPLES // ON_POSTGRES)))


@pytest.mark.parametrize("kind", ["linear", "contracts", "inverse", "inverse contracts", "spot"])
def test_every_kind_of_instrument_is_talked_about(kind: str) -> None:
    told = Conversation()
    told.begin(kind=kind, is_long=True)
    told.request_entry()
    assert told.row.settle_currency == told.currency
    assert told.row.inverse is told.terms.inverse
    told.teardown()
