"""Following the log: each event once, whoever else follows; poison stops it; a rebuild may be killed at any moment."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from domain.commands.order_requests import DefineInstrument
from domain.commands.requests import RecordEntryPlaced, RequestEntry
from domain.errors import HistoryDamaged, SchemaMismatch, StoreUnavailable
from domain.events import PositionEvent
from infrastructure.event_store.checkpoints import Checkpoint
from infrastructure.event_store.codec import decode
from infrastructure.event_store.postgres import schema
from infrastructure.event_store.postgres.appending.locks import APPEND_LOCK, lock_key
from infrastructure.event_store.sqlite import schema as sqlite_schema
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.projector import ProjectionStopped, Projector, SkipRefused
from infrastructure.settings import Settings
from projections.metrics.cycle_metrics import CycleFacts, fold
from projections.projection import STATISTICS
from tests.infrastructure.crowd import crowd
from tests.urls import with_options

EVER = datetime.min.replace(tzinfo=UTC)
NOW = datetime(2025, 10, 22, 18, 50, tzinfo=UTC)
Execute = Callable[[str], list[tuple[object, ...]]]


@pytest.fixture
def execute(ledger_url: str, ledger: PositionLedger) -> Execute:
    """What whoever owns the database can do, with the guards of the log removed."""
    del ledger
    return executed(ledger_url)


def executed(ledger_url: str) -> Execute:
    settings = Settings.read(ledger_url)

    def on_sqlite(statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(settings.where)) as connection:
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'ledger_events_no%'"):
                connection.execute(f"DROP TRIGGER {name}")
            found = connection.execute(statement).fetchall()
            connection.commit()
            return found

    def on_postgres(statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(settings.where) as connection:
            connection.execute("ALTER TABLE ledger_events DISABLE TRIGGER ALL")
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    return on_sqlite if settings.kind == "sqlite" else on_postgres


def enter(ledger: PositionLedger, *symbols: str) -> None:
    """Two events for each symbol."""
    for symbol in symbols:
        key: dict[str, Any] = {"symbol": symbol, "exchange": "binance"}
        ledger.request_entry(**key, side="short", quantity="61.8", intent_id=f"{symbol}-1")
        ledger.record_entry_placed(
            position_id=f"{symbol}.binance#1", exchange_order_id="1", filled_qty="61.8", avg_px="3.2333"
        )


def follower_of(ledger: PositionLedger) -> Projector[CycleFacts]:
    return Projector(ledger.store, STATISTICS)


def facts_of(ledger: PositionLedger) -> dict[str, CycleFacts]:
    return {facts.position_id: facts for facts in follower_of(ledger).lasting(EVER)}


def expected(ledger: PositionLedger) -> dict[str, CycleFacts]:
    known: dict[str, CycleFacts] = {}
    for stored in ledger.store.log():
        event = decode(stored)
        known[event.position_id] = fold(known.get(event.position_id), event)
    return known


@pytest.mark.parametrize("statement", ["DELETE FROM projections", "UPDATE projections SET is_read = (1 = 0)"])
def test_a_rebuild_brings_back_a_checkpoint_that_somebody_deleted(
    ledger: PositionLedger, execute: Execute, statement: str
) -> None:
    enter(ledger, "APTUSDT", "PERPUSDT")
    follower_of(ledger).catch_up()
    execute(statement)
    with pytest.raises(HistoryDamaged, match="`position-ledger rebuild` folds it anew"):
        follower_of(ledger).catch_up()
    assert follower_of(ledger).rebuild().rows == 2
    assert facts_of(ledger) == expected(ledger)
    enter(ledger, "BTCUSDT")
    assert follower_of(ledger).catch_up() == 2
    assert facts_of(ledger) == expected(ledger)


def test_a_row_that_cannot_be_read_is_damage_and_is_folded_anew(ledger: PositionLedger, execute: Execute) -> None:
    enter(ledger, "APTUSDT")
    follower_of(ledger).catch_up()
    execute("UPDATE projection_rows SET row = '{}'")
    with pytest.raises(HistoryDamaged, match=r"a row of projection statistics cannot be read: '\{\}'"):
        facts_of(ledger)
    assert follower_of(ledger).rebuild().differences == 1
    assert facts_of(ledger) == expected(ledger)


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_the_size_of_a_batch_changes_nothing(ledger: PositionLedger, batch: int) -> None:
    enter(ledger, "APTUSDT", "PERPUSDT")
    ledger.close(position_id="APTUSDT.binance#1", exit_reason="x")
    enter(ledger, "BTCUSDT")
    told: list[int] = []
    assert Projector(ledger.store, STATISTICS, batch_events=batch).catch_up(told.append) == sum(told) == 7
    assert max(told) == min(batch, 7)
    assert facts_of(ledger) == expected(ledger)


def test_only_what_is_new_is_taken_in(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT")
    told: list[int] = []
    assert [follower_of(ledger).catch_up(told.append) for _ in range(2)] == [2, 0]
    enter(ledger, "BTCUSDT")
    assert follower_of(ledger).status().behind == 2
    assert follower_of(ledger).catch_up(told.append) == 2
    assert told == [2, 2]
    assert facts_of(ledger) == expected(ledger)


def test_a_cycle_that_was_over_before_is_not_asked_for(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT", "BTCUSDT")
    ledger.close(position_id="APTUSDT.binance#1", exit_reason="x")
    over_at = ledger.position("APTUSDT.binance#1").updated_at
    follower_of(ledger).catch_up()
    assert [facts.position_id for facts in follower_of(ledger).lasting(over_at + timedelta(microseconds=1))] == [
        "BTCUSDT.binance#1"
    ]
    assert len(follower_of(ledger).lasting(over_at)) == 2


def test_a_cycle_is_asked_for_as_long_as_something_of_it_was_held(ledger: PositionLedger) -> None:
    """A fill after its end was held for an hour, beside another cycle that has the slot."""
    key: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "1"}
    fill: dict[str, Any] = {"position_id": "APTUSDT.binance#1", "last_qty": "1", "last_px": "3"}
    ledger.request_entry(**key, intent_id="1", at=NOW)
    ledger.fail_entry(position_id="APTUSDT.binance#1", outcome="canceled", reason="x", at=NOW)
    ledger.request_entry(**key, intent_id="2", at=NOW)
    ledger.record_entry_fill(**fill, trade_id="t1", at=NOW + timedelta(days=2))
    ledger.reduce(**fill, trade_id="x1", at=(closed_at := NOW + timedelta(days=2, hours=1)))
    follower_of(ledger).catch_up()
    assert len(follower_of(ledger).lasting(closed_at)) == 2
    assert len(follower_of(ledger).lasting(closed_at + timedelta(microseconds=1))) == 1


def test_a_follower_that_is_overtaken_counts_nothing_twice(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(ledger, "APTUSDT")
    overtaking = follower_of(ledger)
    others: list[int] = []

    def fold_meanwhile(facts: CycleFacts | None, event: PositionEvent) -> CycleFacts:
        if not others:
            others.append(overtaking.catch_up())
        return fold(facts, event)

    slow = Projector(ledger.store, STATISTICS)
    monkeypatch.setattr(slow, "_projection", STATISTICS.__class__(**vars(STATISTICS) | {"fold": fold_meanwhile}))
    assert (slow.catch_up(), others) == (0, [2])
    assert facts_of(ledger) == expected(ledger)


def test_three_followers_count_each_event_of_four_writers_once(ledger: PositionLedger, ledger_url: str) -> None:
    with crowd(ledger_url, write=4, follow=3) as started:
        writers, followers = started[:4], started[4:]
        while ledger.store.count_events() < 240:
            time.sleep(0.05)
        written = sum(writer.stop() for writer in writers)
        taken = [follower.stop() for follower in followers]
    assert sum(taken) == written == ledger.store.count_events()
    assert sum(count > 0 for count in taken) > 1, "nobody raced"
    assert facts_of(ledger) == expected(ledger)
    assert sum(facts.events for facts in facts_of(ledger).values()) == written


def test_nothing_is_taken_in_past_an_append_that_is_not_finished(postgres_url: str) -> None:
    impatient = with_options(postgres_url, "timeout=0.5")
    with PositionLedger.connect(impatient) as ledger, psycopg.connect(postgres_url) as other:
        enter(ledger, "APTUSDT")
        lock = (APPEND_LOCK, lock_key(ledger.store.settings))
        other.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", lock)
        other.execute("SELECT nextval(pg_get_serial_sequence('ledger_events', 'nid'))")
        enter(ledger, "BTCUSDT")
        with pytest.raises(StoreUnavailable, match="unfinished"):
            follower_of(ledger).catch_up()
        assert facts_of(ledger) == {}
        other.rollback()
        assert follower_of(ledger).catch_up() == 4


# -- poison -----------------------------------------------------------------------------------------------------


@pytest.fixture
def poisoned(ledger: PositionLedger, execute: Execute) -> PositionLedger:
    """Six events, of which the fourth cannot be read."""
    enter(ledger, "APTUSDT", "BTCUSDT", "ETHUSDT")
    execute("UPDATE ledger_events SET type = 'EntryPlaced.v9' WHERE nid = 4")
    return ledger


def skip(ledger: PositionLedger, nid: int, *, confirm: bool = True) -> None:
    follower_of(ledger).skip(nid, reason="a broken build", skipped_by="alice", now=NOW, confirm=confirm)


def test_poison_stops_the_projection_with_all_that_came_before(poisoned: PositionLedger) -> None:
    for _ in range(2):
        with pytest.raises(ProjectionStopped) as stopped:
            follower_of(poisoned).catch_up()
        for word in ("nid 4", "BTCUSDT.binance version 2", "'EntryPlaced.v9'", "--skip 4", "does not know"):
            assert word in str(stopped.value)
        assert {name: facts.events for name, facts in facts_of(poisoned).items()} == {
            "APTUSDT.binance#1": 2,
            "BTCUSDT.binance#1": 1,
        }
    standing = follower_of(poisoned).status()
    assert (standing.nid, standing.behind) == (3, 3)
    assert standing.poison is not None
    assert (standing.poison.nid, standing.poison.version) == (4, 2)


@pytest.mark.usefixtures("ledger")
def test_what_cannot_be_folded_is_poison_too(ledger: PositionLedger, execute: Execute) -> None:
    enter(ledger, "APTUSDT")
    execute(
        "UPDATE ledger_events SET cycle = 7, payload = replace(payload, '\"cycle\":1', '\"cycle\":7') WHERE nid = 2"
    )
    with pytest.raises(ProjectionStopped, match="never opened"):
        follower_of(ledger).catch_up()


def test_a_skipped_event_is_left_out_and_the_rest_is_taken_in(poisoned: PositionLedger) -> None:
    with pytest.raises(ProjectionStopped):
        follower_of(poisoned).catch_up()
    skip(poisoned, 4)
    assert follower_of(poisoned).catch_up() == 2
    assert {name: facts.events for name, facts in facts_of(poisoned).items()} == {
        "APTUSDT.binance#1": 2,
        "BTCUSDT.binance#1": 1,
        "ETHUSDT.binance#1": 2,
    }
    (kept,) = follower_of(poisoned).status().skips
    assert (kept.nid, kept.reason, kept.skipped_by, kept.ts_recorded) == (4, "a broken build", "alice", NOW)
    assert (kept.stream, kept.version, kept.stored_type) == ("BTCUSDT.binance", 2, "EntryPlaced.v9")


def test_without_confirmation_nothing_is_skipped(poisoned: PositionLedger) -> None:
    with pytest.raises(ProjectionStopped):
        follower_of(poisoned).catch_up()
    skip(poisoned, 4, confirm=False)
    with pytest.raises(ProjectionStopped):
        follower_of(poisoned).catch_up()
    assert follower_of(poisoned).status().skips == ()


@pytest.mark.parametrize("nid", [1, 3, 5, 99])
def test_only_the_event_at_which_it_stands_can_be_skipped(poisoned: PositionLedger, nid: int) -> None:
    with pytest.raises(ProjectionStopped):
        follower_of(poisoned).catch_up()
    with pytest.raises(SkipRefused, match=f"nid {nid} is not skipped: .* stands before nid 4"):
        skip(poisoned, nid)
    assert follower_of(poisoned).status().nid == 3


def test_an_event_that_can_be_taken_in_is_not_skipped(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT")
    with pytest.raises(SkipRefused, match="nothing keeps it from going on"):
        skip(ledger, 1)


@pytest.mark.parametrize("statement", ["DELETE FROM projection_skips", "UPDATE projection_skips SET reason = ''"])
def test_what_was_skipped_is_kept_for_good(poisoned: PositionLedger, execute: Execute, statement: str) -> None:
    with pytest.raises(ProjectionStopped):
        follower_of(poisoned).catch_up()
    skip(poisoned, 4)
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="append-only"):
        execute(statement)


# -- rebuilding -------------------------------------------------------------------------------------------------


def test_a_rebuild_of_right_rows_finds_no_difference(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT", "BTCUSDT")
    follower_of(ledger).catch_up()
    before = facts_of(ledger)
    done = follower_of(ledger).rebuild()
    assert (done.events, done.rows, done.differences) == (4, 2, 0)
    assert facts_of(ledger) == before == expected(ledger)


@pytest.mark.parametrize(
    ("damage", "wrong"),
    [
        ("UPDATE projection_rows SET row = replace(row, '61.8', '7') WHERE position_id = 'APTUSDT.binance#1'", 1),
        ("DELETE FROM projection_rows WHERE position_id = 'APTUSDT.binance#1'", 1),
        ("UPDATE projection_rows SET position_id = 'X.y#1' WHERE position_id = 'APTUSDT.binance#1'", 2),
    ],
)
def test_a_rebuild_mends_rows_and_counts_those_that_were_wrong(
    ledger: PositionLedger, execute: Execute, damage: str, wrong: int
) -> None:
    enter(ledger, "APTUSDT", "BTCUSDT")
    follower_of(ledger).catch_up()
    execute(damage)
    assert follower_of(ledger).rebuild().differences == wrong
    assert facts_of(ledger) == expected(ledger)


def test_a_rebuild_goes_on_to_the_end_of_the_log(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT")
    follower_of(ledger).catch_up()
    enter(ledger, "BTCUSDT")
    done = follower_of(ledger).rebuild()
    assert (done.events, done.rows, done.differences) == (4, 2, 0)
    assert facts_of(ledger) == expected(ledger)


def test_a_rebuild_takes_in_what_was_skipped_as_soon_as_it_can_be_read(
    poisoned: PositionLedger, execute: Execute
) -> None:
    with pytest.raises(ProjectionStopped):
        follower_of(poisoned).catch_up()
    skip(poisoned, 4)
    assert follower_of(poisoned).rebuild().events == 5
    execute("UPDATE ledger_events SET type = 'EntryPlaced.v1' WHERE nid = 4")
    done = follower_of(poisoned).rebuild()
    assert (done.events, done.differences) == (6, 1)
    assert facts_of(poisoned) == expected(poisoned)


def test_a_rebuild_that_meets_poison_has_changed_nothing(ledger: PositionLedger, execute: Execute) -> None:
    enter(ledger, "APTUSDT")
    follower_of(ledger).catch_up()
    before, standing = facts_of(ledger), follower_of(ledger).status()
    execute("UPDATE ledger_events SET type = 'EntryPlaced.v9' WHERE nid = 2")
    with pytest.raises(ProjectionStopped):
        follower_of(ledger).rebuild()
    assert (facts_of(ledger), follower_of(ledger).status()) == (before, standing)


def test_of_two_rebuilds_the_one_that_is_overtaken_gives_up(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT")
    follower_of(ledger).catch_up()

    def rebuild_meanwhile(_: int) -> None:
        follower_of(ledger).rebuild()

    with pytest.raises(StoreUnavailable, match="overtook this one"):
        follower_of(ledger).rebuild(rebuild_meanwhile)
    assert facts_of(ledger) == expected(ledger)


def test_a_follower_that_moves_on_during_a_rebuild_is_waited_for(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT")
    follower_of(ledger).catch_up()

    def go_on(_: int) -> None:
        if ledger.store.count_events() == 2:
            enter(ledger, "BTCUSDT")
            follower_of(ledger).catch_up()

    done = follower_of(ledger).rebuild(go_on)
    assert (done.events, done.rows, done.differences) == (4, 2, 0)
    assert facts_of(ledger) == expected(ledger)


def test_a_follower_that_never_rests_does_not_keep_a_rebuild_from_its_end(
    ledger: PositionLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a large ledger every comparison of all rows takes so long that the follower has moved on by its end."""
    enter(ledger, "APTUSDT")
    follower_of(ledger).catch_up()
    follower = follower_of(ledger)
    compare, symbols = follower._tracking.differing, iter(["BTCUSDT", "ETHUSDT", "SUIUSDT"])

    def long_compare(one: int, other: int) -> set[str]:
        found = compare(one, other)
        enter(ledger, next(symbols))
        follower_of(ledger).catch_up()
        return found

    monkeypatch.setattr(follower._tracking, "differing", long_compare)
    done = follower.rebuild()
    assert (done.events, done.rows, done.differences) == (4, 2, 0)
    assert facts_of(ledger) == expected(ledger)


