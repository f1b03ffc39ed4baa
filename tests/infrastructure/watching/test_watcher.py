"""The watch on a real ledger: its alarms, its notices to sinks, and its memory."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from domain.errors import HistoryDamaged, SchemaMismatch, StoreUnavailable
from domain.values import timestamp_text
from infrastructure.event_store.port import WatchMemory
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.operations.health import Question
from infrastructure.settings import Settings
from infrastructure.watching import courier
from infrastructure.watching.sinks.sink import DeliveryFailed, NoticeBatch
from infrastructure.watching.stored_watch import AnotherWatch
from infrastructure.watching.watcher import SnapshotsUnreadable, Watcher, WatchPlan
from projections.health import diagnosis
from projections.health.alarm import Notice
from projections.health.checks import Severity
from projections.reconciliation.result import ReconciliationRules
from tests.infrastructure.event_store.postgres.proxy import proxied

BARE = "APTUSDT.binance#1"


@dataclass
class Recorder:
    """A sink that takes every batch, or none while it is down."""

    name: str = "recorder"
    notices_max: int = 50
    is_down: bool = False
    heard: list[Notice] = field(default_factory=list)

    def send(self, batch: NoticeBatch) -> None:
        if self.is_down:
            raise DeliveryFailed("down")
        self.heard += batch.notices

    @property
    def words(self) -> list[str]:
        return [f"{each.kind} {each.alarm.check} {each.alarm.subject}" for each in self.heard]


class Night:
    """A ledger, a watch that may be restarted, and a clock that the test moves."""

    def __init__(self, url: str) -> None:
        self.url, self.at = url, datetime.now(UTC)
        self.set_by = timedelta()
        self.said: list[str] = []
        self.sinks = [Recorder()]
        self.plan = WatchPlan(
            name="night",
            connect=lambda: PositionLedger.connect(url, create=False),
            where="ledger",
            question=Question(now=self.at, age=timedelta(hours=1), rules=ReconciliationRules(), verifies=False),
            shown=lambda: ((), {}),
            every=timedelta(seconds=0.05),
            again=timedelta(minutes=60),
            verifies_every=None,
        )

    @property
    def recorder(self) -> Recorder:
        return self.sinks[0]

    def seconds(self) -> float:
        """The clock that is never set."""
        return self.at.timestamp()

    def watch(self, **plan: Any) -> Watcher:
        return Watcher(
            replace(self.plan, **plan),
            self.sinks,
            self.said.append,
            clock=lambda: self.at + self.set_by,
            monotonic=self.seconds,
        )

    def round(self, **plan: Any) -> list[str]:
        """Start a watch, let it look once, and end it; returns the notices that it sent."""
        before = len(self.recorder.heard)
        watcher = self.watch(**plan)
        try:
            watcher.once(20)
        finally:
            watcher.close()
        return self.recorder.words[before:]

    def memory(self) -> WatchMemory | None:
        with self.ledger() as ledger:
            return ledger.store.watch_memory("night")

    def ledger(self) -> PositionLedger:
        return PositionLedger.connect(self.url)

    def change(self, statement: str) -> None:
        """Change what is stored, past the ledger."""
        settings = Settings.read(self.url)
        connect: Any = sqlite3.connect if settings.kind == "sqlite" else psycopg.connect
        with closing(connect(settings.where)) as connection:
            connection.execute(statement)
            connection.commit()

    def enter(self, ago: timedelta = timedelta(minutes=5)) -> None:
        at: dict[str, Any] = {"at": timestamp_text(self.at - ago), "position_id": BARE}
        with self.ledger() as ledger:
            ledger.request_entry(
                symbol="APTUSDT", exchange="binance", side="short", quantity="61", intent_id="1", at=at["at"]
            )
            ledger.record_entry_placed(exchange_order_id="1", filled_qty="61", avg_px="3.2295", **at)

    def protect(self) -> None:
        with self.ledger() as ledger:
            ledger.set_stop_loss(position_id=BARE, stop_price="3.3", exchange_order_id="2", activate=True)


@pytest.fixture
def night(ledger_url: str) -> Night:
    with PositionLedger.connect(ledger_url):
        return Night(ledger_url)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "PAUSE_SECONDS", 0.01)


def test_a_quiet_ledger_rings_for_nothing(night: Night) -> None:
    assert night.round() == []
    assert night.said == []


def test_it_rings_once_and_when_it_is_over_across_restarts(night: Night) -> None:
    night.enter()
    assert sorted(night.round()) == [f"alarm incomplete {BARE}", f"alarm unprotected {BARE}"]
    assert night.round() == []
    night.at += timedelta(minutes=59)
    assert night.round() == ["worse incomplete APTUSDT.binance#1"]
    night.at += timedelta(minutes=1)
    assert night.round() == [f"again unprotected {BARE}"]
    night.protect()
    assert sorted(night.round()) == [f"over incomplete {BARE}", f"over unprotected {BARE}"]
    assert json.loads((night.memory() or WatchMemory(0, "{}")).body)["alarms"] == []


def test_within_the_time_of_an_entry_nothing_rings(night: Night) -> None:
    night.enter(ago=timedelta())
    assert night.round() == []


def test_a_sink_that_is_down_holds_up_no_other_and_is_told_later(night: Night) -> None:
    down = Recorder("down", is_down=True)
    night.sinks = [Recorder(), down]
    night.enter()
    assert len(night.round()) == 2
    assert down.heard == []
    assert any(said.startswith("down: not delivered: down; tried again in ") for said in night.said)
    night.protect()
    assert len(night.round()) == 2, "the others are told that it is over"
    down.is_down = False
    night.round()
    assert sorted(down.words) == [f"missed incomplete {BARE}", f"missed unprotected {BARE}"]


def test_a_sink_that_hangs_holds_up_no_other(night: Night) -> None:
    release = threading.Event()

    class Hanging(Recorder):
        def send(self, batch: NoticeBatch) -> None:
            release.wait(20)
            super().send(batch)

    night.sinks = [Recorder(), hanging := Hanging("hanging")]
    night.enter()
    watcher = night.watch()
    try:
        watcher.run(rounds=3)
        assert len(night.recorder.heard) == 2
        assert hanging.heard == []
    finally:
        release.set()
        watcher.close()
    assert len(hanging.heard) == 2, "what was under way is waited for"
    assert night.round() == [], "and remembered"


def test_a_sink_that_is_down_for_long_is_told_to_the_others(night: Night) -> None:
    night.sinks = [Recorder(), Recorder("down", is_down=True)]
    night.enter()
    watcher = night.watch()
    try:
        watcher.once(20)
        night.at += timedelta(minutes=2)
        watcher.once(20)
    finally:
        watcher.close()
    assert "alarm watch sink down" in night.recorder.words


def test_nothing_is_written_while_nothing_changes(night: Night) -> None:
    night.enter()
    night.round()
    before = night.memory()
    watcher = night.watch()
    try:
        watcher.run(rounds=1)
        with night.ledger() as ledger:
            first = ledger.store.watch_memory("night")
        watcher.run(rounds=5)
    finally:
        watcher.close()
    assert before is not None and first is not None
    assert night.memory() == first
    assert first.turn - before.turn <= 1


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


def test_no_ledger_at_all_is_no_alarm_but_refused(night: Night) -> None:
    def connect() -> PositionLedger:
        raise SchemaMismatch("holds no ledger")

    with pytest.raises(SchemaMismatch):
        night.watch(connect=connect).once(20)


def test_damage_rings(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.enter(ago=timedelta())
    monkeypatch.setattr("infrastructure.integrity.verify.expected", lambda records: ("another" for _ in records))
    words = night.round(verifies_every=timedelta(hours=1))
    assert words == ["alarm damage APTUSDT.binance version 1", "alarm damage APTUSDT.binance version 2"]
    assert night.round() == [f"over {word.removeprefix('alarm ')}" for word in words]


def test_damage_is_not_over_while_nobody_has_looked_again(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.enter(ago=timedelta())
    with monkeypatch.context() as damaged:
        damaged.setattr("infrastructure.integrity.verify.expected", lambda records: ("another" for _ in records))
        assert len(night.round(verifies_every=timedelta(hours=1))) == 2
    watcher = night.watch(verifies_every=timedelta(hours=1))
    release = threading.Event()
    assert watcher._patrol is not None
    walk = watcher._patrol._walk
    watcher._patrol._walk = lambda store: (release.wait(20), walk(store))[1]  # type: ignore[method-assign] # held up
    try:
        watcher.run(rounds=3)
        assert len(night.recorder.heard) == 2
        release.set()
        watcher.once(20)
    finally:
        release.set()
        watcher.close()
    assert [word.split()[0] for word in night.recorder.words[2:]] == ["over", "over"]


def test_what_cannot_be_verified_rings_for_who_looks_once(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def malformed(*_: Any) -> Any:
        raise StoreUnavailable("database disk image is malformed")

    with monkeypatch.context() as damaged:
        damaged.setattr("infrastructure.watching.damage_patrol.verify", malformed)
        assert night.round(verifies_every=timedelta(hours=1)) == ["alarm damage ledger"]
    assert night.round(verifies_every=timedelta(hours=1)) == ["over damage ledger"]


def test_a_walk_that_fails_is_tried_again_before_it_rings(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(*_: Any) -> Any:
        raise StoreUnavailable("the connection was lost")

    monkeypatch.setattr("infrastructure.watching.damage_patrol.verify", cut_off)
    watcher = night.watch(verifies_every=timedelta(seconds=0))
    words = []
    try:
        for failures in (1, 2):
            while sum(each.startswith("not verified") for each in night.said) < failures:
                watcher.run(rounds=1)
            words.append([*night.recorder.words])
        watcher.once(20)
    finally:
        watcher.close()
    assert words[0] == [] and night.recorder.words == ["alarm damage ledger"]


def test_an_event_that_cannot_be_read_rings(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.round()
    night.enter(ago=timedelta())
    with monkeypatch.context() as damaged:

        def unreadable(_: object) -> None:
            raise HistoryDamaged("nid 1 cannot be read")

        damaged.setattr("infrastructure.ledger.questions.history.decode", unreadable)
        assert night.round() == ["alarm damage log"]
    assert night.round() == ["over damage log"]


def test_no_alarm_of_a_cycle_is_over_while_its_row_cannot_be_read(night: Night) -> None:
    night.enter()
    assert len(night.round()) == 2
    night.change("UPDATE positions SET side = 'sideways'")
    assert night.round() == ["alarm damage positions"]
    night.change("UPDATE positions SET side = 'short'")
    assert night.round() == ["over damage positions"]


def test_a_past_that_is_lost_rings_once(night: Night) -> None:
    night.enter(ago=timedelta())
    night.round()
    memory = night.memory()
    assert memory is not None
    body = json.loads(memory.body)
    body["place"][1] = "0" * 64
    with night.ledger() as ledger:
        ledger.store.remember("night", WatchMemory(memory.turn + 1, json.dumps(body)))
    assert night.round() == ["alarm damage log"]
    assert night.round() == ["over damage log"]


def test_a_memory_that_cannot_be_read_is_refused_and_another_name_begins_with_none(night: Night) -> None:
    night.enter()
    with night.ledger() as ledger:
        damaged = (
            "no JSON",
            "[]",
            '{"place": [1], "alarms": []}',
            '{"place": null}',
            '{"place": null, "alarms": [{}]}',
        )
        for turn, body in enumerate(damaged, start=1):
            ledger.store.remember("night", WatchMemory(turn, body))
            with pytest.raises(HistoryDamaged, match="give the watch another name, and it starts with an empty memory"):
                night.round()
    assert len(night.round(name="another")) == 2


def test_two_watches_of_one_name_do_not_go_on(night: Night) -> None:
    first = night.watch()
    first.once(20)
    night.enter()
    assert len(night.round()) == 2
    with pytest.raises(AnotherWatch, match="another watch of the name night"):
        first.once(20)
    with pytest.raises(AnotherWatch):
        first.close()


def test_what_was_written_though_nobody_said_so_is_our_own(night: Night) -> None:
    night.enter()
    watcher = night.watch()
    watcher.look()
    assert watcher._ledger is not None
    store, remember = watcher._ledger.store, watcher._ledger.store.remember

    def without_a_reply(name: str, memory: WatchMemory) -> bool:
        store.remember = remember  # type: ignore[method-assign] # the reply to this one is lost
        remember(name, memory)
        raise StoreUnavailable("the reply is lost")

    store.remember = without_a_reply  # type: ignore[method-assign] # its reply is lost once
    watcher.once(20)
    watcher.once(20)
    watcher.close()
    assert len(night.recorder.heard) == 2
    assert night.round() == []


def test_snapshots_that_cannot_be_read_ring(night: Night) -> None:
    def shown() -> Any:
        raise SnapshotsUnreadable("binance.json: not JSON")

    assert night.round(shown=shown) == ["alarm exchange snapshots"]
    assert night.round() == ["over exchange snapshots"]


def test_a_silence_rings(night: Night) -> None:
    night.enter(ago=timedelta())
    night.protect()
    plan = {"question": replace(night.plan.question, quiet=timedelta(minutes=30))}
    assert night.round(**plan) == []
    night.at += timedelta(minutes=31)
    assert night.round(**plan) == ["alarm silence ledger"]
    with night.ledger() as ledger:
        ledger.define_instrument(symbol="SUIUSDT", exchange="binance", contract_size="1", reason="r")
    night.at -= timedelta(minutes=31)
    assert night.round(**plan) == ["over silence ledger"]


def test_a_silence_of_which_a_wrong_clock_hides_the_length_is_a_warning_about_that_clock(night: Night) -> None:
    night.enter(ago=timedelta())
    night.protect()
    plan = {"question": replace(night.plan.question, quiet=timedelta(minutes=30))}
    night.set_by = timedelta(seconds=-50)
    assert night.round(**plan) == []
    night.set_by = timedelta(hours=-2)
    assert night.round(**plan) == ["alarm silence ledger"]
    assert "2 h ahead of the clock" in night.recorder.heard[0].alarm.message
    assert "look which clock is wrong" in night.recorder.heard[0].alarm.advice


def test_a_follower_that_is_behind_rings_as_status_shows_it(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.enter(ago=timedelta())
    monkeypatch.setattr(diagnosis, "LAG_MAX", 1)
    assert night.round() == ["alarm projections statistics"]
