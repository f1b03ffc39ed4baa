"""A schema with foreign objects of our names: they are named, nothing is created, and an empty schema works."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from domain.errors import SchemaMismatch
from infrastructure.event_store.postgres import schema
from infrastructure.ledger.ledger import PositionLedger
from tests.acceptance.bot import read, run
from tests.infrastructure.roles import made_role
from tests.urls import with_options

EVERYTHING = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION ALL"
    " SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
)


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("CREATE TABLE positions (id int)", "table positions"),
        ("CREATE TABLE rejections (id int)", "table rejections"),
        ("CREATE TABLE projection_rows (id int)", "table projection_rows"),
        ("CREATE VIEW positions AS SELECT 1 AS id", "view positions"),
        ("CREATE MATERIALIZED VIEW projections AS SELECT 1 AS id", "materialized view projections"),
        ("CREATE SEQUENCE ledger_events", "sequence ledger_events"),
        ("CREATE TYPE positions AS ENUM ('a')", "type positions"),
        ("CREATE TYPE positions AS (a int)", "type positions"),
        ("CREATE TABLE x (id int); CREATE INDEX ledger_events_nid ON x (id)", "index ledger_events_nid"),
        ("CREATE TABLE x (id int CONSTRAINT positions_pkey PRIMARY KEY)", "index positions_pkey"),
        (
            "CREATE FUNCTION ledger_refuses_change() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "function ledger_refuses_change",
        ),
        ("CREATE TABLE ledger_schema (id int)", "ledger_schema"),
        ("CREATE VIEW ledger_schema AS SELECT 9 AS version, ''::text AS name", "ledger_schema"),
        ("CREATE TABLE ledger_schema (version int, name text)", "table ledger_schema"),
    ],
)
def test_what_has_our_name_is_named_and_nothing_is_made(postgres_url: str, made: str, named: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(made.encode())
        before = owner.execute(EVERYTHING).fetchall()
        with pytest.raises(SchemaMismatch, match=rf"schema public has .*{named}.*\?schema=ledger"):
            PositionLedger.connect(postgres_url)
        assert owner.execute(EVERYTHING).fetchall() == before
    with PositionLedger.connect(with_options(postgres_url, "schema=ledger")) as ledger:
        assert ledger.positions() == []


def test_a_ledger_that_was_renamed_away_is_looked_for_and_no_empty_one_is_begun(postgres_url: str) -> None:
    entry: dict[str, Any] = {"exchange": "binance", "side": "long", "quantity": "1", "intent_id": "1"}
    with PositionLedger.connect(postgres_url) as ledger, psycopg.connect(postgres_url, autocommit=True) as owner:
        ledger.request_entry(symbol="APTUSDT", **entry)
        owner.execute("ALTER SCHEMA public RENAME TO elsewhere; CREATE SCHEMA public")
        with pytest.raises(SchemaMismatch, match="a ledger was opened there before") as refused:
            ledger.request_entry(symbol="FXSUSDT", **entry)
        assert "init" not in refused.value.message
        owner.execute("DROP SCHEMA public; ALTER SCHEMA elsewhere RENAME TO public")
        assert ledger.request_entry(symbol="FXSUSDT", **entry).may_order


@pytest.mark.parametrize("lost", ["DROP TABLE ledger_schema", "DELETE FROM ledger_schema"])
def test_a_ledger_of_which_a_part_was_restored_is_to_be_restored_and_not_begun_elsewhere(
    postgres_url: str, lost: str
) -> None:
    PositionLedger.connect(postgres_url).disconnect()
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(lost.encode())
        before = owner.execute(EVERYTHING).fetchall()
        with pytest.raises(SchemaMismatch, match=r"has the events of a ledger.* restore all of") as refused:
            PositionLedger.connect(postgres_url)
        assert "?schema=" not in refused.value.message
        assert owner.execute(EVERYTHING).fetchall() == before


def test_what_has_other_names_is_no_obstacle(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(
            "CREATE TABLE position (id int); CREATE FUNCTION positions() RETURNS int LANGUAGE sql AS 'SELECT 1'"
        )
    with PositionLedger.connect(postgres_url) as ledger:
        assert ledger.positions() == []


def test_a_migration_meets_what_took_its_names_meanwhile(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as old:
        old.setattr(schema, "_MIGRATIONS", schema._MIGRATIONS[:1])
        old.setattr(schema, "SCHEMA_VERSION", 1)
        PositionLedger.connect(postgres_url).disconnect()
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE projections (id int)")
        with pytest.raises(SchemaMismatch, match=r"table projections of .*\. Rename what is of something else"):
            PositionLedger.connect(postgres_url)
        owner.execute("DROP TABLE projections")
    PositionLedger.connect(postgres_url).disconnect()


def test_the_command_line_says_so_too(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE positions (id int)")
    for command in ("init", "record"):
        done = run(postgres_url, command)
        assert (done.returncode, "?schema=ledger" in done.stderr) == (3, True), done.stderr


def test_init_lets_only_those_create_who_are_named(postgres_url: str) -> None:
    with made_role(postgres_url, "GRANT CREATE ON SCHEMA public TO {}") as named:
        with psycopg.connect(postgres_url, autocommit=True) as owner:
            owner.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        done = run(postgres_url, "init")
        assert done.returncode == 0
        assert f"{named} may create" in done.stderr
        assert "PUBLIC may" not in done.stderr
        (section,) = (each for each in read(postgres_url, "diagnose")["sections"] if each["check"] == "database")
        (found,) = section["findings"]
        assert found["message"].startswith(f"{named} may create")
        assert found["advice"] == f'REVOKE CREATE ON SCHEMA "public" FROM "{named}", as the owner of the schema'
    done = run(postgres_url, "init")
    assert done.stderr == ""
    (section,) = (each for each in read(postgres_url, "diagnose")["sections"] if each["check"] == "database")
    assert section["findings"] == []


def test_a_second_ledger_does_not_take_the_first_ones_view(postgres_url: str) -> None:
    one, other = (with_options(postgres_url, f"schema={name}") for name in ("one", "other"))
    for _ in range(2):
        assert run(one, "init", "--legacy-view").returncode == 0
    done = run(other, "init", "--legacy-view")
    assert done.returncode == 1
    assert "monitoring.positions is there, and does not show the positions of" in done.stderr
    assert run(other, "init", "--legacy-view", "monitoring.others").returncode == 0
    with PositionLedger.connect(one) as ledger, psycopg.connect(postgres_url) as reader:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="1")
        assert reader.execute("SELECT symbol FROM monitoring.positions").fetchall() == [("APTUSDT",)]
