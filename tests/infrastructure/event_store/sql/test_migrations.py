"""The messages about a database that does not contain the ledger."""

from __future__ import annotations

from infrastructure.event_store.sql.migrations import beside


def test_ledgers_of_the_same_database_are_named_one_and_several() -> None:
    assert beside(["old"]) == "of the same database schema old has one"
    assert beside(["a", "b"]) == "of the same database schemas a, b have one"
