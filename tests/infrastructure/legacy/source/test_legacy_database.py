"""The legacy table on a real PostgreSQL."""

from __future__ import annotations

from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from domain.errors import StoreUnavailable
from infrastructure.legacy.source.legacy_database import read_table
from infrastructure.legacy.source.raw import UnreadableDump
from infrastructure.legacy.source.table import understood
from tests.infrastructure.legacy.examples import CLEAN, kinds, sample

COLUMNS = """
    id bigint, signal_id bigint, symbol varchar(20), exchange varchar(50), side varchar(10), quantity numeric(20,8),
    entry_price numeric(20,8), current_price numeric(20,8), pnl numeric(20,8), has_stop_loss boolean,
    stop_loss_price numeric(20,8), has_trailing_stop boolean, status varchar(20) DEFAULT 'OPEN', opened_at timestamptz,
    closed_at timestamptz, updated_at timestamptz, leverage numeric(10,2), pnl_percentage numeric(10,4),
    trailing_activated boolean, created_at timestamp, exit_reason text, unrealized_pnl numeric, exchange_order_id text
"""
NASTY = "tab\there\nnewline\\backslash \\N \r\b\f\v \x01 é 币安人生 🎉 \\. 'quote' \"double\""


def make(url: str, name: str = "monitoring.positions", columns: LiteralString = COLUMNS) -> None:
    with psycopg.connect(url) as connection:
        place = sql.Identifier(*name.split("."))
        schema = sql.Identifier(name.partition(".")[0])
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(place, sql.SQL(columns)))


def fill(url: str, name: str = "monitoring.positions") -> None:
    rows = sample()
    with psycopg.connect(url) as connection:
        columns = sql.SQL(", ").join(map(sql.Identifier, rows[0].columns))
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(*name.split(".")), columns)
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row.values)


def test_the_table_says_the_same_as_its_dump(postgres_url: str) -> None:
    make(postgres_url)
    fill(postgres_url)
    live, dumped = understood(read_table(postgres_url)), understood(sample())
    assert [row.command_id(1) for row in live.rows] == [row.command_id(1) for row in dumped.rows]
    for here, there in zip(live.rows, dumped.rows, strict=True):
        there.raw = here.raw
        assert all(getattr(here, name) == getattr(there, name) for name in here.__slots__), here.name


def test_text_is_utf8_and_times_are_utc_whatever_the_database_is_set_to(postgres_url: str) -> None:
    make(postgres_url)
    fill(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("UPDATE monitoring.positions SET exit_reason = '币安'")
        name = connection.info.dbname
        for setting, value in (("timezone", "Asia/Kolkata"), ("datestyle", "German"), ("client_encoding", "LATIN1")):
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    sql.Identifier(name), sql.Identifier(setting), sql.Literal(value)
                )
            )
    rows = [row.as_dict() for row in read_table(postgres_url)]
    assert rows[0]["opened_at"] == "2025-10-21 21:35:25.774+00"
    assert rows[0]["created_at"] == "2025-10-22 00:35:25.774"
    assert rows[0]["exit_reason"] == "币安"


def test_whatever_postgresql_can_hold_is_read_as_it_is(postgres_url: str) -> None:
    make(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        for reason in (NASTY, "", None, "\\", "\\N", "\t", "x" * 100_000):
            connection.execute(
                "INSERT INTO monitoring.positions (symbol, exchange, side, quantity, opened_at, exit_reason)"
                " VALUES ('币安人生USDT', 'binance', 'long', 'NaN', 'infinity', %s)",
                (reason,),
            )
    rows = [row.as_dict() for row in read_table(postgres_url)]
    assert [row["exit_reason"] for row in rows] == [NASTY, "", None, "\\", "\\N", "\t", "x" * 100_000]
    assert {(row["symbol"], row["quantity"], row["opened_at"], row["status"]) for row in rows} == {
        ("币安人生USDT", "NaN", "infinity", "OPEN")
    }
    assert kinds(understood(read_table(postgres_url)).findings)[0] == "not_finite"


def test_nothing_can_be_written_while_it_is_read(postgres_url: str) -> None:
    make(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE SEQUENCE seen")
        connection.execute(
            "CREATE VIEW public.positions AS SELECT nextval('seen') AS id, symbol, exchange, side, quantity, status,"
            " opened_at FROM monitoring.positions"
        )
    fill(postgres_url)
    with pytest.raises(StoreUnavailable, match="read-only transaction"):
        list(read_table(postgres_url, "public.positions"))


def test_the_table_is_found_in_another_schema(postgres_url: str) -> None:
    make(postgres_url, "public.positions", "position_id text, stream text, cycle int, " + COLUMNS)
    make(postgres_url, "Old Bot.positions")
    fill(postgres_url, "Old Bot.positions")
    assert len(list(read_table(postgres_url))) == 18


def test_the_usual_place_is_preferred_and_any_other_can_be_named(postgres_url: str) -> None:
    make(postgres_url)
    for name in ("archive.positions", "archive.positions_2024"):
        make(postgres_url, name)
        fill(postgres_url, name)
    assert list(read_table(postgres_url)) == []
    assert [len(list(read_table(postgres_url, name))) for name in ("archive.positions", "positions_2024")] == [18, 18]


def test_a_table_that_is_not_there_or_is_another_one_is_refused(postgres_url: str) -> None:
    with pytest.raises(UnreadableDump, match=r"there is no table positions .* name it with --table"):
        list(read_table(postgres_url))
    make(postgres_url, "a.positions", "id int, latitude numeric")
    with pytest.raises(UnreadableDump, match=r"a\.positions has no column symbol, exchange"):
        list(read_table(postgres_url))
    make(postgres_url, "b.positions")
    make(postgres_url, "c.positions")
    with pytest.raises(UnreadableDump, match=r"choose with --table b.positions or --table c.positions"):
        list(read_table(postgres_url))
    make(postgres_url, "d.positions", "position_id text, stream text, cycle int, " + COLUMNS)
    with pytest.raises(UnreadableDump, match=r"d\.positions is the positions table of a ledger"):
        list(read_table(postgres_url, "d.positions"))


def test_a_dropped_column_is_not_asked_for(postgres_url: str) -> None:
    make(postgres_url)
    fill(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        connection.execute('ALTER TABLE monitoring.positions DROP COLUMN leverage, ADD COLUMN "order" int')
    columns = next(iter(read_table(postgres_url))).columns
    assert set(columns) == {*CLEAN, "order", "pnl_percentage"} - {"leverage"}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://bot:s3cret@127.0.0.1:1/x", "port 1 failed"),
        ("host=127.0.0.1 port=1 password=s3cret", "port 1 failed"),
        ("postgresql://bot:s3cret@s3cret.invalid/x", "***.invalid"),
    ],
)
def test_a_database_that_is_not_there_is_named_without_the_password(url: str, words: str) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        list(read_table(url))
    assert words in refused.value.message
    assert "s3cret" not in refused.value.message


@pytest.mark.parametrize("url", ["sqlite:///ledger.db", "postgresql+psycopg://u:s3cret@h/x", "s3cret"])
def test_what_is_no_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(UnreadableDump, match="is not a database URL") as refused:
        list(read_table(url))
    assert "s3cret" not in refused.value.message
