"""A ledger that cannot be reached, or takes nothing: it rings when it is time, and nothing is over by that."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.errors import StoreUnavailable
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.watching.watcher import Watcher
from projections.health.checks import Severity
from tests.infrastructure.event_store.postgres.proxy import proxied
from tests.infrastructure.watching.night import BARE, Night, Recorder


def test_a_database_that_is_away_rings_after_a_while_and_nothing_is_over_by_that(night: Night) -> None:
    night.enter()
    is_away = False

    def connect() -> PositionLedger:
        return PositionLedger.connect(night.url, create=False)

    watcher = night.watch(connect=connect)
    examined = watcher._sections

    def away(*words: Any, **names: Any) -> Any:
        if is_away:
            raise StoreUnavailable("the server is gone")
        return examined(*words, **names)

    watcher._sections = away  # type: ignore[method-assign] # a server cannot be pulled on SQLite
    try:
        watcher.once(20)
        is_away = True
        watcher.once(20)
        night.at += timedelta(seconds=9)
        watcher.once(20)
        assert len(night.recorder.words) == 2, "it may be a standby that takes over"
        night.at += timedelta(seconds=1)
        watcher.once(20)
        assert night.recorder.words[2:] == ["alarm away ledger"]
        is_away = False
        watcher.once(20)
        assert night.recorder.words[3:] == ["over away ledger"]
    finally:
        watcher.close()
    assert night.said == ["StoreUnavailable: the server is gone", "ledger: can be reached again"]


def test_a_server_that_is_cut_off_rings_and_is_gone_on_with(postgres_url: str) -> None:
    with PositionLedger.connect(postgres_url):
        night = Night(postgres_url)
    night.enter()
    with proxied(postgres_url) as proxy:
        url = proxy.url("timeout=1")
        watcher = night.watch(connect=lambda: PositionLedger.connect(url, create=False))
        try:
            watcher.once(20)
            proxy.is_open = False
            proxy.cut()
            watcher.once(20)
            night.at += timedelta(seconds=10)
            watcher.once(20)
            assert night.recorder.words[2:] == ["alarm away ledger"]
            proxy.is_open = True
            watcher.once(20)
        finally:
            watcher.close()
    assert night.recorder.words[3:] == ["over away ledger"]
    assert night.round() == [], "what rang while it was away is remembered"


@pytest.mark.parametrize("set_by", [timedelta(hours=-1), timedelta(hours=1), timedelta(days=1)])
def test_a_database_that_is_away_rings_when_it_is_time_though_the_clock_is_set_meanwhile(
    night: Night, set_by: timedelta
) -> None:
    """Set back, it was silent for as long; set forward, it rang at once, and said that it was away for that long."""

    def connect() -> PositionLedger:
        raise StoreUnavailable("nobody is there")

    night.sinks = [Recorder(), Recorder("down", is_down=True)]
    watcher = night.watch(connect=connect)
    watcher.once(20)
    night.set_by = set_by
    night.at += timedelta(seconds=9)
    watcher.once(20)
    assert night.recorder.words == []
    night.at += timedelta(seconds=1)
    watcher.once(20)
    assert night.recorder.words == ["alarm away ledger"]
    assert night.recorder.heard[0].alarm.message == "away for 10 s: nobody is there"
    night.set_by = timedelta()
    night.at += timedelta(minutes=1)
    watcher.once(20)
    assert sorted(night.recorder.words[1:]) == ["again away ledger", "alarm watch sink down"]
    watcher.close()


def test_a_database_that_is_away_from_the_beginning_rings_as_well(night: Night) -> None:
    def connect() -> PositionLedger:
        raise StoreUnavailable("nobody is there")

    watcher = night.watch(connect=connect)
    watcher.once(20)
    night.at += timedelta(seconds=10)
    watcher.once(20)
    watcher.close()
    assert night.recorder.words == ["alarm away ledger"]


def test_whoever_looks_once_waits_until_a_database_that_is_away_rings(night: Night) -> None:
    def connect() -> PositionLedger:
        night.at += timedelta(seconds=4)
        raise StoreUnavailable("nobody is there")

    watcher = night.watch(connect=connect)
    assert watcher.once(20, waits_for_database=True) and watcher.is_cut_off
    watcher.close()
    assert night.recorder.words == ["alarm away ledger"]
    assert night.said == ["StoreUnavailable: nobody is there"]


def test_whoever_looks_once_goes_on_when_the_database_is_back_in_time(night: Night) -> None:
    night.enter()
    tries = iter((False, False, True))

    def connect() -> PositionLedger:
        if not next(tries):
            raise StoreUnavailable("a standby takes over")
        return night.ledger()

    watcher = night.watch(connect=connect)
    assert watcher.once(20, waits_for_database=True) and not watcher.is_cut_off
    watcher.close()
    assert sorted(night.recorder.words) == [f"alarm incomplete {BARE}", f"alarm unprotected {BARE}"]


def test_what_cannot_be_remembered_is_said_once_and_known(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> bool:
        raise StoreUnavailable("the disk is read only")

    night.enter()
    watcher = night.watch()
    watcher.look()
    assert watcher._ledger is not None
    night.at += timedelta(hours=2)
    known = []
    with monkeypatch.context() as read_only:
        read_only.setattr(watcher._ledger.store, "remember", refused)
        for _ in range(2):
            watcher.once(20)
            known.append(watcher.is_cut_off)
    assert night.said == ["not remembered yet: StoreUnavailable: the disk is read only"]
    watcher.once(20)
    watcher.close()
    assert [*known, watcher.is_cut_off] == [True, True, False]


@pytest.fixture
def held_up(tmp_path: Path) -> Iterator[tuple[Night, sqlite3.Connection]]:
    """A night of a ledger that waits for a lock no longer than is said, and somebody who may hold one."""
    file = tmp_path / "ledger.db"
    with PositionLedger.connect(f"sqlite:///{file}") as ledger:
        ledger.request_entry(symbol="APTUSDT", exchange="binance", side="short", quantity="61", intent_id="1")
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        yield Night(f"sqlite:///{file}?timeout=0.1"), holder


def test_a_ledger_that_takes_nothing_rings_after_a_while_and_once_it_takes_something_that_is_over(
    held_up: tuple[Night, sqlite3.Connection],
) -> None:
    night, holder = held_up
    watcher = night.watch()
    try:
        watcher.once(20)
        assert night.recorder.words == []
        holder.execute("BEGIN IMMEDIATE")
        night.at += timedelta(minutes=2)
        watcher.once(20)
        night.at += timedelta(seconds=9)
        watcher.once(20)
        assert night.recorder.words == [f"alarm incomplete {BARE}"], "it may be a rebuild, and it is told all the same"
        night.at += timedelta(seconds=1)
        watcher.once(20)
        assert night.recorder.words[1:] == ["alarm away ledger"]
        assert night.recorder.heard[1].alarm.severity is Severity.CRITICAL
        assert "nothing could be written for 10 s" in night.recorder.heard[1].alarm.message
        assert "was locked by another process" in night.recorder.heard[1].alarm.message
        holder.execute("ROLLBACK")
        watcher.once(20)  # that writes it down
        watcher.once(20)
        assert night.recorder.words[2:] == ["over away ledger"]
    finally:
        watcher.close()
    assert night.round() == [], "all of it is remembered"


def test_whoever_looks_once_waits_until_a_ledger_that_takes_nothing_rings(
    held_up: tuple[Night, sqlite3.Connection],
) -> None:
    night, holder = held_up
    begun = time.monotonic()
    watcher = Watcher(
        night.plan, night.sinks, night.said.append, clock=lambda: night.at + 20 * timedelta(0, time.monotonic() - begun)
    )
    holder.execute("BEGIN IMMEDIATE")
    assert watcher.once(20, waits_for_database=True) and watcher.is_cut_off
    holder.execute("ROLLBACK")
    watcher.close()
    assert night.recorder.words == ["alarm away ledger"]


def test_whoever_looks_once_goes_on_when_a_lock_is_let_go_in_time(held_up: tuple[Night, sqlite3.Connection]) -> None:
    night, holder = held_up
    watcher = night.watch()
    holder.execute("BEGIN IMMEDIATE")
    told = watcher._remember

    def let_go_after_a_while() -> None:
        told()
        if watcher.is_cut_off and holder.in_transaction:
            holder.execute("ROLLBACK")

    watcher._remember = let_go_after_a_while  # type: ignore[method-assign] # the lock is a real one
    assert watcher.once(20, waits_for_database=True) and not watcher.is_cut_off
    watcher.close()
    assert night.recorder.words == []
