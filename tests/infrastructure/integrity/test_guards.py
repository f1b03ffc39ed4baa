"""The guards of the tables: one that is gone, idle or replaced is named, with what makes it again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.settings import Settings
from tests.acceptance.bot import run
from tests.infrastructure.event_store.postgres.load import eventually
from tests.infrastructure.event_store.postgres.server import servers
from tests.infrastructure.roles import made_role
from tests.urls import with_options


@pytest.mark.parametrize(
    ("on_sqlite", "on_postgresql", "named"),
    [
        ("", "ALTER TABLE ledger_events DISABLE TRIGGER USER", "ledger_events_append_only"),
        ("", "DROP TRIGGER rejections_append_only ON rejections", "rejections_append_only"),
        ("", "ALTER TABLE rejections ENABLE REPLICA TRIGGER rejections_append_only", "rejections_append_only"),
        ("DROP TRIGGER rejections_no_delete", "", "rejections_no_delete"),
        (
            """DROP TRIGGER rejections_no_delete;
            CREATE TRIGGER rejections_no_delete BEFORE DELETE ON rejections WHEN 0 BEGIN SELECT 1; END""",
            "",
            "rejections_no_delete",
        ),
        ("DROP INDEX ledger_events_intent", "DROP INDEX ledger_events_intent", "ledger_events_intent"),
        ("DROP INDEX positions_one_open", "DROP INDEX positions_one_open", "positions_one_open"),
        ("DROP TRIGGER ledger_events_hash", "ALTER TABLE ledger_events DROP CONSTRAINT ledger_events_hash",
         "ledger_events_hash"),
        (
            "DROP INDEX positions_one_open; CREATE INDEX positions_one_open ON positions (stream)",
            "DROP INDEX positions_one_open; CREATE INDEX positions_one_open ON positions (stream)",
            "positions_one_open",
        ),
        (
            "DROP INDEX positions_one_open; CREATE UNIQUE INDEX positions_one_open ON positions (position_id)",
            "DROP INDEX positions_one_open; CREATE UNIQUE INDEX positions_one_open ON positions (position_id)",
            "positions_one_open",
        ),
        (
            "DROP INDEX ledger_events_intent; CREATE UNIQUE INDEX ledger_events_intent ON ledger_events (nid)",
            "DROP INDEX ledger_events_intent; CREATE UNIQUE INDEX ledger_events_intent ON ledger_events (nid)",
            "ledger_events_intent",
        ),
        (
            "",
            """DROP TRIGGER ledger_events_append_only ON ledger_events;
            CREATE TRIGGER ledger_events_append_only BEFORE UPDATE ON ledger_events
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change()""",
            "ledger_events_append_only",
        ),
        (
            "",
            """DROP TRIGGER ledger_events_append_only ON ledger_events;
            CREATE TRIGGER ledger_events_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON watches
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change()""",
            "ledger_events_append_only",
        ),
        (
            "",
            """CREATE OR REPLACE FUNCTION ledger_refuses_change() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RETURN NULL; END $$""",
            "ledger_refuses_change",
        ),
        (
            "",
            """ALTER TABLE ledger_events DROP CONSTRAINT ledger_events_hash;
            ALTER TABLE ledger_events ADD CONSTRAINT ledger_events_hash CHECK (true)""",
            "ledger_events_hash",
        ),
        ("", "ALTER SEQUENCE ledger_events_nid_seq CACHE 100", "ledger_events_nid_seq"),
    ],
)  # fmt: skip
def test_a_guard_that_is_gone_is_named(
    ledger: PositionLedger, ledger_url: str, on_sqlite: str, on_postgresql: str, named: str
) -> None:
    settings = Settings.read(ledger_url)
    assert ledger.rebuild().differences == 0
    assert verify(ledger.store).ok
    if settings.kind == "sqlite":
        with closing(sqlite3.connect(settings.where)) as file:
            file.executescript(on_sqlite)
        broken = bool(on_sqlite)
    else:
        with psycopg.connect(settings.where) as owner:
            owner.execute(on_postgresql.encode())
        broken = bool(on_postgresql)
    assert [(found.kind, found.where) for found in verify(ledger.store).findings] == [("guard", named)] * broken


@pytest.mark.parametrize(
    ("tuned", "made_again"),
    [
        ("ALTER TABLE ledger_events VALIDATE CONSTRAINT ledger_events_hash", None),
        ("ALTER INDEX ledger_events_intent SET (fillfactor = 70)", None),
        ("DROP TRIGGER ledger_events_append_only ON ledger_events", "ledger_events_append_only"),
        ("DROP INDEX ledger_events_intent", "ledger_events_intent"),
        ("ALTER TABLE ledger_events DROP CONSTRAINT ledger_events_hash", "ledger_events_hash"),
        ("ALTER TABLE ledger_events DROP CONSTRAINT ledger_events_pkey", "ledger_events_pkey"),
        ("ALTER SEQUENCE ledger_events_nid_seq CACHE 9", "ledger_events_nid_seq"),
        (
            """CREATE OR REPLACE FUNCTION ledger_refuses_change() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RETURN NULL; END $$""",
            "ledger_refuses_change",
        ),
        ("ALTER TABLE ledger_events DISABLE TRIGGER ledger_events_append_only", "ledger_events_append_only"),
        (
            """DROP TRIGGER rejections_append_only ON rejections;
            CREATE TRIGGER rejections_append_only BEFORE UPDATE ON rejections
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuses_change()""",
            "rejections_append_only",
        ),
        (
            "DROP INDEX ledger_events_intent; CREATE INDEX ledger_events_intent ON ledger_events (nid)",
            "ledger_events_intent",
        ),
        (
            """ALTER TABLE positions DROP CONSTRAINT positions_pkey,
            ADD CONSTRAINT positions_pkey UNIQUE (stream, cycle)""",
            "positions_pkey",
        ),
        (
            """ALTER TABLE ledger_events DROP CONSTRAINT ledger_events_hash,
            ADD CONSTRAINT ledger_events_hash CHECK (true)""",
            "ledger_events_hash",
        ),
    ],
)
def test_a_guard_is_made_again_by_what_the_finding_says(postgres_url: str, tuned: str, made_again: str | None) -> None:
    within = with_options(postgres_url, "schema=books")
    with PositionLedger.connect(within) as ledger, psycopg.connect(postgres_url, autocommit=True) as owner:
        ledger.request_entry(symbol="BTCUSDT", exchange="binance", side="long", quantity="1", intent_id="s1")
        made = _as_made(owner)
        owner.execute(f"SET search_path = books; {tuned}; RESET search_path".encode())
        findings = verify(ledger.store).findings
        assert [found.where for found in findings] == ([] if made_again is None else [made_again])
        for found in findings:
            owner.execute(found.message.partition("its owner makes it again with: ")[2].encode())
        assert verify(ledger.store).ok
        assert tuned.startswith(("ALTER INDEX", "ALTER TABLE ledger_events VALIDATE")) or _as_made(owner) == made


def _as_made(owner: psycopg.Connection[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Every constraint of a schema, and how its functions look for names."""
    return owner.execute(
        """SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'books'::regnamespace
        UNION ALL SELECT proname::text, proconfig::text FROM pg_proc WHERE pronamespace = 'books'::regnamespace
        ORDER BY 1"""
    ).fetchall()


