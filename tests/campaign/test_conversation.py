"""A bounded part of the campaign, on both databases; `make campaign` runs it as long as one likes."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.campaign.conversation import Conversation

EXAMPLES: Final = int(os.environ.get("LEDGER_CAMPAIGN_EXAMPLES", "100"))
SETTINGS: Final = settings(
    max_examples=EXAMPLES, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_the_ledger_counts_what_the_oracle_counts() -> None:
    run_state_machine_as_test(Conversation, settings=SETTINGS)
