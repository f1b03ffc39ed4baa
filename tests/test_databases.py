"""A used test database is handed out again only when it is as good as new."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from infrastructure.ledger.ledger import PositionLedger
from tests.databases import Databases

OID = "SELECT oid FROM pg_database WHERE datname = current_database()"
RELATIONS = "SELECT count(*) FROM pg_class WHERE oid >= 16384"


@pytest.fixture
def databases(postgres_server: str) -> Iterator[Databases]:
    databases = Databases(postgres_server)
    yield databases
    databases.end()


def asked(url: str, question: str) -> object:
    with psycopg.connect(url) as database:
        return (database.execute(question.encode()).fetchone() or (None,))[0]


def test_one_that_was_used_is_emptied_and_has_another_name(databases: Databases) -> None:
    with databases.one() as url:
        with PositionLedger.connect(f"{url}&schema=elsewhere") as ledger:
            ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="1", intent_id="1")
        held = psycopg.connect(url)
        held.execute("CREATE VIEW public.seen AS SELECT 1 AS one")
        held.commit()
        held.execute("SELECT * FROM public.seen")
        oid = asked(url, OID)
    with databases.one() as again:
        assert (asked(again, OID), asked(again, RELATIONS)) == (oid, 0)
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(url)
        with pytest.raises(psycopg.OperationalError):
            held.execute("SELECT 1")
    held.close()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER DATABASE {name} SET timezone TO 'Asia/Tokyo'",
        "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) FROM PUBLIC",
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "CREATE TYPE public.mood AS ENUM ('good')",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    ],
)
def test_one_that_was_changed_for_good_is_dropped(databases: Databases, change: str) -> None:
    with databases.one() as url:
        name = str(asked(url, "SELECT current_database()"))
        with psycopg.connect(url) as database:
            database.execute(change.format(name=name).encode())
        oid = asked(url, OID)
    with databases.one() as another:
        assert asked(another, OID) != oid
        assert asked(another, f"SELECT count(*) FROM pg_database WHERE oid = {oid}") == 0
