"""One statement, written for each of the two databases."""

from __future__ import annotations

import re

import pytest

from infrastructure.event_store.sql import sql_checkpoints, sql_store
from infrastructure.event_store.sql.dialect import POSTGRES, SQLITE

COUNT = "SELECT {catalog}count(*) FROM ledger_events WHERE nid > ?"
STATEMENTS = [
    text
    for module in (sql_checkpoints, sql_store)
    for text in vars(module).values()
    if isinstance(text, str) and re.match("(SELECT|INSERT|UPDATE|DELETE) ", text)
]
A_FUNCTION = re.compile(r"(?<![.\w])(?:count|max|min|substr|split_part)\(")


def test_a_parameter_and_a_function_are_spelled_as_the_database_wants_them() -> None:
    assert SQLITE.spelled(COUNT) == "SELECT count(*) FROM ledger_events WHERE nid > ?"
    assert POSTGRES.spelled(COUNT) == "SELECT pg_catalog.count(*) FROM ledger_events WHERE nid > %s"


def test_what_is_spelled_already_stays() -> None:
    assert POSTGRES.spelled(POSTGRES.spelled(COUNT)) == POSTGRES.spelled(COUNT)
    assert SQLITE.spelled("SELECT ?1") == "SELECT ?1"


@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_function_is_looked_for_where_somebody_may_have_made_one(statement: str) -> None:
    assert not A_FUNCTION.search(POSTGRES.spelled(statement))


def test_a_function_without_its_schema_is_seen() -> None:
    assert A_FUNCTION.search(POSTGRES.spelled("SELECT max(nid)")) and not A_FUNCTION.search(POSTGRES.spelled(COUNT))