@pytest.mark.parametrize(
    ("whose", "how"),
    [
        ("DATABASE {name}", "replica"),
        ("ROLE {role}", "'REPLICA'"),
        ("ROLE {role} IN DATABASE {name}", "'Replica'"),
    ],
)
def test_a_setting_by_which_triggers_do_not_fire_is_named_until_it_is_reset(
    postgres_url: str, whose: str, how: str
) -> None:
    with (
        made_role(postgres_url) as role,
        PositionLedger.connect(postgres_url) as ledger,
        psycopg.connect(postgres_url, autocommit=True) as owner,
    ):
        owner.execute(f'GRANT INSERT (payload) ON ledger_events TO "{role}"'.encode())
        told = whose.format(name=f'"{owner.info.dbname}"', role=f'"{role}"')
        owner.execute(f"ALTER {told} SET session_replication_role = origin".encode())
        assert verify(ledger.store).ok
        owner.execute(f"ALTER {told} SET session_replication_role = {how}".encode())
        (found,) = verify(ledger.store).findings
        assert (found.kind, found.where) == ("guard", "session_replication_role")
        owner.execute(found.message.partition("its owner makes it again with: ")[2].encode())
        assert verify(ledger.store).ok


def test_a_server_on_which_no_trigger_fires_is_named_until_it_is_reset() -> None:
    with servers() as place:
        server = place.server("session_replication_role = replica")
        with PositionLedger.connect(server.url()) as ledger:
            (found,) = verify(ledger.store).findings
        assert (found.kind, found.where) == ("guard", "session_replication_role")
        for statement in found.message.partition("its owner makes it again with: ")[2].split("; "):
            server.do(statement)
        eventually(lambda: server.do("SELECT pg_catalog.current_setting('session_replication_role')") == [("origin",)])
        with PositionLedger.connect(server.url()) as ledger:
            assert verify(ledger.store).ok