@pytest.mark.parametrize("goes_on", ["APTUSDT", "BTCUSDT", "ETHUSDT"])
def test_a_row_that_was_wrong_is_counted_once_though_the_follower_moved_on(
    ledger: PositionLedger, execute: Execute, monkeypatch: pytest.MonkeyPatch, goes_on: str
) -> None:
    enter(ledger, "APTUSDT", "BTCUSDT")
    follower_of(ledger).catch_up()
    execute("UPDATE projection_rows SET row = replace(row, '61.8', '7') WHERE position_id = 'APTUSDT.binance#1'")
    follower = follower_of(ledger)
    compare = follower._tracking.differing

    def long_compare(one: int, other: int) -> set[str]:
        found = compare(one, other)
        if goes_on == "ETHUSDT":
            enter(ledger, goes_on)
        else:
            ledger.set_stop_loss(position_id=f"{goes_on}.binance#1", stop_price="3.4", exchange_order_id="2")
        follower_of(ledger).catch_up()
        return found

    monkeypatch.setattr(follower._tracking, "differing", long_compare)
    assert follower.rebuild().differences == 1
    assert facts_of(ledger) == expected(ledger)


def test_it_does_not_follow_in_a_snapshot_which_shows_no_news(ledger: PositionLedger) -> None:
    enter(ledger, "APTUSDT")
    with ledger.store.snapshot(), pytest.raises(StoreUnavailable):
        follower_of(ledger).catch_up()
    follower_of(ledger).catch_up()
    assert facts_of(ledger) == expected(ledger)


