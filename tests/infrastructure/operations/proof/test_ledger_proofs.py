"""The proofs fail on a schema without its guards, as on an engine that does not support them."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from infrastructure.operations.proof.guarantee import NotGuaranteed
from infrastructure.operations.proof.ledger_proofs import LedgerProofs
from infrastructure.settings import Settings
from tests.urls import with_options

NO_KEY = "ALTER TABLE ledger_events DROP CONSTRAINT ledger_events_pkey"


@pytest.mark.parametrize(
    ("taken_away", "check", "seen"),
    [
        (NO_KEY, "exclusive version", "8 rivals were answered: "),
        (f"{NO_KEY}; DROP INDEX ledger_events_intent", "intent once", "8 rivals were answered: "),
        ("DROP INDEX positions_one_open", "one open cycle", "a second open row was taken"),
        ("DROP TRIGGER rejections_append_only ON rejections", "append-only", "taken: UPDATE rejections SET stream"),
    ],
)
def test_a_guard_that_is_missing_is_seen(postgres_url: str, taken_away: str, check: str, seen: str) -> None:
    scratch = Settings.read(with_options(postgres_url, "schema=scratch"))
    with closing(LedgerProofs(scratch)) as proof, psycopg.connect(postgres_url, autocommit=True) as owner:
        assert proof.proofs()[check]()
        owner.execute("SET search_path = scratch")
        owner.execute(taken_away.encode())
        with pytest.raises(NotGuaranteed, match=seen):
            proof.proofs()[check]()
