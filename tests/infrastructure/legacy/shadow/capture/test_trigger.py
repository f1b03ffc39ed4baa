"""The trigger: it keeps every change as it was, never stands in the bot's way, and leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from infrastructure.legacy.shadow.capture.change import ChangeReader, row_values
from infrastructure.legacy.shadow.capture.trigger import Watched
from tests.infrastructure.legacy.shadow.old_bot import APT, TABLE, OldBot

KEPT = "SELECT old_row::text, new_row::text FROM monitoring.positions_outbox ORDER BY id"
TRACES = """
    SELECT 'relation ' || oid::regclass FROM pg_class WHERE relname LIKE '%outbox%'
    UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE proname LIKE '%outbox%'
    UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
"""


@pytest.fixture
def other(bot: OldBot, postgres_url: str) -> Iterator[psycopg.Connection]:
    """Somebody else at the database that the bot writes to."""
    assert bot.ask("SELECT 1")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


def test_every_change_is_kept_with_both_rows(bot: OldBot) -> None:
    bot.insert(7, **APT)
    bot.update(7, status="active")
    bot.delete(7)
    kept = [
        (was and json.loads(was)["status"], becomes and json.loads(becomes)["status"]) for was, becomes in bot.ask(KEPT)
    ]
    assert kept == [(None, "OPEN"), ("OPEN", "active"), ("active", None)]


def test_what_only_passes_by_is_not_kept(bot: OldBot) -> None:
    bot.insert(7, **APT)
    bot.update(7, current_price="3.1", pnl="1", unrealized_pnl="1", updated_at="2025-10-22 19:00:00+00")
    bot.update(7, quantity="61.80")
    assert len(bot.ask(KEPT)) == 1


def test_a_write_that_is_taken_back_leaves_nothing(bot: OldBot) -> None:
    bot.begin()
    bot.insert(7, **APT)
    bot.roll_back()
    assert bot.ask(KEPT) == []


def test_odd_values_are_kept_exactly(bot: OldBot) -> None:
    odd = {
        "quantity": "NaN", "unrealized_pnl": "0." + "7" * 65, "opened_at": "infinity", "entry_price": "-0.00000001",
        "exit_reason": "币安 🎉 \"quoted\" 'too' \\N\n\t\x01" + "x" * 100_000, "symbol": "",
    }  # fmt: skip
    bot.insert(9_223_372_036_854_775_807, **odd)
    ((_, becomes),) = bot.ask(KEPT)
    assert {name: row_values(becomes)[name] for name in odd} == odd
    assert row_values(becomes)["id"] == "9223372036854775807"


def test_a_row_reads_as_it_does_for_the_import(bot: OldBot, other: psycopg.Connection) -> None:
    other.execute("SET TIME ZONE 'Asia/Kolkata'")
    other.execute(
        "INSERT INTO monitoring.positions (id, symbol, exchange, side, quantity, status, opened_at, has_stop_loss)"
        " VALUES (1, 'APT/USDT:USDT', 'Binance', 'sell', 61.8, 'active', '2025-10-22 18:50:40.981819+00', true)"
    )
    ((_, becomes),) = bot.ask(KEPT)
    row = ChangeReader().row(row_values(becomes))
    assert (row.stream, row.side, str(row.quantity), row.legacy_id) == ("APTUSDT.binance", "short", "61.8", "1")
    assert row.opened_at.isoformat() == "2025-10-22T18:50:40.981819+00:00"


@pytest.mark.parametrize(
    "harm",
    [
        "DROP TABLE monitoring.positions_outbox",
        "ALTER TABLE monitoring.positions_outbox ADD CHECK (false)",
        "ALTER TABLE monitoring.positions_outbox RENAME COLUMN new_row TO other",
        "ALTER TABLE monitoring.positions_outbox ALTER id SET MAXVALUE 9000000000000000 RESTART 9000000000000000",
    ],
)
def test_whatever_is_wrong_with_the_outbox_the_bot_goes_on(bot: OldBot, other: psycopg.Connection, harm: str) -> None:
    other.execute(harm.encode())
    bot.opens(1, 5483266, "53190368", **APT)
    bot.protects(1, "3.2941")
    assert bot.ask("SELECT status FROM monitoring.positions") == [("active",)]


def test_a_locked_outbox_holds_the_bot_up_no_longer_than_a_moment(bot: OldBot, other: psycopg.Connection) -> None:
    with other.transaction():
        other.execute("LOCK TABLE monitoring.positions_outbox IN ACCESS EXCLUSIVE MODE")
        bot.insert(1, **APT)  # would wait for ever otherwise
    assert bot.ask("SELECT id FROM monitoring.positions") == [(1,)]
    assert bot.ask(KEPT) == []
    bot.update(1, status="closed")
    assert len(bot.ask(KEPT)) == 1


def test_what_was_missed_is_said_in_the_log_of_the_server(other: psycopg.Connection) -> None:
    said: list[str | None] = []
    other.add_notice_handler(lambda notice: said.append(notice.message_primary))
    other.execute("ALTER TABLE monitoring.positions_outbox ADD CHECK (false)")
    other.execute("INSERT INTO monitoring.positions (id) VALUES (1)")
    (words,) = said
    assert words is not None and words.startswith("the shadow of the ledger missed a change (23514): ")


def test_the_bot_needs_no_rights_of_its_own(bot: OldBot, other: psycopg.Connection) -> None:
    role = f"bot_{other.info.dbname[-12:]}"
    other.execute(f"CREATE ROLE {role}".encode())
    try:
        other.execute(f"GRANT USAGE ON SCHEMA monitoring TO {role}".encode())
        other.execute(f"GRANT INSERT ON monitoring.positions TO {role}".encode())
        with other.transaction():
            other.execute(f"SET LOCAL ROLE {role}".encode())
            other.execute("INSERT INTO monitoring.positions (id) VALUES (1)")
        assert len(bot.ask(KEPT)) == 1
    finally:
        other.execute(f"DROP OWNED BY {role}".encode())
        other.execute(f"DROP ROLE {role}".encode())


def test_dropping_leaves_nothing_behind(bot: OldBot) -> None:
    assert len(bot.ask(TRACES)) > 0
    bot.insert(1, **APT)
    bot.drop()
    assert bot.ask(TRACES) == []
    bot.update(1, status="closed")
    assert bot.ask("SELECT status FROM monitoring.positions") == [("closed",)]
    bot.drop()


def test_dropping_finds_the_trigger_at_a_table_that_was_renamed(bot: OldBot, other: psycopg.Connection) -> None:
    other.execute("ALTER TABLE monitoring.positions RENAME TO positions_old")
    bot.drop()
    assert bot.ask(TRACES) == []


def test_made_twice_it_refuses_and_changes_nothing(bot: OldBot) -> None:
    before = bot.ask(TRACES)
    with pytest.raises(psycopg.errors.DuplicateTable):
        bot.install()
    bot.roll_back()
    assert bot.ask(TRACES) == before


def test_numbers_are_never_used_again(bot: OldBot) -> None:
    numbers = []
    for row_id in (1, 2):
        bot.insert(row_id)
        numbers += bot.ask("SELECT max(id) FROM monitoring.positions_outbox")
        bot.drop()
        bot.install()
    assert numbers[0] < numbers[1]


def test_the_bot_is_not_kept_waiting_by_whoever_makes_the_trigger(bot: OldBot, other: psycopg.Connection) -> None:
    bot.drop()
    assert "SET LOCAL lock_timeout" in TABLE.install()
    bot.begin()
    bot.insert(1, **APT)
    other.execute(TABLE.install().replace("'5s'", "'50ms'").partition("CREATE TRIGGER")[0].encode())
    with pytest.raises(psycopg.errors.LockNotAvailable):
        other.execute(b"CREATE TRIGGER" + TABLE.install().partition("CREATE TRIGGER")[2].encode())
    other.execute("ROLLBACK")
    bot.commit()
    assert bot.ask(TRACES) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [("positions", "public.positions"), ("Old.Positions", "old.positions"), ('"Old"."my table"', "Old.my table")],
)
def test_a_table_is_named_as_in_sql(text: str, shown: str) -> None:
    assert str(Watched.read(text)) == shown


@pytest.mark.parametrize("text", ["", "a.b.c", "x" * 60])
def test_what_is_no_name_of_a_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Watched.read(text)


def test_a_table_of_any_name_has_its_shadow(postgres_url: str) -> None:
    with OldBot(postgres_url, Watched.read("""\"Old's {bot}"."my \""table\"""")) as bot:
        bot.make_table()
        bot.install()
        bot.insert(1, **APT)
        assert len(bot.ask(TRACES)) > 0
        bot.drop()
        assert bot.ask(TRACES) == []