def test_a_rebuild_that_follows_clears_what_an_earlier_one_left(ledger: PositionLedger, execute: Execute) -> None:
    enter(ledger, "APTUSDT")
    follower_of(ledger).catch_up()
    tracking = ledger.store.tracking("statistics")
    left = tracking.begin()
    execute(f"INSERT INTO projection_rows VALUES ('statistics', {left.generation}, 'X.y#1', NULL, '{{}}')")
    follower_of(ledger).rebuild()
    assert execute("SELECT DISTINCT generation FROM projection_rows") == [(left.generation + 1,)]
    assert execute("SELECT count(*) FROM projections") == [(1,)]
    assert not tracking.advance(left, 1, ())


def test_a_rebuild_clears_what_others_left_before_it_may_fail_itself(
    poisoned: PositionLedger, execute: Execute
) -> None:
    with pytest.raises(ProjectionStopped):
        follower_of(poisoned).catch_up()
    skip(poisoned, 4)
    execute("INSERT INTO projection_rows VALUES ('statistics', 99, 'X.y#1', NULL, '{}')")
    execute("UPDATE ledger_events SET type = 'EntryRequested.v9' WHERE nid = 1")
    with pytest.raises(ProjectionStopped):
        follower_of(poisoned).rebuild()
    assert execute("SELECT count(*) FROM projection_rows WHERE generation = 99") == [(0,)]


