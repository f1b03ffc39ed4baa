"""Subscriptions on both databases: old and new events, each once and in order, from any place on."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from itertools import count, islice

import psycopg
import pytest

from domain.errors import HistoryDamaged, StoreUnavailable
from infrastructure.ledger.async_ledger import AsyncPositionLedger
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.questions.history import HistoryEntry
from infrastructure.ledger.subscription import Subscription
from position_ledger.testing import memory_ledger
from tests.infrastructure.event_store.postgres.load import Asked, eventually, tallied, workers, writing
from tests.urls import with_options

Place = tuple[int, str, int]
_symbols = count(1)


def record(ledger: PositionLedger, events: int = 1) -> None:
    """Events in streams of their own."""
    for _ in range(events):
        symbol = f"S{next(_symbols)}USDT"
        ledger.request_entry(symbol=symbol, exchange="binance", side="long", quantity="1", intent_id="1")


def logged(ledger: PositionLedger) -> list[tuple[int, str, int]]:
    return [(each.id, str(each.originator_id), each.originator_version) for each in ledger.store.log()]


def caught_up(ledger: PositionLedger, after: int = 0) -> list[int]:
    return [entry.nid for entry in ledger.subscribe(after=after, timeout_seconds=0)]


def test_what_is_there_is_handed_out_once_and_in_order(ledger: PositionLedger) -> None:
    record(ledger, 5)
    entries = list(ledger.subscribe(timeout_seconds=0))
    place = [(each.nid, each.event.originator_id, each.event.originator_version) for each in entries]
    assert place == logged(ledger)
    assert entries[0] == ledger.history(entries[0].event.originator_id)[0]


def test_it_goes_on_after_the_last_event_that_was_seen(ledger: PositionLedger) -> None:
    record(ledger, 3)
    first, second, third = caught_up(ledger)
    assert caught_up(ledger, after=first) == [second, third]
    assert caught_up(ledger, after=third) == []


def test_a_log_that_is_longer_than_a_batch_is_handed_out_whole(ledger: PositionLedger) -> None:
    record(ledger, 7)
    news = Subscription(ledger.store, ledger.store.wakeups(), timeout_seconds=0, batch_events=2)
    assert [entry.nid for entry in news] == caught_up(ledger)


def test_what_comes_is_waited_for(ledger: PositionLedger) -> None:
    news = ledger.subscribe()
    asked = Asked(lambda: next(news))
    record(ledger)
    assert asked.answer().nid == logged(ledger)[0][0]


class Reader:
    """A thread that reads until there is nothing more, and what it saw."""

    def __init__(self, news: Iterator[HistoryEntry]) -> None:
        self.seen: list[Place] = []
        self._end = Asked(lambda: self.seen.extend(map(place, news)))

    def end(self) -> None:
        self._end.answer()


def place(entry: HistoryEntry) -> Place:
    return entry.nid, entry.event.originator_id, entry.event.originator_version


def again_and_again(ledger: PositionLedger, ended: threading.Event) -> Iterator[HistoryEntry]:
    """What a program sees that is ended every few events, and goes on where it was."""
    after = 0
    while not ended.is_set():
        for entry in islice(ledger.subscribe(after=after, timeout_seconds=0.05), 7):
            after = entry.nid
            yield entry


def assert_nothing_is_missed(url: str) -> None:
    ended = threading.Event()
    with PositionLedger.connect(url) as ledger:
        news = ledger.subscribe()
        whole, pieces = Reader(news), Reader(again_and_again(ledger, ended))
        with workers(*writing(url, 2, "--cycles", "12")) as writers:
            for writer in writers:
                writer.tell("go")
            acknowledged = sum(len(tally.acknowledged) for tally in tallied(writers))
        log = logged(ledger)
        assert len(log) == acknowledged > 40
        eventually(lambda: len(whole.seen) >= len(log) and len(pieces.seen) >= len(log))
        news.stop()
        ended.set()
        whole.end()
        pieces.end()
        assert whole.seen == pieces.seen == log


def test_no_event_of_several_processes_is_missed_or_out_of_order(ledger_url: str) -> None:
    assert_nothing_is_missed(ledger_url)


def test_no_event_is_missed_where_appends_notify(postgres_url: str) -> None:
    assert_nothing_is_missed(with_options(postgres_url, "timeout=60&pool_size=4&notify=1"))


def test_it_ends_when_it_is_stopped(ledger: PositionLedger) -> None:
    record(ledger, 2)
    with ledger.subscribe() as news:
        next(news)
        reader = Reader(news)
        eventually(lambda: len(reader.seen) == 1)
        news.stop()
        reader.end()
        record(ledger)
        assert list(news) == []


def test_it_ends_when_its_ledger_is_disconnected(ledger_url: str) -> None:
    with PositionLedger.connect(ledger_url) as ledger:
        reader = Reader(ledger.subscribe())
        record(ledger)
        eventually(lambda: len(reader.seen) == 1)
    reader.end()


def test_it_ends_when_nothing_new_came_for_a_while(ledger: PositionLedger) -> None:
    begun = time.monotonic()
    news = ledger.subscribe(timeout_seconds=0.4)
    reader = Reader(news)
    for _ in range(3):
        record(ledger)
        eventually(lambda: len(reader.seen) == len(logged(ledger)))
    reader.end()
    assert news.is_over and time.monotonic() - begun >= 0.4
    record(ledger)
    assert list(news) == [], "what has ended stays so"


def test_an_event_that_cannot_be_read_is_not_passed_over() -> None:
    with memory_ledger() as ledger:
        record(ledger, 2)
        unreadable = "UPDATE ledger_events SET type = 'Later.v9' WHERE nid = 2"
        readable = "UPDATE ledger_events SET type = 'EntryRequested.v1' WHERE nid = 2"
        damage(ledger, unreadable)
        news = ledger.subscribe(timeout_seconds=0)
        assert next(news).nid == 1
        for _ in range(2):
            with pytest.raises(HistoryDamaged, match=r"Later\.v9"):
                next(news)
        damage(ledger, readable)


def damage(ledger: PositionLedger, statement: str) -> None:
    """From below, where triggers keep everybody else out."""

    def change(connection: sqlite3.Connection) -> None:
        name = "ledger_events_no_update"
        (guard,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)
        connection.execute(guard)

    ledger.store._connections.write(change)  # type: ignore[attr-defined] # it is the store on SQLite


def test_a_log_that_cannot_be_read_is_waited_for_as_long_as_patience_lasts(postgres_url: str) -> None:
    with PositionLedger.connect(with_options(postgres_url, "timeout=0.3")) as ledger:
        record(ledger)
        with psycopg.connect(postgres_url) as other:
            other.execute("LOCK TABLE ledger_events")
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable):
                next(ledger.subscribe(timeout_seconds=0, patience_seconds=0.5))
            assert time.monotonic() - begun >= 0.5
            patient = Asked(lambda: next(ledger.subscribe()))
            other.rollback()
        assert patient.answer().nid == 1


def test_a_listener_is_let_go(postgres_url: str) -> None:
    url = with_options(postgres_url, "notify=1")
    with PositionLedger.connect(url) as ledger:
        record(ledger)
        for entry in ledger.subscribe(timeout_seconds=0.5):
            record(ledger)
            if entry.nid == 2:
                break
        del entry
        eventually(lambda: listeners(postgres_url) == 0)
        list(ledger.subscribe(timeout_seconds=0.3))
        eventually(lambda: listeners(postgres_url) == 0)


def listeners(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        ).fetchone()
        assert found is not None
        return int(found[0])


def test_asyncio_sees_the_same(ledger_url: str) -> None:
    async def seen() -> list[Place]:
        async with await AsyncPositionLedger.connect(ledger_url) as ledger:
            for symbol in ("APTUSDT", "SOLUSDT", "AVLUSDT"):
                await ledger.request_entry(symbol=symbol, exchange="binance", side="long", quantity="1", intent_id="1")
            return [place(entry) async for entry in ledger.subscribe(timeout_seconds=0)]

    places = asyncio.run(seen())
    with PositionLedger.connect(ledger_url) as ledger:
        assert places == logged(ledger) and len(places) == 3


def test_asyncio_goes_on_while_it_waits_and_loses_nothing_to_a_wait_that_is_given_up(ledger_url: str) -> None:
    async def several() -> None:
        async with await AsyncPositionLedger.connect(ledger_url) as ledger:
            news = ledger.subscribe()
            seen = []
            for number in range(1, 6):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(news), 0.03)
                await ledger.request_entry(
                    symbol=f"C{number}USDT", exchange="binance", side="long", quantity="1", intent_id="1"
                )
                seen.append((await anext(news)).nid)
            assert seen == [entry.nid async for entry in ledger.subscribe(timeout_seconds=0)]

    asyncio.run(several())


def test_asyncio_is_told_the_end(ledger_url: str) -> None:
    async def ended() -> list[int]:
        ledger = await AsyncPositionLedger.connect(ledger_url)
        news, seen, begun = ledger.subscribe(), list[int](), asyncio.Event()

        async def read() -> None:
            async for entry in news:
                seen.append(entry.nid)
                begun.set()

        reading = asyncio.create_task(read())
        await ledger.request_entry(symbol="APTUSDT", exchange="binance", side="long", quantity="1", intent_id="1")
        await begun.wait()
        await ledger.disconnect()
        await asyncio.wait_for(reading, 30)
        assert [entry async for entry in news] == []
        return seen

    assert asyncio.run(ended()) == [1]
