"""Followers miss no event, and get none twice or out of order, whatever writers and the server do meanwhile."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest

from domain.commands.requests import RequestEntry
from domain.errors import StoreUnavailable
from infrastructure.event_store.postgres.appending import append
from infrastructure.event_store.postgres.appending.locks import APPEND_LOCK, lock_key
from infrastructure.event_store.postgres.listener import LOOK_SECONDS, Listener
from infrastructure.event_store.postgres.store import PostgresStore
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.ledger.subscription import Subscription
from infrastructure.settings import Settings
from infrastructure.store_opening import open_store
from tests.infrastructure.event_store.postgres.load import (
    Asked,
    assert_told_the_truth,
    eventually,
    logged,
    seconds,
    tallied,
    within,
    workers,
    writing,
)
from tests.infrastructure.event_store.postgres.server import Server
from tests.urls import with_options

INSERT = (
    "INSERT INTO ledger_events (stream, version, type, command_id, cycle, payload, hash, ts_recorded)"
    " VALUES (%s, 1, 'StopLossLost.v1', %s, 1, %s, repeat('0', 64), now()) RETURNING nid"
)
PAYLOAD = (
    '{"command_id":"by hand","request":"37753524f6061383","cycle":1,"ts_event":"2025-10-22T18:50:46.000000Z",'
    '"ts_recorded":"2025-10-22T18:50:46.000000Z","source":"sync","reason":"by hand"}'
)
_symbols = count(1)


class Held:
    """An append by hand, as the store makes it, whose transaction stays open until it is ended."""

    def __init__(self, url: str, stream: str) -> None:
        self.connection: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(url)
        lock = (APPEND_LOCK, lock_key(Settings.read(url)))
        self.connection.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", lock)
        found = self.connection.execute(INSERT, (stream, stream, PAYLOAD)).fetchone()
        assert found is not None
        self.nid: int = found[0]

    def commit(self) -> None:
        self.connection.commit()
        self.connection.close()

    def roll_back(self) -> None:
        self.connection.rollback()
        self.connection.close()


class Follower:
    """A thread that follows, and what it saw."""

    def __init__(self, url: str, patience_seconds: float = 60, look_seconds: float = LOOK_SECONDS) -> None:
        self.seen: list[tuple[int, str, int]] = []
        self.error: Exception | None = None
        settings = Settings.read(url)
        store = open_store(settings, create=False)
        assert isinstance(store, PostgresStore)
        wakeups = store.wakeups()
        if isinstance(wakeups, Listener):
            wakeups = Listener(store._connections, append.channel(lock_key(settings)), look_seconds)
        self._store = store
        self._news = Subscription(store, wakeups, patience_seconds=patience_seconds)
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        try:
            for entry in self._news:
                self.seen.append((entry.nid, entry.event.originator_id, entry.event.originator_version))
        except StoreUnavailable as error:
            self.error = error

    @property
    def nids(self) -> list[int]:
        return [nid for nid, _, _ in self.seen]

    def stop(self) -> None:
        self._news.stop()
        self._thread.join(30)
        assert not self._thread.is_alive(), "it waits for ever"
        self._store.close()


@contextmanager
def following(url: str, look_seconds: float = LOOK_SECONDS) -> Iterator[Follower]:
    one = Follower(url, look_seconds=look_seconds)
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def ledger(postgres_url: str) -> Iterator[PositionLedger]:
    with PositionLedger.connect(postgres_url) as ledger:
        yield ledger


def record(ledger: PositionLedger) -> None:
    """One event in a stream of its own."""
    symbol = f"S{next(_symbols)}USDT"
    ledger.request_entry(symbol=symbol, exchange="binance", side="long", quantity="1", intent_id="1")


@pytest.mark.parametrize("events", [1, 2, 10])
def test_an_event_is_given_its_place_only_under_the_lock(
    ledger: PositionLedger, postgres_url: str, events: int
) -> None:
    lock = (APPEND_LOCK, lock_key(Settings.read(postgres_url)))
    given = "SELECT last_value, is_called FROM ledger_events_nid_seq"
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid = %s"
    opened = [
        RequestEntry.of(symbol=f"L{number}USDT", exchange="binance", side="long", quantity="1", intent_id="1")
        for number in range(events)
    ]
    record(ledger)
    with psycopg.connect(postgres_url, autocommit=True) as follower:
        follower.execute("SELECT pg_advisory_lock(%s, %s)", lock)
        before = follower.execute(given).fetchone()
        asked = Asked(lambda: ledger.handle_many(opened))
        eventually(lambda: follower.execute(waiting, lock[:1]).fetchone() == (1,))
        assert follower.execute(given).fetchone() == before
        follower.execute("SELECT pg_advisory_unlock(%s, %s)", lock)
        assert len(asked.answer()) == events
    assert [nid for nid, _, _ in logged(postgres_url)] == [*range(1, events + 2)]


def settled(url: str) -> int:
    store = open_store(Settings.read(with_options(url, "timeout=0.5")), create=False)
    try:
        return within(0.5, store.high_water_mark)
    finally:
        store.close()


def test_nobody_passes_an_append_that_is_not_finished(ledger: PositionLedger, postgres_url: str) -> None:
    record(ledger)
    held = Held(postgres_url, "HELD")
    record(ledger)
    assert logged(postgres_url)[-1][0] == held.nid + 1, "one after the gap is committed"
    with following(postgres_url) as one:
        with pytest.raises(StoreUnavailable, match=r"unfinished for 0\.5 s"):
            settled(postgres_url)
        assert one.nids == [] or one.nids == [held.nid - 1]
        held.commit()
        eventually(lambda: one.nids == [held.nid - 1, held.nid, held.nid + 1])
    assert settled(postgres_url) == held.nid + 1


def test_a_place_that_was_rolled_back_is_passed_over(ledger: PositionLedger, postgres_url: str) -> None:
    with following(postgres_url) as one:
        held = Held(postgres_url, "HELD")
        record(ledger)
        held.roll_back()
        record(ledger)
        eventually(lambda: one.nids == [held.nid + 1, held.nid + 2])


def test_commits_that_come_in_another_order_are_read_in_log_order(ledger: PositionLedger, postgres_url: str) -> None:
    shuffled = random.Random(20251022)
    with following(postgres_url) as one, following(postgres_url) as other:
        for round_ in range(6):
            held = [Held(postgres_url, f"HELD{round_}-{number}") for number in range(4)]
            record(ledger)
            shuffled.shuffle(held)
            for append_ in held:
                (append_.roll_back if shuffled.random() < 0.25 else append_.commit)()
                record(ledger)
        eventually(lambda: len(one.seen) == len(other.seen) == len(logged(postgres_url)))
        assert one.seen == other.seen == logged(postgres_url)


def test_writers_go_on_while_followers_wait_for_one_of_them(ledger: PositionLedger, postgres_url: str) -> None:
    def forty_take() -> float:
        begun = time.monotonic()
        for _ in range(40):
            record(ledger)
        return time.monotonic() - begun

    record(ledger)
    alone = forty_take()
    held = Held(postgres_url, "HELD")
    with following(postgres_url) as one, following(postgres_url) as other:
        beside_followers = forty_take()
        assert held.nid not in one.nids + other.nids
        held.commit()
        eventually(lambda: one.seen == other.seen == logged(postgres_url))
    assert beside_followers < 5 * alone + 2, f"{beside_followers:.1f} s, and {alone:.1f} s without followers"


def test_a_follower_stops_while_an_append_is_unfinished(ledger: PositionLedger, postgres_url: str) -> None:
    held = Held(postgres_url, "HELD")
    record(ledger)
    with following(with_options(postgres_url, "timeout=0.5")):
        pass
    held.commit()


def test_two_followers_see_all_of_eight_writers_at_full_speed(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url):
        pass
    followers = [("follow", postgres_url), ("follow", postgres_url)]
    with workers(*writing(postgres_url, 4, "--seconds", str(seconds(3))), *followers) as started:
        for writer in started[:4]:
            writer.tell("go")
        tallies = tallied(started[:4])
        log = logged(postgres_url)
        for one in started[4:]:
            one.tell(str(log[-1][0]))
        seen = [[line.split() for line in one.said().splitlines()] for one in started[4:]]
    assert [[(int(nid), stream, int(version)) for nid, stream, version in one] for one in seen] == [log, log]
    versions: dict[str, int] = {}
    for _, stream, version in log:
        assert version == versions.get(stream, 0) + 1, "a stream is in the order of its versions"
        versions[stream] = version
    assert sum(tally.races_lost for tally in tallies) > 0, "places were rolled back"
    assert_told_the_truth(postgres_url, tallies)


def notifying(url: str) -> str:
    return with_options(url, "notify=1")


def listeners(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        return [pid for (pid,) in found]


def test_an_append_notifies_only_where_that_is_asked_for(ledger: PositionLedger, postgres_url: str) -> None:
    channel = append.channel(lock_key(ledger.store.settings))
    with psycopg.connect(postgres_url, autocommit=True) as listener:
        listener.execute(f"LISTEN {channel}")
        record(ledger)
        with PositionLedger.connect(notifying(postgres_url)) as loud:
            record(loud)
        heard = list(listener.notifies(timeout=5, stop_after=1))
        listener.execute("SELECT 1")
        assert len(heard) + len(list(listener.notifies(timeout=0))) == 1


def test_a_notification_is_enough_and_a_killed_listener_is_replaced(postgres_url: str) -> None:
    with PositionLedger.connect(notifying(postgres_url)) as loud, following(notifying(postgres_url), 3600.0) as one:
        for _ in range(3):
            eventually(lambda: len(listeners(postgres_url)) == 1)
            (pid,) = listeners(postgres_url)
            record(loud)
            eventually(lambda: one.seen == logged(postgres_url))
            with psycopg.connect(postgres_url, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
            record(loud)
            eventually(lambda: one.seen == logged(postgres_url))


def test_a_lost_notification_delays_and_loses_nothing(ledger: PositionLedger, postgres_url: str) -> None:
    with following(notifying(postgres_url), 0.2) as one:
        eventually(lambda: len(listeners(postgres_url)) == 1)
        record(ledger)  # does not notify
        eventually(lambda: one.seen == logged(postgres_url))


@pytest.fixture
def database(own_server: Server) -> str:
    name = f"follow{next(_symbols)}"
    own_server.do(f"CREATE DATABASE {name}")
    return name


@pytest.mark.parametrize("notify", [0, 1])
def test_a_follower_outlives_restarts_and_a_pause_of_the_server(own_server: Server, database: str, notify: int) -> None:
    url = own_server.url(database, timeout="0.5", notify=notify)
    with PositionLedger.connect(url) as ledger, following(url) as one:
        for disturb in ("fast", "immediate", "pause"):
            record(ledger)
            if disturb == "pause":
                with own_server.paused():
                    threading.Event().wait(2.0)
            else:
                own_server.restart(disturb)
            eventually(lambda: recorded(ledger))
            eventually(lambda: one.seen == logged(own_server.url(database)))


def recorded(ledger: PositionLedger) -> bool:
    try:
        record(ledger)
    except StoreUnavailable:
        return False
    return True


def test_a_follower_gives_up_when_its_patience_ends(own_server: Server, database: str) -> None:
    url = own_server.url(database, timeout="0.3")
    with PositionLedger.connect(url):
        one = Follower(url, patience_seconds=0.5)
        own_server.stop("fast")
        try:
            eventually(lambda: one.error is not None)
        finally:
            own_server.start()
            one.stop()