def test_every_guard_of_a_file_is_made_again_by_what_the_findings_say(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger, closing(sqlite3.connect(file)) as owner:
        for kind, name in owner.execute(
            "SELECT type, name FROM sqlite_schema WHERE type IN ('trigger', 'index') AND sql IS NOT NULL"
        ).fetchall():
            owner.execute(f"DROP {kind} {name}")
        findings = verify(ledger.store).findings
        assert len(findings) == 13
        for found in findings:
            owner.execute(found.message.partition("its owner makes it again with: ")[2])
        assert verify(ledger.store).ok


def test_a_guard_of_a_file_that_is_another_one_is_replaced_by_what_the_finding_says(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger, closing(sqlite3.connect(file)) as owner:
        owner.executescript(
            """DROP TRIGGER ledger_events_hash;
            CREATE TRIGGER ledger_events_hash BEFORE INSERT ON ledger_events WHEN 0 BEGIN SELECT 1; END;
            DROP INDEX ledger_events_intent;
            CREATE INDEX ledger_events_intent ON ledger_events (stream, intent_id);"""
        )
        findings = verify(ledger.store).findings
        assert [found.where for found in findings] == ["ledger_events_hash", "ledger_events_intent"]
        for found in findings:
            owner.executescript(found.message.partition("its owner makes it again with: ")[2] + ";")
        assert verify(ledger.store).ok


def test_a_guard_of_a_file_that_cannot_be_made_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    named = "SELECT sql FROM sqlite_schema WHERE name = 'positions_one_open'"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger, closing(sqlite3.connect(file)) as owner:
        ledger.request_entry(symbol="BTCUSDT", exchange="binance", side="long", quantity="1", intent_id="s1")
        owner.executescript(
            """DROP INDEX positions_one_open; CREATE INDEX positions_one_open ON positions (stream);
            CREATE TEMP TABLE rival AS SELECT * FROM positions; UPDATE rival SET position_id = 'BTCUSDT.binance#2';
            INSERT INTO positions SELECT * FROM rival;"""
        )
        theirs = owner.execute(named).fetchone()
        (found,) = [each for each in verify(ledger.store).findings if each.kind == "guard"]
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE constraint failed"):
            owner.executescript(found.message.partition("its owner makes it again with: ")[2] + ";")
        owner.rollback()
        assert owner.execute(named).fetchone() == theirs


SWALLOWS = """CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER swallow BEFORE INSERT ON ledger_events FOR EACH ROW EXECUTE FUNCTION swallow()"""


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (SWALLOWS, "trigger swallow on ledger_events"),
        ("CREATE RULE nowhere AS ON INSERT TO rejections DO INSTEAD NOTHING", "rule nowhere on rejections"),
        ("ALTER TABLE positions ENABLE ROW LEVEL SECURITY", "row security on positions"),
        ("ALTER TABLE ledger_events SET UNLOGGED", "storage (unlogged: empty after a crash) on ledger_events"),
    ],
)
def test_what_somebody_put_on_the_tables_is_told_on_postgresql(postgres_url: str, statement: str, named: str) -> None:
    with PositionLedger.connect(postgres_url) as ledger:
        ledger.rebuild()
        assert ledger.store.caution() is None
        with psycopg.connect(postgres_url) as owner:
            owner.execute(statement.encode())
        caution = ledger.store.caution()
        assert caution is not None
        assert named in caution.message
        assert named in run(postgres_url, "diagnose").stdout
