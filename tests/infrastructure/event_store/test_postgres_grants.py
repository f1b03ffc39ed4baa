"""The privileges on PostgreSQL after a rebuild and after a migration: neither fewer nor more than before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql

from domain.errors import PositionAlreadyOpen, SchemaMismatch, StoreUnavailable
from infrastructure.event_store.port import WatchMemory
from infrastructure.event_store.postgres import grants, schema
from infrastructure.event_store.postgres.session import connections
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import Projector
from infrastructure.settings import Settings
from projections.projection import STATISTICS
from tests.infrastructure.roles import as_role, made_role
from tests.urls import with_options

ENTRY: dict[str, Any] = {
    "symbol": "APTUSDT",
    "exchange": "binance",
    "side": "short",
    "quantity": "61.8",
    "intent_id": "1",
}
PRIVILEGES = (
    "SELECT privilege_type FROM information_schema.role_table_grants WHERE table_name = 'positions' AND grantee = %s"
    " ORDER BY privilege_type"
)


@pytest.fixture
def role(postgres_url: str) -> Iterator[str]:
    with made_role(postgres_url) as name:
        yield name


def migrated(url: str, role: str) -> None:
    opened = connections.Connections(Settings.read(url))
    try:
        schema.migrate(opened, role)
    finally:
        opened.close()


@pytest.mark.parametrize("privileges", [["SELECT"], ["SELECT", "UPDATE"], ["INSERT", "SELECT", "UPDATE"]])
def test_a_rebuild_gives_nobody_more_than_they_had(postgres_url: str, role: str, privileges: list[str]) -> None:
    with PositionLedger.connect(postgres_url) as ledger, psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(
            sql.SQL("GRANT {} ON positions TO {}").format(
                sql.SQL(", ").join(map(sql.SQL, privileges)), sql.Identifier(role)
            )
        )
        ledger.rebuild()
        assert [name for (name,) in owner.execute(PRIVILEGES, (role,))] == privileges


@pytest.mark.parametrize("creates", [True, False])
def test_who_may_not_look_is_not_told_that_there_is_no_ledger(postgres_url: str, role: str, *, creates: bool) -> None:
    url = with_options(postgres_url, "schema=ledger")
    with PositionLedger.connect(url), pytest.raises(StoreUnavailable) as refused:
        PositionLedger.connect(as_role(url, role), create=creates)
    assert f"role {role} may not look into schema ledger" in refused.value.message
    assert "?schema=" not in refused.value.message and "run `position-ledger init`" not in refused.value.message
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(sql.SQL("GRANT USAGE ON SCHEMA ledger TO {}").format(sql.Identifier(role)))
        owner.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO {}").format(sql.Identifier(role)))
    with PositionLedger.connect(as_role(url, role), create=creates) as ledger:
        assert ledger.positions() == []


def test_a_rebuild_leaves_what_everybody_may_do(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url) as ledger, psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("GRANT SELECT ON positions TO PUBLIC")
        ledger.rebuild()
        assert owner.execute(PRIVILEGES, ("PUBLIC",)).fetchall() == [("SELECT",)]


def test_who_reads_the_positions_reads_their_orders_after_a_rebuild(postgres_url: str, role: str) -> None:
    with PositionLedger.connect(postgres_url) as ledger, psycopg.connect(postgres_url, autocommit=True) as owner:
        ledger.request_entry(**ENTRY)
        owner.execute(sql.SQL("GRANT SELECT ON positions TO {}").format(sql.Identifier(role)))
        ledger.rebuild()
        with psycopg.connect(as_role(postgres_url, role), autocommit=True) as reader:
            assert reader.execute("SELECT count(*) FROM positions_orders").fetchone() == (1,)
            with pytest.raises(errors.InsufficientPrivilege):
                reader.execute("DELETE FROM positions_orders")


def test_the_runtime_role_follows_and_reads_statistics(postgres_url: str, role: str) -> None:
    migrated(postgres_url, role)
    with PositionLedger.connect(as_role(postgres_url, role)) as ledger:
        ledger.request_entry(**ENTRY)
        assert Projector(ledger.store, STATISTICS).catch_up() == 1


def test_who_may_only_read_is_told_who_takes_in_the_statistics(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url) as owner:
        owner.request_entry(symbol="AUSDT", exchange="x", side="long", quantity="1", intent_id="1")
        with made_role(postgres_url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}") as role:
            url = as_role(postgres_url, role)
            with PositionLedger.connect(url, create=False) as reader:
                with pytest.raises(StoreUnavailable, match="let a role that may write do so with `stats`"):
                    reader.statistics()
                owner.statistics()
                assert reader.statistics().opened == 1


def test_the_runtime_role_may_watch(postgres_url: str, role: str) -> None:
    migrated(postgres_url, role)
    with PositionLedger.connect(as_role(postgres_url, role), create=False) as ledger:
        assert ledger.store.remember("night", WatchMemory(1, "first"))
        assert ledger.store.remember("night", WatchMemory(2, "second"))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM projection_rows", "INSERT INTO projections VALUES ('statistics', 9, 0, false)",
        "INSERT INTO projection_skips VALUES ('statistics', 1, '', 1, '', '', '', '', now())",
        "TRUNCATE projection_skips", "DELETE FROM projections",
    ],
)  # fmt: skip
def test_the_runtime_role_can_do_nothing_else_to_a_projection(postgres_url: str, role: str, statement: str) -> None:
    migrated(postgres_url, role)
    with psycopg.connect(as_role(postgres_url, role)) as bot, pytest.raises(errors.InsufficientPrivilege):
        bot.execute(statement.encode())


def test_a_migration_leaves_the_runtime_role_at_work(
    postgres_url: str, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [
        grant.replace(", projection_skips", "").replace(", positions_orders", "").replace(", projection_rows", "")
        for grant in grants.GRANTS
        if "ON projections" not in grant and "ON watches" not in grant and "REVOKE" not in grant
    ]
    with monkeypatch.context() as old:
        old.setattr(schema, "_MIGRATIONS", schema._MIGRATIONS[:1])
        old.setattr(schema, "SCHEMA_VERSION", 1)
        old.setattr(grants, "GRANTS", first)
        migrated(postgres_url, role)
    with pytest.raises(SchemaMismatch, match=r"has schema version 1 of .*; this role may not migrate it, and nothing"):
        PositionLedger.connect(as_role(postgres_url, role))
    with PositionLedger.connect(postgres_url):
        pass
    with PositionLedger.connect(as_role(postgres_url, role)) as ledger:
        ledger.request_entry(**ENTRY)
        assert Projector(ledger.store, STATISTICS).catch_up() == 1


def test_a_bot_that_may_not_fill_a_table_of_an_earlier_version_is_told_who_does(postgres_url: str, role: str) -> None:
    migrated(postgres_url, role)
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE positions ADD COLUMN outdated boolean")  # as a migration marks it
    who = r"left to be rebuilt; this role may not rebuild it, and nothing was changed\. The owner of the ledger does so"
    with pytest.raises(SchemaMismatch, match=who):
        PositionLedger.connect(as_role(postgres_url, role))
    PositionLedger.connect(postgres_url).disconnect()
    with PositionLedger.connect(as_role(postgres_url, role)) as ledger:
        ledger.request_entry(**ENTRY)


def test_a_rebuild_of_a_projection_is_for_the_owner(postgres_url: str, role: str) -> None:
    migrated(postgres_url, role)
    with PositionLedger.connect(as_role(postgres_url, role)) as ledger:
        ledger.request_entry(**ENTRY)
        with pytest.raises(StoreUnavailable, match="permission denied"):
            Projector(ledger.store, STATISTICS).rebuild()


@pytest.mark.parametrize(
    ("table", "columns", "values"),
    [
        (
            "ledger_events",
            "nid, stream, version, type, payload, hash, command_id, cycle, ts_recorded",
            "'X.y', 1, '', '', repeat('0', 64), '', 1, now()",
        ),
        (
            "rejections",
            "id, ts_recorded, stream, command, command_id, source, error, detected_by, message",
            "now(), '', '', '', '', '', '', ''",
        ),
    ],
)
def test_the_runtime_role_chooses_no_place(postgres_url: str, role: str, table: str, columns: str, values: str) -> None:
    migrated(postgres_url, role)
    with psycopg.connect(postgres_url) as owner:  # as an earlier version granted it
        owner.execute(sql.SQL("GRANT INSERT ON ledger_events, rejections TO {}").format(sql.Identifier(role)))
    migrated(postgres_url, role)
    with psycopg.connect(as_role(postgres_url, role), autocommit=True) as bot:
        for place in (900_000_000_000_000_000, -1):
            statement = f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({place}, {values})"
            with pytest.raises(errors.InsufficientPrivilege):
                bot.execute(statement.encode())
    with PositionLedger.connect(as_role(postgres_url, role)) as ledger:
        ledger.request_entry(**ENTRY)
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(**ENTRY | {"intent_id": "2"})