def test_clearing_goes_on_until_nothing_is_left(ledger: PositionLedger, execute: Execute) -> None:
    tracking = ledger.store.tracking("statistics")
    execute(
        "INSERT INTO projection_rows WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)"
        " SELECT 'statistics', 99, cast(i AS text), NULL, '{}' FROM n"
    )
    tracking.clear(rows_at_once=50)
    assert execute("SELECT count(*) FROM projection_rows") == [(0,)]


def test_killed_rebuilds_change_nothing_that_is_read(ledger: PositionLedger, ledger_url: str, execute: Execute) -> None:
    commands = [
        command
        for number in range(120)
        for command in (
            RequestEntry.of(symbol=f"S{number}USDT", exchange="b", side="long", quantity="1", intent_id="1"),
            RecordEntryPlaced.of(position_id=f"S{number}USDT.b#1", exchange_order_id="1", filled_qty="1", avg_px="2"),
        )
    ]
    ledger.handle_many(commands)
    follower_of(ledger).catch_up()
    moments = random.Random(20251022)
    with crowd(ledger_url, write=1, read=1, follow=1) as started:
        writer, reader, follower = started
        for _ in range(3):
            with crowd(ledger_url, rebuild=1) as (rebuilding,):
                for _ in range(moments.randrange(20)):
                    rebuilding.line()
        with crowd(ledger_url, rebuild=1) as (rebuilding,):
            assert rebuilding.stop() == [0, 0]
        written = writer.stop()
        follower.stop()
        looks = reader.stop()
    assert looks > 1
    assert written > 0
    assert verify(ledger.store).ok
    assert facts_of(ledger) == expected(ledger)
    assert {row.position_id: row for row in ledger.positions()} == {
        name: facts.position for name, facts in facts_of(ledger).items()
    }
    tables = "sqlite_schema" if ledger_url.startswith("sqlite") else "pg_class"
    assert execute(
        f"SELECT count(*) FROM {tables} WHERE {'rel' * (tables == 'pg_class')}name LIKE 'positions_next%'"
    ) == [(0,)]
    assert execute("SELECT count(DISTINCT generation) FROM projection_rows") == [(1,)]


