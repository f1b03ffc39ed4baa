"""A file is opened while another process creates the ledger in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from infrastructure.event_store.sqlite import schema
from infrastructure.event_store.sqlite.connections import Connections
from infrastructure.settings import Settings


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_ledger_that_is_made_between_two_steps_of_a_look_is_seen_whole_or_not_yet(tmp_path: Path, nth: int) -> None:
    path = str(tmp_path / "ledger.db")
    maker = Connections(Settings("sqlite", path))
    maker.ensure_wal()
    steps = 0

    def step(_: str) -> None:
        nonlocal steps
        steps += 1
        if steps == nth:
            schema.migrate(maker)

    with closing(sqlite3.connect(path)) as looker, closing(maker):
        looker.set_trace_callback(step)
        assert schema.version_of(looker, path) in {0, schema.SCHEMA_VERSION}
        looker.set_trace_callback(None)
        assert schema.version_of(looker, path) == (schema.SCHEMA_VERSION if steps >= nth else 0)
    assert steps, "no step of the look was seen"
