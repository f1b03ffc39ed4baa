"""A schema in which other roles may create objects: none of their objects is run, and `init` names these roles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import run
from tests.infrastructure.roles import as_role, made_role

HOME = Path(__file__).parents[4] / "infrastructure" / "event_store" / "postgres"
ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}
CONSTRUCTS = {"coalesce", "values", "numeric", "varchar"}
OURS = {"ledger_refuses_change", "len"}
TRAPS = """
DO $$
DECLARE
    kinds text[] := '{{smallint,integer,bigint,numeric,text,name,oid,regclass,timestamptz,boolean,varchar,"char"}}';
    one text; other text; called text;
BEGIN
    CREATE FUNCTION trap() RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''a trap was run''; END';
    FOREACH one IN ARRAY kinds LOOP
        FOREACH called IN ARRAY {functions}::text[] LOOP
            EXECUTE pg_catalog.format('CREATE FUNCTION %I(%s) RETURNS text LANGUAGE sql AS ''SELECT trap()''',
                called, one);
        END LOOP;
        FOREACH other IN ARRAY kinds LOOP
            EXECUTE pg_catalog.format('CREATE FUNCTION trap(%s, %s) RETURNS boolean LANGUAGE sql'
                ' AS ''SELECT trap()::boolean''', one, other);
            FOREACH called IN ARRAY '{{=,<>,<,>,<=,>=,+,-,*,/,||,~,~~}}'::text[] LOOP
                EXECUTE pg_catalog.format('CREATE OPERATOR %s (FUNCTION = trap, LEFTARG = %s, RIGHTARG = %s)',
                    called, one, other);
            END LOOP;
            FOREACH called IN ARRAY {functions}::text[] LOOP
                EXECUTE pg_catalog.format('CREATE FUNCTION %I(%s, %s) RETURNS text LANGUAGE sql'
                    ' AS ''SELECT trap()''', called, one, other);
            END LOOP;
        END LOOP;
    END LOOP;
    CREATE FUNCTION format(text, text, text, text, text) RETURNS text LANGUAGE sql AS 'SELECT trap()';
    CREATE FUNCTION count() RETURNS text LANGUAGE sql AS 'SELECT trap()';
END
$$
"""


def statements() -> str:
    """Every statement that we send, without the Python around it."""
    texts = [path.read_text() for path in sorted(HOME.rglob("*.sql"))]
    for path in sorted(HOME.rglob("*.py")):
        texts += re.findall(r'"([^"\n]*\b(?:SELECT|FROM|WHERE|VALUES)\b[^"\n]*)"', path.read_text())
    return "\n".join(texts)


def test_every_function_is_called_by_its_full_name() -> None:
    called = set(re.findall(r"(?<![\w.}{])([a-z_]+)\(", statements()))
    assert called - CONSTRUCTS - OURS == set()


@pytest.fixture
def hostile(postgres_url: str) -> Iterator[str]:
    """An open schema `public`, and the URL of a role that set its traps in it."""
    with made_role(postgres_url) as mallory, psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        yield as_role(postgres_url, mallory)


def set_traps(url: str) -> None:
    functions = sorted(set(re.findall(r"pg_catalog\.([a-z_]+)\(", statements())))
    assert "pg_advisory_xact_lock_shared" in functions
    with psycopg.connect(url, autocommit=True) as connection:
        text = sql.SQL(TRAPS).format(functions=sql.Literal(functions))
        connection.execute(text)


def test_nothing_that_others_made_in_the_schema_is_run(postgres_url: str, hostile: str) -> None:
    set_traps(hostile)
    with made_role(postgres_url) as bot:
        done = run(postgres_url, "init", "--runtime-role", bot, "--legacy-view", "old_positions")
        assert done.returncode == 0, done.stderr
        with PositionLedger.connect(as_role(postgres_url, bot)) as ledger:
            ledger.request_entry(**ENTRY, intent_id="1")
            ledger.fail_entry(position_id="APTUSDT.binance#1", reason="no", outcome="rejected")
            ledger.request_entry(**ENTRY, intent_id="2")
        with PositionLedger.connect(postgres_url) as ledger:
            assert ledger.rebuild().rows == 2
            assert verify(ledger.store, processes=2).ok
    for command in (["rebuild"], ["stats"], ["export", "--output", "-"], ["diagnose"], ["positions"], ["anchor"]):
        done = run(postgres_url, *command)
        assert done.returncode == 0, done.stderr