# -- the schema -------------------------------------------------------------------------------------------------


def test_one_generation_is_read_at_a_time(ledger: PositionLedger, execute: Execute) -> None:
    assert ledger.store.tracking("statistics").cursor() == Checkpoint(1, 0)
    true = "1" if ledger.store.settings.kind == "sqlite" else "true"
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.UniqueViolation)):
        execute(f"INSERT INTO projections VALUES ('statistics', 2, 0, {true})")


OF_LATER_VERSIONS = (
    "settle_currency",
    "contract_size",
    "inverse",
    "protection",
    "stray",
    "residual_qty",
    "cash",
    "net_pnl",
)
"""The columns that the positions table did not have at first."""


def test_a_ledger_of_the_first_version_is_migrated(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as old:
        for module in (sqlite_schema, schema):
            old.setattr(module, "_MIGRATIONS", module._MIGRATIONS[:1])
            old.setattr(module, "SCHEMA_VERSION", 1)
        with PositionLedger.connect(ledger_url) as ledger:
            execute = executed(ledger_url)
            columns = "position_id text, place int, body text, PRIMARY KEY (position_id, place)"
            execute(f"CREATE TABLE positions_orders ({columns})")
            enter(ledger, "APTUSDT")
            execute("DROP TABLE positions_orders")  # they stood in the row then
            execute("DROP INDEX positions_strays")
            for column in OF_LATER_VERSIONS:
                execute(f"ALTER TABLE positions DROP COLUMN {column}")
    with pytest.raises(SchemaMismatch, match="run `position-ledger init`"):
        PositionLedger.connect(ledger_url, create=False)
    with PositionLedger.connect(ledger_url) as ledger:
        assert follower_of(ledger).catch_up() == 2
        assert facts_of(ledger) == expected(ledger)


def test_facts_of_a_ledger_that_knew_no_orders_are_folded_anew(ledger: PositionLedger, execute: Execute) -> None:
    enter(ledger, "APTUSDT")
    ledger.set_stop_loss(position_id="APTUSDT.binance#1", stop_price="3.4", exchange_order_id="s")
    follower_of(ledger).catch_up()
    text = "replace(row, '\"orders\":', '\"unknown\":')"
    execute(f"UPDATE projection_rows SET row = {text}")
    assert facts_of(ledger) != expected(ledger)
    for statement in schema._MIGRATIONS[3].read_text().split(";"):
        if "projection" in statement:
            execute(statement)
    assert follower_of(ledger).catch_up() == 3
    assert facts_of(ledger) == expected(ledger)


def test_what_belongs_to_no_cycle_is_taken_in_without_a_row(ledger: PositionLedger) -> None:
    ledger.handle(DefineInstrument.of(symbol="APTUSDT", exchange="binance", contract_size="10"))
    enter(ledger, "APTUSDT")
    assert follower_of(ledger).catch_up() == 3
    assert [*facts_of(ledger)] == ["APTUSDT.binance#1"]
    assert facts_of(ledger)["APTUSDT.binance#1"].position.contract_size == 10
    rebuilt = follower_of(ledger).rebuild()
    assert (rebuilt.rows, rebuilt.differences) == (1, 0)
    assert verify(ledger.store).ok


def test_what_was_left_out_is_passed_over_when_the_log_is_followed_from_its_beginning_again(
    poisoned: PositionLedger, execute: Execute
) -> None:
    follower = follower_of(poisoned)
    with pytest.raises(ProjectionStopped) as stopped:
        follower.catch_up()
    nid = stopped.value.poison.nid
    follower.skip(nid, reason="x", skipped_by="op", now=NOW, confirm=True)
    follower.catch_up()
    before = facts_of(poisoned)
    execute("DELETE FROM projection_rows")
    execute("UPDATE projections SET nid = 0")
    follower.catch_up()
    assert facts_of(poisoned) == before
